"""Kills renders at random moments and as they write, and lets two programs write into one place.

    python tests/benchmarks/kills.py [--kills 200] [--seed 1]

What is rendered has a bed, recorded phrases, and others that Piper speaks (the extra ``natural``);
for every fourth render, nothing is known, and half of them are killed as they write. After each
SIGKILL, the file has to be the whole one or not there. After all of them, one more render has to
give the same bytes and leave nothing else, neither files nor processes. Then there are two
playlists, two sites and two catalogues at once: both have to succeed, and leave what one alone
leaves. Runs on Linux and macOS.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ORPHANS_S = 60
"""How long engines may take to notice that whoever started them was killed."""
SCRIPT = (
    '<speak xml:lang="en"><p><s>Lie down on your back.</s><s>Breathe in, and out.</s></p>'
    '<audio src="bell.wav"/><break time="2s"/><p><s>Now turn to your left side.</s></p></speak>'
)
PAIRS = {
    "playlist": ["playlist", "breathing", "--minutes", "12", "--url", "https://example.org/x"],
    "publish": ["publish", "breathing", "--minutes", "3", "--url", "https://example.org/x"],
    "catalogue": ["catalogue", "requests.jsonl"],
}


def main() -> int:
    """Try both, and return how much was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tried = Tried(Path(folder).resolve())
        wrong = tried.killed(options.kills, random.Random(options.seed))
        wrong += [what for name in PAIRS for what in tried.paired(name)]
    for what in wrong:
        print(f"    {what}")
    print(f"{len(wrong)} wrong")
    return min(len(wrong), 100)


class Tried:
    """A folder with all that is read and written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        moved = {f"VOICEGUIDE_{kind}_DIR": str(root / kind) for kind in ("CACHE", "CONFIG", "DATA")}
        self._environment = {**os.environ, **moved, "TMPDIR": str(root / "tmp")}
        self._environment.pop("VOICEGUIDE_NO_PACKAGED_VOICES", None)
        (root / "tmp").mkdir()
        (root / "my.ssml").write_text(SCRIPT)
        lines = [f'{{"target": "breathing", "minutes": 3, "seed": {n}}}\n' for n in range(3)]
        (root / "requests.jsonl").write_text("".join(lines))

    def killed(self, kills: int, source: random.Random) -> list[str]:
        """Kill renders; return what is wrong."""
        self._run("phrases", "my.ssml", "-o", "recorded")
        (first, *_) = sorted((self._root / "recorded").glob("*.csv"))
        name = first.read_text("utf-8-sig").splitlines()[1].partition(",")[0].strip('"')
        shutil.copy(Path(__file__).parents[2] / "sounds/chime.wav", self._root / "recorded" / name)
        render = ["render", "my.ssml", "--voice", "recorded", "--bed", "rain", "--force"]
        begun = time.monotonic()
        self._run(*render, "-o", "alone/my.mp3")
        took_s = time.monotonic() - begun
        whole = (self._root / "alone/my.mp3").read_bytes()
        wrong = []
        ended = found = written = 0
        for number in range(kills):
            if number % 4 == 0:
                shutil.rmtree(self._root / "CACHE", ignore_errors=True)
            if source.random() < 0.5:
                (self._root / "out/my.mp3").unlink(missing_ok=True)
            with self._started(*render, "-o", "out/my.mp3") as process:
                if number % 2:
                    self._until_written(process)
                    time.sleep(source.uniform(0, 0.05))
                else:
                    time.sleep(source.uniform(0.1, 1.5 * took_s))
                ended += process.poll() is not None
                process.kill()
            written += self._names("out") not in ([], ["my.mp3"])
            if (self._root / "out/my.mp3").exists():
                found += 1
                if (self._root / "out/my.mp3").read_bytes() != whole:
                    wrong.append(f"kill {number}: my.mp3 is broken")
        self._run(*render, "-o", "out/my.mp3")
        if (self._root / "out/my.mp3").read_bytes() != whole:
            wrong.append("the last render gives other bytes")
        print(
            f"{kills} kills of renders of {took_s:.1f} s; {ended} had ended, "
            f"{written} were writing, {found} times a file"
        )
        return wrong + self._left("out", ["my.mp3"])

    def _until_written(self, process: subprocess.Popen[str]) -> None:
        """Wait until it has begun to write what becomes my.mp3."""
        while process.poll() is None and self._names("out") in ([], ["my.mp3"]):
            time.sleep(0.002)

    def paired(self, name: str) -> list[str]:
        """Do the same twice at once; return what is wrong."""
        command = [*PAIRS[name], "-o"]
        self._run(*command, f"one/{name}")
        together = [self._started(*command, f"two/{name}") for _ in range(2)]
        wrong = [
            f"{name}: {process.stderr.read() if process.stderr else ''}"
            for process in together
            if process.wait() != 0
        ]
        alone = self._names(f"one/{name}")
        before = self._times(f"two/{name}")
        self._run(*command, f"two/{name}")
        if self._times(f"two/{name}") != before:
            wrong.append(f"{name}: something is made again")
        print(f"two of {name}: {len(alone)} files")
        return wrong + self._left(f"two/{name}", alone)

    def _left(self, folder: str, names: list[str]) -> list[str]:
        """Return what is there but should not be: files, and processes."""
        deadline = time.monotonic() + ORPHANS_S
        while True:
            files = [name for name in self._names(folder) if name not in names]
            files += [name for name in names if name not in self._names(folder)]
            files += self._names("tmp")
            processes = [one.pid for one in psutil.process_iter() if self._is_ours(one)]
            if not files + processes or time.monotonic() > deadline:
                return [f"{folder}: {one} is left, or missing" for one in (*files, *processes)]
            time.sleep(0.5)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("TMPDIR") == self._environment["TMPDIR"]
        except psutil.Error:
            return False

    def _names(self, folder: str) -> list[str]:
        whole = self._root / folder
        return sorted(str(path.relative_to(whole)) for path in whole.rglob("*"))

    def _times(self, folder: str) -> dict[str, int]:
        """Return when each file was written, but for the manifest, which always is."""
        return {
            str(path): path.stat().st_mtime_ns
            for path in (self._root / folder).rglob("*")
            if path.is_file() and path.suffix != ".jsonl"
        }

    def _started(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "voiceguide", *arguments],
            cwd=self._root, env=self._environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _run(self, *arguments: str) -> None:
        with self._started(*arguments) as process:
            _, said = process.communicate()
        if process.returncode:
            raise SystemExit(f"{arguments}: {said}")


if __name__ == "__main__":
    sys.exit(main())
