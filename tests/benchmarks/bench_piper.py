"""What a session by a Piper voice takes from an empty cache: memory, computing time, time.

    python tests/benchmarks/bench_piper.py [TARGET] [--voice NAME] [--check]

Memory is that of all processes together, each page that they share counted once (PSS), every 20 ms.
For Linux, with the extra natural.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

MOST_MB = 450
MOST_S = 0.08
"""Of time for each second of speech, on two cores that do nothing else."""
EVERY_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("target", nargs="?", default="calf")
    parser.add_argument("--voice", default="en_US-joe-medium")
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    options = parser.parse_args()
    command = [sys.executable, "-m", "voiceguide"]
    session = [options.target, "--voice", options.voice]
    with tempfile.TemporaryDirectory(prefix="vg") as folder:
        env = {**os.environ, "VOICEGUIDE_CACHE_DIR": folder}
        began = time.monotonic()
        with subprocess.Popen(
            [*command, "render", *session, "--quiet", "-o", Path(folder, "x.mp3")], env=env
        ) as render:
            most_mb, cpu_s = watched(render)
        wall_s = time.monotonic() - began
        if render.returncode:
            sys.exit("the session cannot be rendered")
        told = subprocess.run(
            [*command, "script", *session, "--format", "json"],
            env=env, stdout=subprocess.PIPE, check=True,
        ).stdout  # fmt: skip
    events = [event for event in json.loads(told)["events"] if event["kind"] == "speech"]
    speech_s = sum(event["end_ms"] - event["begin_ms"] for event in events) / 1000
    print("| what | measured | limit |\n| --- | ---: | ---: |")
    print(f"| memory at most, all processes | {most_mb:.0f} MB | {MOST_MB} MB |")
    print(f"| computing time a second of {speech_s:.0f} s of speech | {cpu_s / speech_s:.3f} s | |")
    print(f"| time a second of speech | {wall_s / speech_s:.3f} s | {MOST_S:.3f} s |")
    if options.check and (most_mb > MOST_MB or wall_s / speech_s > MOST_S):
        sys.exit("it takes more than it may")


def watched(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for a process; return the most memory of it and its own, in MB, and their CPU time."""
    most = 0
    used_s: dict[int, float] = {}
    while process.poll() is None:
        memory = 0
        with contextlib.suppress(psutil.Error):  # one that ends meanwhile
            family = psutil.Process(process.pid)
            for one in (family, *family.children(recursive=True)):
                memory += one.memory_full_info().pss
                used_s[one.pid] = sum(one.cpu_times()[:2])
        most = max(most, memory)
        time.sleep(EVERY_S)
    return most / 2**20, sum(used_s.values())


if __name__ == "__main__":
    main()
