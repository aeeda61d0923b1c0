"""What is waiting and being made: one session or playlist at a time, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voiceguide import child, files
from voiceguide.errors import VoiceguideError
from voiceguide.phone.render_child import ABOUT

Kind = Literal["sessions", "playlists"]

SESSIONS = "sessions"
"""The folder of the sessions, among those of the playlists."""

MOST_WAITING = 4
"""How many may wait while another is made; whoever comes then is asked to come back later."""
MAX_SESSIONS_BYTES = 2_000_000_000
"""Beyond that, the least recently used sessions are removed."""
MAX_PLAYLISTS_BYTES = 10_000_000_000
"""Beyond that, no other is made: only their owner removes playlists."""
MIN_FREE_BYTES = 500_000_000
"""With less free space on the disk, nothing is made."""

_MOST_FAILED = 100
_CHILD = Path(__file__).with_name("render_child.py")
_UNKNOWN = "it could not be made; see the terminal in which “voiceguide serve” runs"
_END_S = 3.0  # for a process to clean up before it is killed


class BusyError(Exception):
    """Too many are waiting already."""


@dataclass(slots=True)
class Render:
    """Something to be made, and its progress."""

    kind: Kind
    name: str
    """The name of its folder."""
    options: dict[str, object]
    """The target and options of a Session or Playlist."""
    clients: set[str]
    """Who has asked for it."""
    state: Literal["waiting", "making", "failed"] = "waiting"
    progress: float | None = None
    """The part that is done, from 0 to 1; None while it is unknown."""
    error: str = ""
    nearest_ms: tuple[int, ...] = ()
    """The lengths that are possible, if the one asked for is not."""
    one_side_ms: int | None = None
    """The nearest length that is possible for one side alone, if both take too long."""


class Renders:
    """Makes sessions into ``folder``/sessions/NAME and playlists into ``folder``/NAME."""

    def __init__(self, folder: Path) -> None:
        """Prepare the folder; raises VoiceguideError if it cannot be used."""
        self.folder = folder
        self.sessions = folder / SESSIONS
        self._renders: dict[tuple[Kind, str], Render] = {}
        self._come = asyncio.Event()
        self._task: asyncio.Task[None] | None = None  # that of what is being made
        try:
            self.sessions.mkdir(parents=True, exist_ok=True)
            files.sweep(self.sessions)  # what a killed server left behind
        except OSError as error:
            raise VoiceguideError(
                f"{folder}: cannot be used: {error.strerror}; fix that, or give another folder"
            ) from error

    def find(self, kind: Kind, name: str) -> Render | None:
        """Return what is waiting, being made or has failed under this name."""
        return self._renders.get((kind, name))

    def position(self, render: Render) -> int:
        """Return how many come before this one."""
        waiting = [one for one in self._renders.values() if one.state != "failed"]
        return waiting.index(render)

    def ask(self, kind: Kind, name: str, options: dict[str, object], client: str) -> Render:
        """Have something made for a client, unless it is waiting or being made already.

        Raises BusyError, or VoiceguideError if the disk has no space for it.
        """
        known = self._renders.get((kind, name))
        if known is not None and known.state != "failed":
            known.clients.add(client)
            return known
        failed = [key for key, one in self._renders.items() if one.state == "failed"]
        if len(self._renders) - len(failed) > MOST_WAITING:
            raise BusyError
        self._check_room(kind, name)
        for key in {(kind, name), *failed[:-_MOST_FAILED]}:
            self._renders.pop(key, None)
        render = self._renders[kind, name] = Render(kind, name, options, {client})
        self._come.set()
        return render

    async def run(self) -> None:
        """Make what is asked for, one after another, until cancelled."""
        while True:
            waiting = [one for one in self._renders.values() if one.state == "waiting"]
            if not waiting:
                self._come.clear()
                await self._come.wait()
                continue
            render = waiting[0]
            render.state = "making"
            task = self._task = asyncio.create_task(self._make_one(render))
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            key = (render.kind, render.name)
            if render.state == "making" and self._renders.get(key) is render:
                del self._renders[key]

    def cancel(self, kind: Kind, name: str, client: str) -> bool:
        """Stop making it for a client; return whether that one had asked for it.

        While others want it too, it goes on.
        """
        render = self._renders.get((kind, name))
        if render is None or client not in render.clients:
            return False
        render.clients.remove(client)
        if not render.clients:
            del self._renders[kind, name]
            if render.state == "making" and self._task is not None:
                self._task.cancel()
        return True

    def _check_room(self, kind: Kind, name: str) -> None:
        """Raise VoiceguideError if there is no space for it."""
        if shutil.disk_usage(self.folder).free < MIN_FREE_BYTES:
            raise VoiceguideError("the disk is nearly full: free some space, then try again")
        if kind == "playlists" and not (self.folder / name).exists():
            made = (path for path in self.folder.iterdir() if path != self.sessions)
            if sum(_size(path) for path in made if path.is_dir()) > MAX_PLAYLISTS_BYTES:
                most = f"{MAX_PLAYLISTS_BYTES // 10**9} GB"
                raise VoiceguideError(f"the playlists take {most}: delete some, then try again")

    async def _make_one(self, render: Render) -> None:
        try:
            self._check_room(render.kind, render.name)  # others came before
            if render.kind == "sessions":
                await self._make_session(render)
            else:
                await _make(render, self.folder / render.name)
        except VoiceguideError as error:
            _fail(render, str(error))
        except OSError as error:
            _fail(render, f"cannot be made: {error.strerror}")
        except Exception:  # noqa: BLE001 (what follows is made all the same)
            traceback.print_exc()
            _fail(render, _UNKNOWN)

    async def _make_session(self, render: Render) -> None:
        """Make a session in a temporary folder, which is renamed once it is complete."""
        place = self.sessions / render.name
        with files.part_folder(place) as part:
            await _make(render, part)
            if render.state == "making":
                if place.exists():
                    await asyncio.to_thread(shutil.rmtree, place)
                part.rename(place)
                await asyncio.to_thread(self._prune, place)

    def _prune(self, newest: Path) -> None:
        """Remove the least recently used sessions, beyond what all together may take."""
        room = MAX_SESSIONS_BYTES - _size(newest)
        found = [path.parent for path in self.sessions.glob(f"*/{ABOUT}")]
        for folder in sorted(found, key=_used, reverse=True):
            if folder == newest:
                continue
            room -= _size(folder)
            if room < 0:
                shutil.rmtree(folder, ignore_errors=True)


async def _make(render: Render, folder: Path) -> None:
    """Have it made by a process; stop the process if we are cancelled."""
    process = await asyncio.create_subprocess_exec(
        *child.command(_CHILD, files.scratch()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # so that Ctrl+C only reaches us; we stop it
    )
    assert process.stdin is not None  # noqa: S101 (both are pipes)
    assert process.stdout is not None  # noqa: S101
    try:
        asked = child.question(render.kind, options=render.options, folder=str(folder))
        process.stdin.write(asked.encode())
        process.stdin.close()
        is_answered = False
        async for line in process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "progress" in answer:
                render.progress = answer["progress"]
            else:
                is_answered = True
                _take(answer, render, folder)
        await process.wait()
        if not is_answered:
            _fail(render, _UNKNOWN)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_END_S):
                    await process.wait()
            except TimeoutError:
                process.kill()


def _take(answer: dict[str, Any], render: Render, folder: Path) -> None:
    """Note the result."""
    try:
        wrong = child.result(answer, lambda _: VoiceguideError(_UNKNOWN))
    except VoiceguideError as error:
        _fail(render, pathless(str(error), folder))
        return
    if wrong is not None:
        _fail(render, pathless(wrong["error"], folder))
        render.nearest_ms = tuple(wrong["nearest_ms"])
        render.one_side_ms = wrong["one_side_ms"]


def _fail(render: Render, error: str) -> None:
    render.state, render.error = "failed", error


def pathless(text: str, *folders: Path) -> str:
    """Return a message without the folders of this computer, which are nobody else's business."""
    known = {*folders, files.config_folder(), Path(files.__file__).parents[1], Path.home()}
    names = {f"{one}{os.sep}" for path in known for one in (path.absolute(), path.resolve())}
    for name in sorted(names - {os.sep * 2}, key=len, reverse=True):
        text = text.replace(name, "")
    return text


def touch(folder: Path) -> None:
    """Note that a session was used."""
    with contextlib.suppress(OSError):
        os.utime(folder / ABOUT)


def _used(folder: Path) -> float:
    try:
        return (folder / ABOUT).stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                total += path.stat().st_size
    return total
