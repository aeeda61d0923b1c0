"""How gPodder takes the feed of a published site whose session has changed, as a Markdown table.

    python tests/benchmarks/peer_feeds.py

Publishes three sessions, subscribes with gPodder's command line and downloads them. Then one of
them says something else and is published again. The table has what gPodder lists, its first line
first (it sorts by date, the latest first), and what it holds for new. The exit status is 1 unless
the one that changed, and no other, is new, and all are in order. Works in a temporary folder; needs
``gpo`` (Debian's package gpodder).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("one", "two", "three")
CHANGED = "two"


def main() -> int:
    """Publish, subscribe, change, update; print what gPodder says, and return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        web = folder / "web"
        web.mkdir()
        command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
        with subprocess.Popen(
            command, cwd=web, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                port = re.search(r"port (\d+)", server.stdout.readline())[1]
                return compare(folder, web, f"http://127.0.0.1:{port}/site")
            finally:
                server.terminate()


def compare(folder: Path, web: Path, address: str) -> int:
    """Print what gPodder lists before and after a change, and return the exit status."""
    feed = f"{address}/sessions/feed.xml"
    for name in NAMES:
        (folder / f"{name}.md").write_text(f"# {name}\n\nThis is session {name}.\n")
    publish(folder, web, address)
    gpo(folder, "subscribe", feed)
    first = listed(gpo(folder, "pending", feed))
    gpo(folder, "download", feed)
    (folder / f"{CHANGED}.md").write_text(f"# {CHANGED}\n\nThis is another session now.\n")
    publish(folder, web, address)
    gpo(folder, "update", feed)
    new = listed(gpo(folder, "pending", feed))
    then = listed(gpo(folder, "episodes", feed))[: len(NAMES)]
    print("| | gPodder lists | new |")
    print("| --- | --- | --- |")
    print(f"| subscribed | {', '.join(first)} | {', '.join(first)} |")
    print(f"| “{CHANGED}” was published anew | {', '.join(then)} | {', '.join(new)} |")
    latest_first = list(NAMES[::-1])
    return int(not (first == then == latest_first and new == [CHANGED]))


def publish(folder: Path, web: Path, address: str) -> None:
    """Publish the three sessions."""
    scripts = [folder / f"{name}.md" for name in NAMES]
    command = [sys.executable, "-m", "voiceguide", "publish", *scripts, "-o", web / "site"]
    subprocess.run([*command, "--url", address], check=True, capture_output=True)


def gpo(folder: Path, *command: str) -> str:
    """Return what gPodder prints."""
    environment = {**os.environ, "GPODDER_HOME": str(folder / "gpodder")}
    done = subprocess.run(
        ["gpo", *command], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def listed(printed: str) -> list[str]:
    """Return the names of the episodes that are printed: “voiceguide 1/3: one” is one."""
    return re.findall(r" \d/\d: (\w+)$", printed, re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
