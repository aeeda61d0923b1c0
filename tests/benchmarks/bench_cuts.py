"""What is heard of a session on the phone page when the network is cut, as a Markdown table.

    python tests/benchmarks/bench_cuts.py [--cuts N] [--minutes M] [--seed S] [--check]

“voiceguide serve” makes a session, and Chromium plays it over a line of 1 MB/s, so that some cuts
come while the file is taken in, and others after that. For each cut the page is loaded anew, plays
from a random moment, and loses the network after up to four seconds, for up to four seconds.
``--check`` ends with status 1 if the sound was gone for more than a second without a word of it, or
did not come back within 15 seconds. Works in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import httpx
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotOpened

WANTED = {"target": "calf", "side": "left", "level": "gentle", "guidance": "tones"}
LINE_BYTES_S = 1_000_000
MOST_UNTOLD_MS = 1000
"""For how long nothing may be heard without a word of it."""
MOST_BACK_S = 15
LONGEST_WAIT_S, LONGEST_CUT_S = 4.0, 4.0

WATCH = """
window.watched = { worst: 0, told: false };
let since = performance.now();
let before = -1;
setInterval(() => {
  const audio = document.querySelector("audio");
  if (!audio) return;
  const words = document.querySelector("#stage .waits").textContent;
  const isHeard = !audio.paused && audio.currentTime !== before;
  before = audio.currentTime;
  const time = performance.now();
  if (isHeard || words || !document.body.classList.contains("playing")) since = time;
  watched.worst = Math.max(watched.worst, time - since);
  watched.told ||= Boolean(words);
}, 50);
"""
"""Notes the longest time in which nothing is heard while it is to play, and nothing is said."""


class Cut(NamedTuple):
    """What came of a cut."""

    here: bool
    """Whether the whole file was on the phone already."""
    told: bool
    """Whether the page said that it waits."""
    untold_ms: float
    """For how long nothing was heard, and nothing was said."""
    back_s: float
    """When the sound was there, after the network was; infinite if it stayed away."""


def main() -> int:
    """Cut the network, print what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60, help="stop after this time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    until = time.monotonic() + 60 * asked.minutes
    cuts: list[Cut] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [sys.executable, "-m", "voiceguide", "serve", f"{folder}/out", "--port", "0"]
        environment = {**os.environ, "VOICEGUIDE_CONFIG_DIR": folder}
        with subprocess.Popen(
            [*command, "--host", "127.0.0.1"], stdout=subprocess.PIPE, text=True, env=environment
        ) as server:
            try:
                address = re.search(r"http://\S+:\d+/", server.stdout.readline())[0]
                session = made(address)
                while len(cuts) < asked.cuts and time.monotonic() < until:
                    browser = playwright.chromium.launch(
                        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                    )
                    try:
                        page = opened(browser, f"{address}#session/{session['id']}")
                        cuts.append(cut(page, session, chance))
                    except NotOpened as error:
                        # On a line that it makes slow, Chromium now and then stops while a page is
                        # loaded, though the server has sent all of it. That was no cut.
                        if "goto" not in error.message:
                            raise
                    browser.close()
            finally:
                server.terminate()
    print_table(cuts)
    failed = [one for one in cuts if one.untold_ms > MOST_UNTOLD_MS or one.back_s > MOST_BACK_S]
    return int(asked.check and bool(failed))


def made(address: str) -> dict:
    """Have the session made; return what the server says of it."""
    id_ = httpx.post(f"{address}api/sessions", json=WANTED).json()["id"]
    while True:
        about = httpx.get(f"{address}api/sessions/{id_}").json()
        if about["state"] == "ready":
            return about
        time.sleep(0.5)


class Opened(NamedTuple):
    """A page, and the way to its network."""

    page: Page
    tools: CDPSession


def opened(browser: Browser, address: str) -> Opened:
    """Open a page over the line; raises NotOpened."""
    page = browser.new_page(viewport={"width": 360, "height": 740}, locale="en")
    page.add_init_script(WATCH)
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    line(tools, there=True)
    page.goto(address, wait_until="domcontentloaded")  # the cover comes beside the sound
    return Opened(page, tools)


def cut(at: Opened, session: dict, chance: random.Random) -> Cut:
    """Play from somewhere, and take the network away for a while."""
    page, tools = at
    page.get_by_role("button", name="Play", exact=True).click()
    at_s = chance.uniform(0, session["duration_ms"] / 1000 - 60)
    page.evaluate(f"document.querySelector('audio').currentTime = {at_s}")
    back(page)
    page.evaluate("Object.assign(watched, { worst: 0, told: false })")
    page.wait_for_timeout(chance.uniform(0, 1000 * LONGEST_WAIT_S))
    here = page.evaluate("document.querySelector('#taking').hidden")
    line(tools, there=False)
    page.wait_for_timeout(chance.uniform(0, 1000 * LONGEST_CUT_S))
    line(tools, there=True)
    back_s = back(page)
    watched = page.evaluate("watched")
    return Cut(here, watched["told"], watched["worst"], back_s)


def line(tools, *, there: bool) -> None:
    """Let the network be there, or not."""
    speeds = dict.fromkeys(("downloadThroughput", "uploadThroughput"), LINE_BYTES_S)
    tools.send("Network.emulateNetworkConditions", {"offline": not there, "latency": 20, **speeds})


def back(page) -> float:
    """Wait until it plays; return for how long, in seconds."""
    begin = time.monotonic()
    last = page.evaluate("document.querySelector('audio').currentTime")
    while (waited := time.monotonic() - begin) <= MOST_BACK_S:
        page.wait_for_timeout(50)
        at = page.evaluate("document.querySelector('audio').currentTime")
        if at != last and not page.evaluate("document.querySelector('audio').paused"):
            return waited
        last = at
    return float("inf")


def print_table(cuts: list[Cut]) -> None:
    """Print what came of the cuts, by whether the whole file was there."""
    print("| cuts | the file was | told of | longest silence untold | back after at most | stuck |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    for here in (False, True):
        some = [one for one in cuts if one.here is here]
        if not some:
            continue
        backs = [one.back_s for one in some if one.back_s <= MOST_BACK_S]
        told = sum(one.told for one in some)
        untold_ms = max(one.untold_ms for one in some)
        print(
            f"| {len(some)} | {'there' if here else 'on its way'} | {told} | {untold_ms:.0f} ms "
            f"| {max(backs, default=0):.1f} s | {len(some) - len(backs)} |"
        )


if __name__ == "__main__":
    sys.exit(main())
