"""How fast a render is and how much memory it takes, as a Markdown table of ratios.

    python tests/benchmarks/bench_render.py [--runs N] [--check]

What is compared takes turns, N times over, so that a busy machine slows all of it alike; the table
gives medians. Works in a temporary folder. For Linux, with ffmpeg, espeak-ng and lame.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import psutil

# voiceguide is not imported here: Linux counts what a parent holds when it starts a child into the
# child's peak, so this process must stay smaller than what it weighs.

PROGRAMS = ("ffmpeg", "espeak-ng", "lame")

MOST_OF_ENCODING = 1.5
"""A cold render may take so many times as long as encoding alone."""
MOST_MB = 160.0
"""What the main process of a long render may hold, in 1,000,000 bytes."""
MOST_GROWTH = 1.15
"""A long render may hold so many times as much as a short one."""

ROUNDS = 17
"""The session of ten minutes lasts three hours so many times over."""
SAMPLING_S = 0.02

VOICEGUIDE = (sys.executable, "-m", "voiceguide")
SCRIPT = (*VOICEGUIDE, "script", "calf", "--side=left", "--format=ssml")
SHORT = (*VOICEGUIDE, "render", "short.ssml", "-o", "short.mp3")
LONG = (*VOICEGUIDE, "render", "long.ssml", "-o", "long.mp3")
DECODE = ("ffmpeg", "-v", "error", "-i", "short.mp3", "decoded.wav")
ENCODE = ("ffmpeg", "-v", "error", "-y", "-i", "decoded.wav", "-b:a", "96k", "encoded.mp3")
SPEAK = (
    "bash", "-o", "pipefail", "-c",
    "espeak-ng -m -v en-us -s 140 --stdout -f words.txt | lame --quiet -b 96 - spoken.mp3",
)  # fmt: skip
CACHE = Path("cache")

_EMPTY_BREATH = re.compile(r'(<media><audio src="(?:in|ex)hale\.wav"[^>]*></media>)\s*(?=</par>)')
_WORDS = re.compile(r"(<s>|<speak>)([^<]*\w)")


class Weighed(NamedTuple):
    """How much memory a command held at its peak, in 1,000,000 bytes."""

    main_mb: float
    """Its own process."""
    tree_mb: float
    """All its processes; what several share counts in each."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    against: str
    ratio: float
    limit: float | None = None

    @property
    def broken(self) -> bool:
        """Tell whether the ratio is beyond its limit."""
        return self.limit is not None and self.ratio > self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"{self.limit:.2f}{' **broken**' * self.broken}"
        return f"| {self.what} | {self.against} | {self.ratio:.2f} | {limit} |"


def main() -> int:
    """Measure, print the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is broken")
    options = parser.parse_args()
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        print(f"bench_render: missing: {', '.join(missing)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ["VOICEGUIDE_CACHE_DIR"] = str(CACHE)
        os.environ["VOICEGUIDE_CONFIG_DIR"] = "config"  # not the user's own, for a like session
        prepare()
        rows = [*times(options.runs), *weights(options.runs)]
    print("| what | against | ratio | limit |\n| --- | --- | --- | --- |", *rows, sep="\n")
    return int(options.check and any(row.broken for row in rows))


def prepare() -> None:
    """Write the two scripts, the audio to encode, and the words to speak."""
    script = output(SCRIPT)
    Path("short.ssml").write_text(script)
    Path("long.ssml").write_text(repeated(script, ROUNDS))
    output(SHORT)
    output(DECODE)
    session = timeline("short.ssml")
    words, at_ms = [], 0
    for event in session["events"]:
        if event["kind"] == "speech":
            pause_ms = max(0, event["begin_ms"] - at_ms)
            words.append(f'<break time="{pause_ms}ms"/>{escape(event["text"])}')
            at_ms = event["end_ms"]
    words.append(f'<break time="{session["duration_ms"] - at_ms}ms"/>')
    Path("words.txt").write_text("<speak>" + "\n".join(words) + "</speak>")


def repeated(script: str, rounds: int) -> str:
    """Give ``script`` so many times over, counting aloud, so that no phrase comes twice."""
    begin, end = script.index(">") + 1, script.rindex("</speak>")
    breaths = itertools.count(1)
    bodies = []
    for number in range(1, rounds + 1):
        body = _WORDS.sub(rf"\1\2, {number}", script[begin:end])
        spoken = r'\1<media begin="0.2s"><speak>Breath {}.</speak></media>'
        bodies.append(
            _EMPTY_BREATH.sub(lambda found: found.expand(spoken.format(next(breaths))), body)
        )
    return script[:begin] + "".join(bodies) + script[end:]


def times(runs: int) -> Iterator[Row]:
    """Compare a cold render with encoding, with speaking alone, and with a warm one."""
    cold, warm, encoding, speaking = [], [], [], []
    for _ in range(runs):
        forget()
        cold.append(timed(SHORT))
        warm.append(timed(SHORT))
        encoding.append(timed(ENCODE))
        speaking.append(timed(SPEAK))
    minutes = timeline("short.ssml")["duration_ms"] / 60_000
    cold_s, told = median(cold), f"cold render of {minutes:.1f} min, {median(cold):.2f} s"
    for name, others, limit in (
        ("ffmpeg encodes it", encoding, MOST_OF_ENCODING),
        ("espeak-ng and lame", speaking, None),
        ("warm render", warm, None),
    ):
        other_s = median(others)
        yield Row(told, f"{name}, {other_s:.2f} s", cold_s / other_s, limit)


def weights(runs: int) -> Iterator[Row]:
    """Compare the memory that a long cold render takes with that of a short one."""
    short, long = [], []
    for _ in range(runs):
        forget()
        short.append(weighed(SHORT))
        forget()
        long.append(weighed(LONG))
    whole = timeline("long.ssml")
    phrases = {event["text"] for event in whole["events"]}
    told = f"{whole['duration_ms'] / 3_600_000:.2f} h, {len(phrases):,} phrases"
    main_mb = median(run.main_mb for run in long)
    short_main_mb = median(run.main_mb for run in short)
    tree_mb = median(run.tree_mb for run in long)
    short_tree_mb = median(run.tree_mb for run in short)
    main = f"main process at most, {told}: {main_mb:.0f} MB"
    yield Row(main, f"{MOST_MB:.0f} MB", main_mb / MOST_MB, 1.0)
    yield Row(main, f"short session, {short_main_mb:.0f} MB", main_mb / short_main_mb, MOST_GROWTH)
    tree = f"all processes at most: {tree_mb:.0f} MB"
    yield Row(tree, f"short session, {short_tree_mb:.0f} MB", tree_mb / short_tree_mb)


def timed(command: Sequence[str]) -> float:
    """Run a command; give its seconds."""
    begin_s = time.monotonic()
    output(command)
    return time.monotonic() - begin_s


def weighed(command: Sequence[str]) -> Weighed:
    """Run a command, and look at its processes every 20 ms."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    process = psutil.Process(child.pid)
    tree = pid = 0
    while not pid:
        tree = max(tree, resident(process))
        time.sleep(SAMPLING_S)
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Weighed(usage.ru_maxrss * 1024 / 1e6, tree / 1e6)


def resident(process: psutil.Process) -> int:
    """Give the bytes that a process and all below it hold now."""
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                held += one.memory_info().rss
    return held


def forget() -> None:
    """Empty the cache."""
    shutil.rmtree(CACHE, ignore_errors=True)


def timeline(script: str) -> dict[str, Any]:
    """Give the timeline of a script, as voiceguide tells it."""
    return json.loads(output((*VOICEGUIDE, "script", script, "--format=json")))


def output(command: Sequence[str]) -> str:
    """Run a command; give what it prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
