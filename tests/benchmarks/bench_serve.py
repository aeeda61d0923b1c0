"""``voiceguide serve`` under many clients, as a Markdown table.

    python tests/benchmarks/bench_serve.py [--minutes M] [--requests N] [--renders N] [--clients N]
        [--seed S] [--check]

While sessions are made one after another, clients with an address each ask for pages, lists,
sessions and parts of them; one time in twenty they are gone in the middle of a download. Without
``--minutes``, a day in time-lapse: nobody waits. Then one client opens 1,000 connections and sends
half a request on each, while another one asks for the page. Memory, files and child processes are
those of the server itself. ``--check`` ends with status 1 if a request or a session failed, if
memory grew by more than 10 MB after the second tenth, if files or processes were left over, or if
the other client waited for more than a second. Works in a temporary folder; on Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

WANTED = {"target": "calf", "side": "left", "level": "gentle", "guidance": "tones"}
ONE_IN_VANISHES = 20
HALF_OPEN = 1000
OTHER_ADDRESS = "127.0.0.2"
"""Of the client that opens these; on Linux, all of 127.0.0.0/8 is this machine."""
FIRST_CLIENT = 10
"""The last part of the address of the first of the others."""
TENTHS = 10
MOST_GROWTH_BYTES = 10_000_000
MOST_MORE_FILES = 3
MOST_WAIT_S = 1.0
LINGER = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
"""Closes a connection at once, without a word to the server."""


class State(NamedTuple):
    """What the server took at most since the state before."""

    requests: int
    """That were sent until now."""
    memory_bytes: int
    files: int
    children: int


def main() -> int:
    """Run the day, print what it took, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--renders", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # as many as connections
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "voiceguide", "serve", f"{folder}/out", "--port", "0"]
        environment = {**os.environ, "VOICEGUIDE_CONFIG_DIR": folder}
        with (Path(folder) / "errors").open("w+") as errors, subprocess.Popen(
            [*command, "--host", "127.0.0.1"], stdout=subprocess.PIPE, stderr=errors, text=True,
            env=environment,
        ) as server:  # fmt: skip
            try:
                port = int(re.search(r"http://\S+:(\d+)/", server.stdout.readline())[1])
                day = Day(port, server.pid, asked)
                asyncio.run(day.pass_by())
                waits_s, held = held_open(port)
            finally:
                server.terminate()
            server.wait()
            errors.seek(0)
            traceback = "Traceback" in errors.read()
    print("| requests | memory | open files | child processes |")
    print("| ---: | ---: | ---: | ---: |")
    for one in day.states:
        print(
            f"| {one.requests:,} | {one.memory_bytes / 1e6:.1f} MB | {one.files} | {one.children} |"
        )
    print(
        f"\n{len(day.made)} of {asked.renders} sessions were made, {day.vanished:,} downloads "
        f"left, and {len(day.failed)} requests or sessions failed"
        f"{'; the server printed a traceback' if traceback else ''}. While another client opened "
        f"{HALF_OPEN:,} connections by halves, and had {held} of them to the end, the page came in "
        f"{max(waits_s) * 1000:.0f} ms at most."
    )
    for one in day.failed[:10]:
        print(f"failed: {one}")
    first, last = day.states[1], day.states[-1]
    bad = (
        day.failed
        or traceback
        or last.memory_bytes - first.memory_bytes > MOST_GROWTH_BYTES
        or day.left.files - first.files > MOST_MORE_FILES
        or day.left.children
        or max(waits_s) > MOST_WAIT_S
    )
    return int(asked.check and bool(bad))


class Day:
    """What clients do, what fails, and what the server takes."""

    def __init__(self, port: int, pid: int, asked: argparse.Namespace) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._port = port
        self._process = psutil.Process(pid)
        self._asked = asked
        self._chance = random.Random(asked.seed)
        self._sent = 0
        self.made: list[str] = []
        self.failed: list[str] = []
        self.vanished = 0
        self.states: list[State] = []
        self.left: State
        """When all is over."""

    async def pass_by(self) -> None:
        """Have everyone ask for everything."""
        clients = [self._visit(FIRST_CLIENT + one) for one in range(self._asked.clients)]
        watch = asyncio.create_task(self._watch())
        await asyncio.gather(*clients, self._make())
        await watch
        await asyncio.sleep(1)
        self.left = self._state()

    def _state(self) -> State:
        process = self._process
        return State(
            self._sent, process.memory_info().rss, process.num_fds(), len(process.children())
        )

    async def _watch(self) -> None:
        """Note the most of each tenth."""
        for tenth in range(1, TENTHS + 1):
            self.states.append(await self._until(self._asked.requests * tenth // TENTHS))

    async def _until(self, requests: int) -> State:
        """Wait for so many; return the most until then."""
        most = self._state()
        while self._sent < requests:
            await asyncio.sleep(0.1)
            most = State(*map(max, most, self._state()))
        return most

    async def _visit(self, number: int) -> None:
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{number}")
        wait_s = self._asked.minutes * 60 / self._asked.requests * self._asked.clients
        begun = asyncio.get_running_loop().time()
        async with httpx.AsyncClient(base_url=self._url, timeout=60, transport=transport) as client:
            count = 0
            while self._sent < self._asked.requests:
                self._sent += 1
                count += 1
                await self._ask(client, *wish(self.made, self._chance))
                due = begun + wait_s * (count + self._chance.random())
                await asyncio.sleep(due - asyncio.get_running_loop().time())

    async def _ask(self, client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
        if self._chance.randrange(ONE_IN_VANISHES) == 0:
            await vanish(self._port, path)
            self.vanished += 1
            return
        try:
            status = (await client.get(path, headers=headers)).status_code
        except httpx.HTTPError as error:
            status = repr(error)
        if status not in (200, 206):
            self.failed.append(f"{path}: {status}")

    async def _make(self) -> None:
        """Make one session after the other, as many in each tenth."""
        async with httpx.AsyncClient(base_url=self._url, timeout=60) as client:
            for number in range(self._asked.renders):
                await self._until(self._asked.requests * number // self._asked.renders)
                minutes = 3 + number / 10
                answer = await client.post("/api/sessions", json={**WANTED, "minutes": minutes})
                id_ = answer.json()["id"]
                state = await ended(client, id_)
                if state["state"] == "ready":
                    self.made.append(id_)
                else:
                    self.failed.append(f"session of {minutes} minutes: {state}")


async def ended(client: httpx.AsyncClient, id_: str) -> dict:
    """Wait until a session is made, or has failed; return what the server says of it."""
    while True:
        state = (await client.get(f"/api/sessions/{id_}")).json()
        if state["state"] in ("ready", "failed"):
            return state
        await asyncio.sleep(0.2)


def wish(made: list[str], chance: random.Random) -> tuple[str, dict[str, str]]:
    """Return an address that is asked for, and headers."""
    paths = ["/", "/?language=de", "/page/player.js", "/page/page.css", "/api/sessions",
             "/api/playlists", "/api/library?language=de", "/covers/calf.png"]  # fmt: skip
    if not made or chance.random() < 0.5:
        return chance.choice(paths), {"Accept-Encoding": chance.choice(["gzip", "identity"])}
    form = chance.choice(["mp3", "mp3", "mp3", "json", "vtt"])
    begin = chance.randrange(1_000_000)
    part = {"Range": f"bytes={begin}-{begin + 500_000}"} if form == "mp3" else {}
    return f"/sessions/{chance.choice(made)}.{form}", part


async def vanish(port: int, path: str) -> None:
    """Begin to take something in, and be gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with contextlib.suppress(ConnectionError):
        await reader.read(2000)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    writer.transport.abort()


def held_open(port: int) -> tuple[list[float], int]:
    """Hold connections half open, and ask for the page as another client.

    Return in how many seconds that one has it each time, and how many were open to the end.
    """
    waits_s, held, connections = [], 0, []
    with contextlib.ExitStack() as opened:
        for _ in range(HALF_OPEN):
            connection = socket.create_connection(
                ("127.0.0.1", port), timeout=5, source_address=(OTHER_ADDRESS, 0)
            )
            connections.append(opened.enter_context(connection))
            with contextlib.suppress(ConnectionError):  # beyond what one client may have
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        for _ in range(20):
            begin = time.monotonic()
            httpx.get(f"http://127.0.0.1:{port}/", timeout=30).raise_for_status()
            waits_s.append(time.monotonic() - begin)
        for connection in connections:
            connection.settimeout(0)
            try:
                connection.recv(1)  # nothing, at its end
            except BlockingIOError:
                held += 1
            except ConnectionError:
                continue
    return waits_s, held


if __name__ == "__main__":
    sys.exit(main())
