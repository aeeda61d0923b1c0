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
from typing import Any, NamedTuple, TypeVar
from xml.sax.saxutils import escape

import psutil

# voiceguide is not imported: Linux counts what a parent holds as it starts a child into the child's
# peak, so this process has to stay smaller than what it weighs.

PROGRAMS = ("ffmpeg", "espeak-ng", "lame")

MOST_OF_ENCODING = 1.5
"""A cold render may take so many times as long as encoding alone."""
MOST_MB = 160
"""What the main process of a long render may hold, in 1,000,000 bytes."""
MOST_GROWTH = 1.15
"""It may hold so many times as much as that of a short render."""

MINUTES, OTHER_MINUTES = "10", "9:58"
"""In the other length, the same is said with shorter pauses."""
ROUNDS = 17
"""The session lasts three hours at its natural length when it comes so many times."""
SAMPLING_S = 0.02

VOICEGUIDE = (sys.executable, "-m", "voiceguide")
SHORT = (*VOICEGUIDE, "render", "calf", "--minutes", MINUTES, "-o", "short.mp3")
OTHER = (*VOICEGUIDE, "render", "calf", "--minutes", OTHER_MINUTES, "-o", "other.mp3")
LONG = (*VOICEGUIDE, "render", "long.ssml", "-o", "long.mp3")
DECODE = ("ffmpeg", "-v", "error", "-i", "short.mp3", "decoded.wav")
ENCODE = ("ffmpeg", "-v", "error", "-y", "-i", "decoded.wav", "-b:a", "112k", "encoded.mp3")
SPEAK = (
    "bash", "-o", "pipefail", "-c",
    "espeak-ng -m -v en-us -s 120 --stdout -f words.txt | lame --quiet -b 96 - spoken.mp3",
)  # fmt: skip
CACHE = Path("cache")

_WORDS = re.compile(r"(<s>|<speak>)([^<]*\w)")
_SILENT_BREATH = re.compile(r'(<media><audio src="(?:in|ex)hale\.wav"[^>]*></media>)\s*(?=</par>)')


class Timed(NamedTuple):
    """How long a command took."""

    wall_s: float
    cpu_s: float
    """User and system time, its children's too: what it needs where one core alone is free."""

    def __str__(self) -> str:
        return f"{self.wall_s:.2f} s (CPU {self.cpu_s:.2f} s)"


class Weighed(NamedTuple):
    """How much memory a command held at its peak, in 1,000,000 bytes."""

    main_mb: float
    """The process itself (ru_maxrss)."""
    tree_mb: float
    """All its processes together, sampled; what they share counts in each."""


_MeasuredT = TypeVar("_MeasuredT", Timed, Weighed)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    against: str
    ratio: float
    limit: float | None = None

    @property
    def broken(self) -> bool:
        """Whether the ratio is beyond its limit."""
        return self.limit is not None and self.ratio > self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"{self.limit:.2f}{', broken' * self.broken}"
        return f"| {self.what} | {self.against} | {self.ratio:.2f} | {limit} |"


def main() -> int:
    """Measure, write the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is broken")
    options = parser.parse_args()
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        parser.exit(2, f"bench_render: missing: {', '.join(missing)}\n")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ["VOICEGUIDE_CACHE_DIR"] = str(CACHE)
        os.environ["VOICEGUIDE_CONFIG_DIR"] = "config"  # the user's own texts stay out of it
        os.environ["VOICEGUIDE_DATA_DIR"] = "data"  # as do voices: pyttsx3 speaks
        os.environ["VOICEGUIDE_NO_PACKAGED_VOICES"] = "1"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
        prepare()
        rows = [*times(options.runs), *weights(options.runs)]
    lines = ["| what | against | ratio | limit |", "| --- | --- | ---: | --- |", *map(str, rows)]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(options.check and any(row.broken for row in rows))


def prepare() -> None:
    """Write the long script, the audio to encode, and the words to speak."""
    script = output((*VOICEGUIDE, "script", "calf", "--side=left", "--format=ssml"))
    Path("long.ssml").write_text(repeated(script, ROUNDS))
    output(SHORT)
    output(DECODE)
    session = timeline("calf", "--minutes", MINUTES)
    words, at_ms = [], 0
    for event in session["events"]:
        if event["kind"] == "speech":
            words.append(_break(max(0, event["begin_ms"] - at_ms)) + escape(event["text"]))
            at_ms = event["end_ms"]
    words.append(_break(session["duration_ms"] - at_ms))
    Path("words.txt").write_text("<speak>" + "\n".join(words) + "</speak>")


def repeated(script: str, rounds: int) -> str:
    """Return ``script`` so many times over, counting, so that hardly a phrase comes twice."""
    begin, end = script.index(">") + 1, script.rindex("</speak>")
    breaths = itertools.count(1)

    def count(breath: re.Match[str]) -> str:
        spoken = f"<speak>Breath {next(breaths)}.</speak>"
        return f'{breath[1]}<media begin="0.2s">{spoken}</media>'

    bodies = (_WORDS.sub(rf"\1\2, {number + 1}", script[begin:end]) for number in range(rounds))
    return script[:begin] + _SILENT_BREATH.sub(count, "".join(bodies)) + script[end:]


def times(runs: int) -> Iterator[Row]:
    """Compare a cold render with encoding alone, with bare speech, and with what is known."""
    cold, encoding, speaking, warm, other = [], [], [], [], []
    for _ in range(runs):
        forget()
        cold.append(timed(SHORT))
        encoding.append(timed(ENCODE))
        speaking.append(timed(SPEAK))
        warm.append(timed(SHORT))
        other.append(timed(OTHER))
    measured = (cold, encoding, speaking, warm, other)
    render, encode, speak, again, known = map(middle, measured)
    what = f"cold render of {MINUTES} min: {render}"
    ratio = render.wall_s / encode.wall_s
    yield Row(what, f"ffmpeg encodes it: {encode}", ratio, MOST_OF_ENCODING)
    yield Row(what, f"espeak-ng to lame: {speak}", render.wall_s / speak.wall_s)
    yield Row(f"warm render: {again}", "cold render", again.wall_s / render.wall_s)
    what = f"known phrases, in {OTHER_MINUTES} min: {known}"
    yield Row(what, "cold render", known.wall_s / render.wall_s)


def weights(runs: int) -> Iterator[Row]:
    """Compare the memory of a long cold render with that of a short one."""
    shorts, longs = [], []
    for _ in range(runs):
        forget()
        shorts.append(weighed(SHORT))
        forget()
        longs.append(weighed(LONG))
    session = timeline("long.ssml")
    phrases = {event["text"] for event in session["events"] if event["kind"] == "speech"}
    length = f"{session['duration_ms'] / 3_600_000:.2f} h of {len(phrases):,} phrases"
    short, long = map(middle, (shorts, longs))
    main = f"main process, {length}: {long.main_mb:.0f} MB"
    growth = long.main_mb / short.main_mb
    yield Row(main, f"{MOST_MB} MB", long.main_mb / MOST_MB, 1.0)
    yield Row(main, f"the short session: {short.main_mb:.0f} MB", growth, MOST_GROWTH)
    tree = f"all its processes: {long.tree_mb:.0f} MB"
    yield Row(tree, f"the short session: {short.tree_mb:.0f} MB", long.tree_mb / short.tree_mb)


def timed(command: Sequence[str]) -> Timed:
    """Run a command undisturbed."""
    begin_s = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.monotonic() - begin_s
    _ended(child, status)
    return Timed(wall_s, usage.ru_utime + usage.ru_stime)


def weighed(command: Sequence[str]) -> Weighed:
    """Run a command, and look at its processes every 20 ms."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    process = psutil.Process(child.pid)
    tree = pid = 0
    while not pid:
        tree = max(tree, _resident(process))
        time.sleep(SAMPLING_S)
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
    _ended(child, status)
    return Weighed(usage.ru_maxrss * 1024 / 1e6, tree / 1e6)


def _resident(process: psutil.Process) -> int:
    """Return the bytes that a process and all below it hold now."""
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                held += one.memory_info().rss
    return held


def _ended(child: subprocess.Popen[bytes], status: int) -> None:
    child.returncode = os.waitstatus_to_exitcode(status)  # Popen did not see it end
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, child.args)


def forget() -> None:
    """Empty the cache."""
    shutil.rmtree(CACHE, ignore_errors=True)


def timeline(*session: str) -> dict[str, Any]:
    """Return the timeline of a session, as voiceguide tells it."""
    told: dict[str, Any] = json.loads(output((*VOICEGUIDE, "script", *session, "--format=json")))
    return told


def output(command: Sequence[str]) -> str:
    """Run a command; return what it prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def middle(measured: Sequence[_MeasuredT]) -> _MeasuredT:
    """Return the median of each figure."""
    return type(measured[0])(*map(median, zip(*measured, strict=True)))


def _break(ms: int) -> str:
    return f'<break time="{ms}ms"/>'


if __name__ == "__main__":
    sys.exit(main())
