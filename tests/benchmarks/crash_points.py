"""Ends voiceguide at every point at which it changes a file, and lets every such call fail.

    python tests/benchmarks/crash_points.py [--every N] [CASE...]

A point is an open for writing, a write, fsync, truncation, rename, unlink, mkdir or rmdir below a
folder of its own: crash_layer.c lists them in a run that is not disturbed (Linux, gcc). Then at
each point, a run is killed (SIGKILL), and others get EIO, EACCES, and ENOSPC from then on. After
each, there must be no traceback, and under final names only what was there before or what belongs
there; the next run has to succeed with the same bytes, and to leave nothing else behind.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voiceguide import Playlist, Session, catalogue, files
from voiceguide.cli import lists
from voiceguide.errors import VoiceguideError
from voiceguide.export import FORMATS
from voiceguide.phone import look, site
from voiceguide.player.places import Places
from voiceguide.playlist.transfer import copy
from voiceguide.playlist.writing import WantedTrack, write
from voiceguide.recording import phrases, recorder
from voiceguide.voices import PLAIN, download

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LAYER = Path(__file__).with_name("crash_layer.c")
ROOT = "CRASH_POINTS_ROOT"
"""The environment variable that has the folder in which everything happens."""
LIST, KILL, FAIL = 1, 2, 3  # as in crash_layer.c
KILLED = 9
DONE, REFUSED, BROKEN = 0, 1, 2
"""Exit statuses of a run: BROKEN is an exception that no user should see."""
FAULTS = {
    "killed": (KILL, 0, False),
    "EIO": (FAIL, errno.EIO, False),
    "EACCES": (FAIL, errno.EACCES, False),
    "ENOSPC from then on": (FAIL, errno.ENOSPC, True),
}
ORPHANS_S = 20
"""How long an engine may take to notice that whoever started it was killed, and to clean up."""
UNFINISHED = re.compile(r"(^|/)\.voiceguide-|^tmp/voiceguide-run-|\.part$")
"""Names of what is not complete."""
LISTS = (".jsonl",)
"""Ends of names of lists, which may have some of their lines."""
TINY, SPOKEN = "tiny.ssml", "spoken.ssml"
KIND = "ticks"
"""A kind of session without speech, in a library of its own."""
KIND_FILES = {
    "kind.toml": """
about = "itself"
options = []
title = "{{ kind.name }}"
album = "{{ kind.name }}"
[[tracks]]
name = "only"
title = "Only"
""",
    "session.ssml.jinja": (
        '<speak xml:lang="{{ language }}"><audio src="tick.wav"/><break time="200ms"/></speak>'
    ),
    "en.toml": 'name = "Ticks"\nsummary = "a tick"\n',
}
PAYLOADS = {"config.json": b"{}" * 500, "model.onnx": bytes(range(256)) * 600}
"""What is downloaded."""

State = dict[str, bytes]


def main() -> int:
    """Try all points of the cases, and return how often something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="only every n-th point")
    parser.add_argument("cases", nargs="*", help="all, unless some are named")
    options = parser.parse_args()
    if ROOT not in os.environ:
        return preloaded()
    root = Path(os.environ[ROOT])
    tempfile.gettempdir()  # now: it tries folders by writing into them
    cases = all_cases(root)
    points = runs = wrong = 0
    for name in options.cases or cases:
        found = Trial(root, *cases[name]).tried(options.every)
        points, runs = points + found.points, runs + found.runs
        wrong += len(found.wrong)
        tried = f"{found.points} of {found.known} points, {found.runs} runs"
        print(f"{name}: {tried}, {len(found.wrong)} wrong")
        for point, fault, what in found.wrong[:5]:
            print(f"    {fault} at {point}: {what}")
    print(f"{points} points, {runs} runs, {wrong} wrong")
    return min(wrong, 100)


def preloaded() -> int:
    """Run this program again with the layer loaded before the C library."""
    with tempfile.TemporaryDirectory() as folder:
        layer, root = Path(folder, "layer.so"), Path(folder, "root")
        shared = ["-shared", "-fPIC", "-O1", "-o", layer, LAYER, "-ldl", "-lpthread"]
        subprocess.run(["gcc", *shared], check=True)
        (root / "tmp").mkdir(parents=True)
        places = {"CACHE": "cache", "CONFIG": "config", "DATA": "data"}
        moved = {f"VOICEGUIDE_{kind}_DIR": str(root / name) for kind, name in places.items()}
        own = {
            ROOT: str(root), "TMPDIR": str(root / "tmp"), "LD_PRELOAD": str(layer),
            "EDITOR": "true", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        return subprocess.call([sys.executable, *sys.argv], env={**os.environ, **moved, **own})


def all_cases(root: Path) -> dict[str, tuple[Callable[[], None], Callable[[], object]]]:
    """Return by its name what prepares the folder of a case, and what is done there."""
    script, spoken, out = root / TINY, root / SPOKEN, root / "out"

    def old(*names: str) -> Callable[[], None]:
        return functools.partial(prepare, root, names)

    cases: dict[str, tuple[Callable[[], None], Callable[[], object]]] = {
        f"render {suffix}": (
            old(f"tiny.{suffix}"),
            lambda suffix=suffix: Session(script).export(out / f"tiny.{suffix}"),
        )
        for suffix in FORMATS
    }
    return cases | {
        "render into a new folder": (old(), lambda: Session(script).export(out / "new/tiny.wav")),
        "render speech": (old(), lambda: Session(spoken, voice=PLAIN).export(out / "my.wav")),
        "playlist": (old(), lambda: playlist(root)),
        "playlist again": (
            old("00.mp3", "01.mp3", "cover.png", "feed.xml"), lambda: playlist(root)
        ),
        "copy to a card": (old(), lambda: copy({"neck": [script, spoken]}, out)),
        "copy to a card again": (
            old("neck/tiny.ssml", "neck/gone.mp3"), lambda: copy({"neck": [script, spoken]}, out)
        ),
        "cache": (old(), lambda: stored(root / "cache/clips")),
        "recordings": (old(), lambda: recorded(spoken, out)),
        "settings": (old(), lambda: lists._edit(out / "settings.toml")),
        "places": (old(), lambda: Places().note("calf", 5000)),
        "publish": (old(), lambda: published(root)),
        "publish again": (lambda: again(root, published_before), lambda: published(root)),
        "catalogue": (old(), lambda: catalogued(root, 2)),
        "catalogue again": (
            lambda: again(root, lambda root: catalogued(root, 1)), lambda: catalogued(root, 2)
        ),
        "download": (old(), lambda: downloaded(out)),
        "download resumed": (lambda: begun(root), lambda: downloaded(out)),
    }  # fmt: skip


def prepare(root: Path, names: Iterable[str]) -> None:
    """Write the scripts, and files that are there already."""
    (root / TINY).write_text(
        '<speak><audio src="tick.wav"/><break time="200ms"/><mark name="chapter:A"/></speak>'
    )
    (root / SPOKEN).write_text('<speak xml:lang="en">Hi.</speak>')
    for name, text in KIND_FILES.items():
        path = root / "mine/kinds" / KIND / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in names:
        path = root / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")


def playlist(root: Path) -> None:
    """Write the files of a playlist with two tracks."""
    sessions = [Session(root / TINY), Session(root / TINY, mono=True)]
    entries = [WantedTrack(f"0{n}", one, one.tags) for n, one in enumerate(sessions)]
    with files.alone(root / "out", lambda: None):
        write(root / "out", entries, b"a picture", "https://example.org/", None)


def stored(folder: Path) -> None:
    """Keep two payloads in a store, as clips are kept."""
    store = files.Store(folder)
    for name in ("aa1", "bb2"):
        if store.read(name) is None:
            store.write(name, name.encode() * 5000)
    store.prune(100_000)  # so little that it looks for certain


def recorded(script: Path, folder: Path) -> None:
    """List a phrase, and save a recording of it."""
    (phrase,) = phrases.phrases_in([Session(script, voice=PLAIN)])
    phrases.write([phrase], folder)
    recorder._save(folder, phrase, np.zeros((1, 4800), np.float32))


def published_before(root: Path) -> None:
    """Publish a site that has much of what the next one has not."""
    old = [Session(KIND, library=root / "mine"), Session(root / TINY)]
    with warm(root):
        playlists = [Playlist(KIND, library=root / "mine")]
        address = "https://example.org"
        site.publish(old, root / "out", look.read(None), playlists=playlists, url=address)


def published(root: Path) -> None:
    """Publish a session and a playlist."""
    new = [Session(KIND, library=root / "mine", mono=True)]
    with warm(root):
        playlists = [Playlist(KIND, library=root / "mine", mono=True)]
        site.publish(new, root / "out", look.read(None, name="New"), playlists=playlists)


def catalogued(root: Path, count: int) -> None:
    """Make a catalogue of sessions, and of a request that fails."""
    about = {"target": KIND, "library": str(root / "mine")}
    lines = [{**about, "voice": "nobody"}, *({**about, "seed": seed} for seed in range(count))]
    requests = root.parent / "requests.jsonl"
    requests.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with warm(root):
        catalogue.make(catalogue.read_requests(requests), str(root / "out"), form="wav")


def again(root: Path, before: Callable[[Path], object]) -> None:
    """Prepare the folder of a case as ``before`` leaves it, which is called once."""
    kept = root.parent / f"kept-{id(before)}"
    prepare(root, ())
    if not kept.exists():
        before(root)
        shutil.copytree(root / "out", kept)
    shutil.copytree(kept, root / "out", dirs_exist_ok=True)


@contextlib.contextmanager
def warm(root: Path) -> Iterator[None]:
    """Keep the cache elsewhere: it has cases of its own, and to draw pictures takes long."""
    name = "VOICEGUIDE_CACHE_DIR"
    own, os.environ[name] = os.environ[name], str(root.parent / "warm")
    try:
        yield
    finally:
        os.environ[name] = own


def begun(root: Path) -> None:
    """Leave a download in the middle: one file has its beginning, the other a wrong one."""
    prepare(root, ["config.json.part"])
    (root / "out/model.onnx.part").write_bytes(PAYLOADS["model.onnx"][:70_000])


def downloaded(folder: Path) -> None:
    """Download a voice from this machine."""
    wanted = [
        download.File(
            f"{mirror()}{name}", name, len(content), "sha256", hashlib.sha256(content).hexdigest()
        )
        for name, content in PAYLOADS.items()
    ]
    download.download("voice", wanted, folder)


@functools.cache
def mirror() -> str:
    """Start a server of what is downloaded, and return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers with a payload, or with what is left of it."""

    def do_GET(self) -> None:
        """Answer a request, as servers of voices do."""
        content = PAYLOADS[self.path.strip("/")]
        begin = int((self.headers["Range"] or "bytes=0-")[6:-1])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[begin:])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Trial:
    """A case, tried at all of its points."""

    def __init__(self, root: Path, prepare: Callable[[], None], act: Callable[[], object]) -> None:
        self._root, self._prepare, self._act = root, prepare, act
        self._layer = ctypes.CDLL(None)
        self.known = self.points = self.runs = 0
        self.wrong: list[tuple[str, str, str]] = []

    def tried(self, every: int) -> Trial:
        """Try every n-th point with every fault."""
        self._reset()
        self._act()  # loads what it needs, for all runs
        self._reset()
        before = self._state()
        status, log = self._run(LIST)
        assert status == DONE, log
        points = [line for line in log.splitlines() if line]
        after = self._state()
        self.known = len(points)
        for point in points[::every]:
            self.points += 1
            for fault, how in FAULTS.items():
                self.runs += 1
                if what := self._fault(point, how, before, after):
                    self.wrong.append((point, fault, what))
        return self

    def _fault(
        self, point: str, how: tuple[int, int, bool], before: State, after: State
    ) -> str | None:
        """Return what is wrong after a fault at a point, or after the next run."""
        self._reset()
        status, log = self._run(*how, target=point)
        if status == BROKEN:
            return f"traceback: {log}"
        for name, content in self._state().items():
            right = [before.get(name), after.get(name)]
            if name.endswith(LISTS):
                lines = {line for text in right if text for line in text.splitlines()}
                right += [content] if lines.issuperset(content.splitlines()) else []
            if content not in right and not UNFINISHED.search(name):
                return f"{name} is broken"
        status, log = self._run(LIST)
        if status != DONE:
            return f"the next run fails: {log}"
        found = self._state()
        deadline = time.monotonic() + ORPHANS_S
        while found != after and time.monotonic() < deadline:
            time.sleep(0.05)
            found = self._state()
        if found != after:
            different = {name for name, _ in set(found.items()) ^ set(after.items())}
            return f"the next run leaves {', '.join(sorted(different)[:3])}"
        return None

    def _reset(self) -> None:
        for entry in self._root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name in ("tmp", "out"):
            (self._root / name).mkdir()
        self._prepare()

    def _state(self) -> State:
        """Return all files and folders, except for locks and the names of what is in the cache."""
        found: State = {}
        for folder, folders, names in os.walk(self._root):  # an engine may still be cleaning up
            for name in [*folders, *names]:
                path = Path(folder, name)
                local = str(path.relative_to(self._root))
                if path.suffix != ".lock" and name != "locks" and local != "log":
                    with contextlib.suppress(FileNotFoundError):
                        found[local] = path.read_bytes() if path.is_file() else b""
        return dict(sorted(found.items()))

    def _run(
        self, mode: int, failure: int = 0, lasting: bool = False, target: str = ""
    ) -> tuple[int, str]:
        """Act in a process of its own; return its status, and the points or what went wrong."""
        log = self._root / "log"
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        child = os.fork()
        if child == 0:
            os._exit(self._status(mode, failure, lasting, target, handle))
        _, status = os.waitpid(child, 0)
        os.close(handle)
        code = os.waitstatus_to_exitcode(status)
        return (REFUSED if code == -KILLED else code), log.read_text("utf-8", "replace")

    def _status(self, mode: int, failure: int, lasting: bool, target: str, handle: int) -> int:
        os.dup2(handle, 2)
        root = os.fsencode(self._root)
        self._layer.crash_arm(root, mode, failure, int(lasting), target.encode(), handle)
        try:
            self._act()
        except VoiceguideError as error:
            print(error.with_flags(), file=sys.stderr, flush=True)
            return REFUSED
        except BaseException:  # noqa: BLE001 (nothing else may be raised)
            traceback.print_exc()
            sys.stderr.flush()
            return BROKEN
        return DONE


if __name__ == "__main__":
    sys.exit(main())
