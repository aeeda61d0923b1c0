"""What a loudspeaker plays over ten minutes, as a Markdown table.

    python tests/benchmarks/bench_play.py [--minutes M] [--beside-mpv] [--check]

Real sessions play to a null sink of a PulseAudio server of their own, which is recorded: when the
first sound is heard, whether phrases keep their places, what is lost, and what that takes. With
``--beside-mpv``, mpv plays the rendered session at the same time, into a sink of its own, and each
second of both is looked for. Works in a temporary folder. For Linux, with PulseAudio and mpv.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import decode
from loudspeaker import (
    FRAMES_PER_MS,
    LOUD,
    Recording,
    Server,
    Terminal,
    first_sound_ms,
    place_ms,
    steps,
)

SESSION = ("neck", "--voice", "pyttsx3", "--seed", "1")
"""The voice of every machine; without a seed, the words change with the date."""
STARTS = 7
LONG = (*SESSION, "--level", "deep", "--bed", "rain")
"""Without silence, and without a second that is like another."""
SEARCH_MS = 500
"""So far from its place a phrase is looked for."""
ALIKE = 0.999
"""What is heard fits what was rendered so well, unless something is missing."""
STEADY_MS = 0.5
"""Less than the shortest gap that is noticed."""
PIECE_MS = 100
OPERATIONS = 20
REACH_MIN = 5
"""Further on they do not lead."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--beside-mpv", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vg", dir="/tmp") as folder:
        rows = (beside_mpv if options.beside_mpv else measure)(Path(folder), options.minutes)
    print("| what | measured | limit |\n| --- | ---: | ---: |")
    for what, value, limit, unit in rows:
        most = "" if limit is None else f"{limit:g} {unit}"
        print(f"| {what} | {value:.4g} {unit} | {most} |")
    print(f"\nload average {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs")
    if options.check and any(limit is not None and value > limit for _, value, limit, _ in rows):
        sys.exit("a limit was passed")


def measure(folder: Path, minutes: float) -> list[tuple[str, float, float | None, str]]:
    server = Server(folder)
    try:
        recording = Recording(server, folder / "heard.raw")
        cold = starts(server, recording, folder, cold=True)
        server.env["VOICEGUIDE_CACHE_DIR"] = str(folder / "cache")
        render(server, folder / "it.wav", *SESSION)
        warm = starts(server, recording, folder, cold=False)
        reference = decode(folder / "it.wav")
        return [
            ("first sound, empty cache", cold, 1000, "ms"),
            ("first sound, full cache", warm, 500, "ms"),
            *whole(server, recording, reference, minutes),
            *steered(server, recording, reference),
        ]
    finally:
        recording.end()
        server.kill()


def render(server: Server, path: Path, *what: str) -> None:
    command = [sys.executable, "-m", "voiceguide", "render", *what, "-o", str(path)]
    subprocess.run(command, env=server.env, stdout=subprocess.DEVNULL, check=True)


def starts(server: Server, recording: Recording, folder: Path, *, cold: bool) -> float:
    delays_ms = []
    for number in range(STARTS):
        if cold:
            server.env["VOICEGUIDE_CACHE_DIR"] = str(folder / f"cache-{number}")
        begin = recording.here()
        terminal = Terminal(server, *SESSION, "--quiet")
        terminal.watch(2)
        delays_ms.append(first_sound_ms(terminal, recording, begin))
        terminal.press("q")
        terminal.end()
    return median(delays_ms)


def whole(
    server: Server, recording: Recording, reference: np.ndarray, minutes: float
) -> list[tuple[str, float, float | None, str]]:
    """Play undisturbed; compare every phrase with its place in the rendered file."""
    command = [sys.executable, "-m", "voiceguide", "script", *SESSION, "--format", "json"]
    timeline = json.loads(
        subprocess.run(command, env=server.env, capture_output=True, check=True).stdout
    )
    begin = recording.here()
    terminal = Terminal(server, *SESSION)
    terminal.watch(5)
    process = psutil.Process(terminal.process.pid)
    used, began, size = sum(process.cpu_times()[:2]), time.monotonic(), 0
    while time.monotonic() - began < minutes * 60 and terminal.process.poll() is None:
        terminal.watch(1)
        family = [process, *process.children(recursive=True)]
        size = max(size, sum(one.memory_info().rss for one in family))
    used = (sum(process.cpu_times()[:2]) - used) / (time.monotonic() - began)
    terminal.press("q")
    terminal.end()
    heard = recording.since(begin)
    until_ms = (minutes * 60 - 1) * 1000
    start_ms = place_ms(
        heard[: 10_000 * FRAMES_PER_MS], reference[1000 * FRAMES_PER_MS : 4000 * FRAMES_PER_MS]
    )[0] - 1000  # fmt: skip
    late_ms, alike = [], []
    for event in timeline["events"]:
        if event["kind"] == "speech" and event["end_ms"] < until_ms:
            phrase = reference[event["begin_ms"] * FRAMES_PER_MS : event["end_ms"] * FRAMES_PER_MS]
            near_ms = round(start_ms + event["begin_ms"] - SEARCH_MS)
            length_ms = event["end_ms"] - event["begin_ms"] + 2 * SEARCH_MS
            near = heard[near_ms * FRAMES_PER_MS : (near_ms + length_ms) * FRAMES_PER_MS]
            place, fit = place_ms(near, phrase)
            late_ms.append(near_ms + place - start_ms - event["begin_ms"])
            alike.append(fit)
    lost = sum(fit < ALIKE for fit in alike)
    return [
        (f"{minutes:g} min, {len(late_ms)} phrases: furthest from its place relative to the first",
         max(abs(late - late_ms[0]) for late in late_ms), 50, "ms"),
        ("drift from the first to the last phrase", abs(late_ms[-1] - late_ms[0]), 20, "ms"),
        ("phrases that are not the same as rendered (a gap, a loss)", lost, 0, ""),
        ("largest step between samples, against the rendered file's",
         steps(heard) / steps(reference), 1.001, "×"),
        ("memory at most, all processes", size / 1e6, 150, "MB"),
        ("CPU of one core while it plays", used * 100, 10, "%"),
    ]  # fmt: skip


def steered(
    server: Server, recording: Recording, reference: np.ndarray
) -> list[tuple[str, float, float | None, str]]:
    """Pause, skip and repeat at random; what is heard in between must be in the file."""
    choose = random.Random(11)
    begin = recording.here()
    terminal = Terminal(server, *SESSION)
    terminal.watch(20)
    ends, paused = [], False
    for _ in range(OPERATIONS):
        key = " " if paused else choose.choice([" ", "\x1b[C", "\x1b[D", "p", "r"])
        paused = key == " " and not paused
        terminal.press(key, choose.uniform(1, 3))
        ends.append((recording.here() - begin, paused))
    terminal.press("q")
    terminal.end()
    heard = recording.since(begin)
    reached = reference[: REACH_MIN * 60_000 * FRAMES_PER_MS]
    wrong = 0
    for end, silent in ends:
        piece = heard[end - 2 * PIECE_MS * FRAMES_PER_MS : end - PIECE_MS * FRAMES_PER_MS]
        if silent:
            wrong += np.abs(piece).max() > 0
        elif np.abs(piece).max() > LOUD:
            wrong += place_ms(reached, piece)[1] < ALIKE
    return [
        (f"after {OPERATIONS} random keys: pieces that are not in the rendered file", wrong, 0, ""),
        ("largest step between samples meanwhile", steps(heard) / steps(reference), 1.001, "×"),
    ]


def beside_mpv(folder: Path, minutes: float) -> list[tuple[str, float, float | None, str]]:
    """Play one session with both; return where what is heard leaves what was rendered."""
    session = (*LONG, "--minutes", f"{minutes:g}")
    server = Server(folder, ("one", "two"))
    recordings = []
    try:
        render(server, folder / "it.flac", *session)
        command = ["ffmpeg", "-v", "error", "-i", folder / "it.flac", "-ac", "1", "-f", "s16le"]
        subprocess.run([*command, folder / "it.raw"], check=True)
        recordings = [Recording(server, folder / f"{sink}.raw", sink) for sink in ("one", "two")]
        quiet = ["--no-config", "--no-video", "--no-terminal", "--ao=pulse"]
        with subprocess.Popen(
            ["mpv", *quiet, folder / "it.flac"], env={**server.env, "PULSE_SINK": "two"}
        ) as mpv:
            terminal = Terminal(server, *session)
            sizes_mb = []
            try:
                while terminal.process.poll() is None or mpv.poll() is None:
                    terminal.watch(10)
                    time.sleep(0.1)
                    sizes_mb.append(memory_mb(terminal.process.pid))
            finally:
                mpv.terminate()
            terminal.end()
        time.sleep(1)
    finally:
        for recording in recordings:
            recording.end()
        server.kill()
    reference = np.memmap(folder / "it.raw", "<i2", "r")
    ours, theirs = (
        gaps(reference, np.memmap(folder / f"{sink}.raw", "<i2", "r")) for sink in ("one", "two")
    )
    seconds = len(reference) // (1000 * FRAMES_PER_MS)
    print(f"{seconds:,} seconds; gaps at {ours[2]} s (voiceguide), at {theirs[2]} s (mpv)")
    return [
        ("gaps", ours[0], theirs[0], ""),
        ("mpv's", theirs[0], None, ""),
        ("the last second, later than the first", ours[1], None, "ms"),
        ("mpv's", theirs[1], None, "ms"),
        ("memory after a tenth, all processes", sizes_mb[len(sizes_mb) // 10], None, "MB"),
        ("memory at most", max(sizes_mb), 150, "MB"),
    ]


def gaps(reference: np.ndarray, heard: np.ndarray) -> tuple[int, float, list[int]]:
    """Look for each second: return how many gaps there are, their length in ms, and seconds.

    After a gap, all is later, or something is missing.
    """
    second = 1000 * FRAMES_PER_MS
    parts = [reference[at : at + second] / 32768 for at in range(0, len(reference), second)][1:-1]
    start = place_ms(heard[: 60 * second] / 32768, parts[0])[0]
    late, was_torn, seconds = 0.0, False, []
    for number, part in enumerate(parts):
        begin = max(0, round((start + 1000 * number + late - SEARCH_MS) * FRAMES_PER_MS))
        near = heard[begin : begin + second + 2 * SEARCH_MS * FRAMES_PER_MS] / 32768
        place, fit = place_ms(near, part)
        now = begin / FRAMES_PER_MS + place - start - 1000 * number
        is_torn = fit < ALIKE
        if is_torn or (abs(now - late) > STEADY_MS and not was_torn):
            seconds.append(number + 1)
        was_torn = is_torn
        if not is_torn:
            late = now
    return len(seconds), late, seconds


def memory_mb(pid: int) -> float:
    """Return what a process and its children have; 0 if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family) / 1e6
    return 0.0


if __name__ == "__main__":
    main()
