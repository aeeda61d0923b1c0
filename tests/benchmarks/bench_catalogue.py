"""A catalogue on Dask clusters whose processes are killed, against one process, as Markdown tables.

    python tests/benchmarks/bench_catalogue.py [--requests N] [--place folder|sftp|s3]
        [--workers 1,2,4] [--pinned] [--kill-every S] [--alone FOLDER] [--check]

Sessions of about three minutes, half of them breathing, half of regions in turn, are made by one
process, then by “dask scheduler” and so many workers, each with a cache of its own, on loopback.
With ``--kill-every 10``, a worker is killed whenever all of them have had ten seconds of CPU time,
which is every five seconds on two idle cores (SIGKILL; one that Dask starts again, or its nanny,
which this program starts again), and the sixth time, the scheduler. With ``--pinned``, each worker
has one core for all of its threads, as on a machine of its own; else, a single one uses a part of
another core too. Then the manifest has to equal that of one process, every file has to be there
once and to have its SHA-256 (on servers, thirty are read), and the same command may make nothing
more. ``--alone`` keeps what one process made, for the next run. ``--check`` ends with status 1 if
anything was wrong. CPU time is that of all processes, start-up included; what killed ones leave
behind is not counted. SFTP needs openssh-server and paramiko, S3 needs s3fs and moto[server]. On
Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil
from stores import STORES, free_port, wait_for

from voiceguide import library
from voiceguide.catalogue import make, read, read_requests
from voiceguide.catalogue.place import place

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEDULER_IS_KILLED = 5
"""After so many workers."""
SPOKEN_OF_16 = 5
"""The others have tones only, so that thousands are made in minutes."""
READ_FROM_SERVERS = 30
"""So many files are read whole; of the others, only the size is known."""
MOST_RUNS = 20
COUNTS = (10, 50, 100, 200, 500, 1000)
"""After so many sessions, and after all, is said what one of them took."""
TABLE = """| workers | wall time | CPU time | CPU a session | killed | runs | wrong |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""
SPARED = ("manifest.jsonl", "failed.jsonl")


def main() -> int:
    """Make the catalogues, print what they took, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--place", choices=STORES, default="folder")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--pinned", action="store_true")
    parser.add_argument("--kill-every", type=float, default=0.0)
    parser.add_argument("--alone", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    wrong: list[str] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and what was started is ended
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        listed = root / "requests.jsonl"
        listed.write_text("".join(f"{json.dumps(one)}\n" for one in wanted(asked.requests)))
        alone: list[dict[str, Any]] = []
        lines = [TABLE]
        for workers in filter(None, map(int, asked.workers.split(","))):
            with STORES[asked.place](root / f"{workers}") as (address, environment):
                os.environ.update(environment)
                one = Catalogue(listed, f"{address}/catalogue", f"{address}/clips", root)
                cluster = Cluster(workers, root, pinned=asked.pinned)
                line, found = one.made_by(cluster, asked.kill_every, chance, asked.requests)
                print(line, file=sys.stderr, flush=True)
                alone = alone or made_alone(listed, asked.alone or root / "alone")
                found += one.differences(alone, chance)
            lines.append(f"{line} {len(found)} |")
            wrong += found
            shutil.rmtree(root / f"{workers}")
        if not alone:
            made_alone(listed, asked.alone or root / "alone")
    print("\n".join(lines))
    for what in wrong:
        print(f"wrong: {what}")
    return int(asked.check and bool(wrong))


def wanted(count: int) -> Iterator[dict[str, Any]]:
    """Return requests, no two of which are the same; more of them begin with fewer of them."""
    regions = itertools.cycle(library.load("en").region_files)
    for number in range(count):
        same = {"voice": "pyttsx3", "mono": True, "seed": number}
        same["guidance"] = "tones" if number % 16 > SPOKEN_OF_16 else "full"
        if number % 2:
            yield {"target": "breathing", "pace": "4-6", "minutes": 2 + number % 20 / 20} | same
        else:
            side = ("left", "right")[number // 2 % 2]
            yield {"target": next(regions), "minutes": 3, "side": side} | same


def made_alone(listed: Path, output: Path) -> list[dict[str, Any]]:
    """Make everything that is not there in this process; return the manifest."""
    asked = read_requests(listed)
    begun_s, before_s, is_new = time.monotonic(), sum(os.times()[:4]), not output.exists()

    def note(progress: Any) -> None:
        if is_new and (progress.done in COUNTS or progress.done == progress.total):
            wall_s, cpu_s = time.monotonic() - begun_s, sum(os.times()[:4]) - before_s
            print(
                f"| {progress.done:,} | {cpu_s / progress.done:.3f} s | {wall_s:,.0f} s |",
                flush=True,
            )

    if is_new:
        print("| sessions, by one process | CPU time of each | wall time |\n| ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["VOICEGUIDE_CACHE_DIR"] = cache
        make(asked, str(output), progress=note, warn=lambda what: print(f"alone: {what}"))
    print(flush=True)
    for record in read(str(output)):
        with (output / record["file"]).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == record["sha256"]
    return read(str(output))


class Catalogue:
    """A catalogue that a cluster makes."""

    def __init__(self, listed: Path, output: str, clips: str, root: Path) -> None:
        self._listed, self._output, self._clips, self._root = listed, output, clips, root

    def made_by(
        self, cluster: Cluster, every_s: float, chance: random.Random, count: int
    ) -> tuple[str, list[str]]:
        """Make it; return a line of the table, and what went wrong."""
        before, begun_s = os.times(), time.monotonic()
        with cluster:
            with cluster.killed(every_s, chance) as killed:
                runs = self._run(cluster.address)
            wall_s = time.monotonic() - begun_s
            wrong = [] if runs[-1] is None else [f"it ended with {runs[-1]}"]
            wrong += self._again(cluster.address, count)
        after = os.times()
        cpu_s = after.children_user + after.children_system
        cpu_s -= before.children_user + before.children_system
        for said in filter(None, runs):
            print(f"said: {said.strip()}", file=sys.stderr, flush=True)
        line = f"| {cluster.workers} | {wall_s:,.0f} s | {cpu_s:,.0f} s | {cpu_s / count:.2f} s "
        return f"{line}| {len(killed)} | {len(runs)} |", wrong

    def _run(self, address: str) -> list[str | None]:
        """Run the command until it succeeds; return what it said each time, None for success."""
        said: list[str | None] = []
        while len(said) < MOST_RUNS:
            done = self._command(address)
            said.append(f"status {done.returncode}: {done.stderr}" if done.returncode else None)
            if not done.returncode or "run the same command again" not in done.stderr:
                break
        return said

    def _command(self, address: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "voiceguide", "catalogue", self._listed, "-o",
                   self._output, "--clips", self._clips, "--cluster", address]  # fmt: skip
        own = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(self._root / "cache")}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=own)

    def differences(self, alone: list[dict[str, Any]], chance: random.Random) -> list[str]:
        """Return in what the catalogue is not the one that one process made."""
        there = place(self._output)
        sizes = there.sizes()
        found = read(self._output)
        wrong = [] if found == alone else [f"{len(found)} lines in the manifest are not the same"]
        expected = {name: one["bytes"] for one in alone for name in [one["file"]]}
        records = {f"records/{one['key'][:2]}/{one['key']}.json" for one in alone}
        wrong += [f"{name} is missing" for name in {*expected, *records} - {*sizes}]
        wrong += [f"{name} is too much" for name in {*sizes} - {*expected, *records, *SPARED}]
        looked = alone if "://" not in self._output else chance.sample(alone, READ_FROM_SERVERS)
        for one in looked:
            content = there.read(one["file"]) or b""
            if hashlib.sha256(content).hexdigest() != one["sha256"]:
                wrong.append(f"{one['file']} has other bytes")
        return wrong

    def _again(self, address: str, count: int) -> list[str]:
        """Run the command once more; return what is wrong."""
        before = place(self._output).sizes()
        begun_s = time.monotonic()
        done = self._command(address)
        took_s = time.monotonic() - begun_s
        print(f"again: {took_s:.1f} s, {done.stdout.strip()}", file=sys.stderr, flush=True)
        wrong = [] if place(self._output).sizes() == before else ["again, it changed files"]
        if f" 0 made, {count:,} there before, 0 failed" not in done.stdout:
            wrong.append(f"again: {done.stdout}{done.stderr}")
        return wrong


class Cluster:
    """A scheduler and workers on loopback, each a process that is started again when it ended."""

    def __init__(self, workers: int, root: Path, *, pinned: bool) -> None:
        self.workers, self._pinned = workers, pinned
        self._root = root / f"cluster-{workers}"
        self._root.mkdir()
        self._port = free_port()
        self.address = f"tcp://127.0.0.1:{self._port}"
        dask = [sys.executable, "-m", "dask"]
        own = ["--host", "127.0.0.1", "--no-dashboard"]
        self._commands = {"scheduler": [*dask, "scheduler", *own, "--port", str(self._port)]}
        for number in range(workers):
            self._commands[f"worker-{number}"] = [
                *dask, "worker", self.address, *own, "--nthreads", "1", "--local-directory",
                str(self._root / f"dask-{number}"),
            ]  # fmt: skip
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._start()
        wait_for(self._port)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running.values()):
            process.send_signal(signal.SIGINT)
        for process in self._running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> None:
        """Start what has ended, or was never started."""
        for name, command in self._commands.items():
            if name in self._running and self._running[name].poll() is None:
                continue
            environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(self._root / f"cache-{name}")}
            with (self._root / f"{name}.log").open("a") as log:
                self._running[name] = subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment
                )
            kind, _, number = name.partition("-")
            if self._pinned and kind == "worker":  # and so is what it starts
                cores = psutil.cpu_count() or 1
                psutil.Process(self._running[name].pid).cpu_affinity([int(number) % cores])

    @contextlib.contextmanager
    def killed(self, every_s: float, chance: random.Random) -> Iterator[list[str]]:
        """Kill processes meanwhile; yield the list of those that were killed."""
        killed: list[str] = []
        self._ended.clear()
        thread = threading.Thread(target=self._watch, args=(every_s, chance, killed))
        thread.start()
        try:
            yield killed
        finally:
            self._ended.set()
            thread.join()

    def _watch(self, every_s: float, chance: random.Random, killed: list[str]) -> None:
        used_s, times_s, next_s = 0.0, {}, every_s
        while not self._ended.wait(0.5):
            self._start()
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    now_s = sum(process.cpu_times()[:2])
                    used_s += now_s - times_s.get(process.pid, 0.0)
                    times_s[process.pid] = now_s
            if every_s and used_s >= next_s:
                next_s = used_s + every_s
                killed.append(self._kill(chance, is_scheduler=len(killed) == SCHEDULER_IS_KILLED))

    def _kill(self, chance: random.Random, *, is_scheduler: bool) -> str:
        """Kill a process; return which."""
        names = [name for name in self._running if is_scheduler == (name == "scheduler")]
        name = chance.choice(names)
        victim = psutil.Process(self._running[name].pid)
        with contextlib.suppress(psutil.Error):
            workers = [one for one in victim.children() if "spawn_main" in str(one.cmdline())]
            if workers and chance.random() < 0.5:
                victim = workers[0]  # Dask starts it again
            victim.kill()
        return name


if __name__ == "__main__":
    sys.exit(main())
