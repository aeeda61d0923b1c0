"""Finding files, writing them atomically, and keeping data in a cache.

scripts/ and sounds/ are searched in the user's folders first, then in the package's.

More than 400 lines: what writes files and what removes the leftovers of writers rely on each other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import time
from contextvars import ContextVar
from pathlib import Path, PureWindowsPath
from typing import IO, TYPE_CHECKING, Protocol

from voiceguide.errors import ExportError, RequestError, option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PART = ".voiceguide-part-"
"""The prefix of files and folders that are not complete yet."""

MAX_SCRIPT_BYTES = 10_000_000
"""The largest script, whether a file or the output of a template."""

_SCRATCH = "voiceguide-run-"
_STALE_S = 24 * 3600
"""Where the system cannot tell whether its writer is alive, a part is left alone for so long."""
_LONGEST_NAME = 1000  # characters; looking up a name of 80,000 takes seconds
_DIGEST_BYTES = 32
_PACKAGE = Path(__file__).resolve().parent


def config_folder() -> Path:
    """Return the user's configuration folder; its scripts/ and sounds/ override the package's.

    ``VOICEGUIDE_CONFIG_DIR`` moves it.
    """
    return _user_folder("config")


def cache_folder() -> Path:
    """Return the folder of what can be made again; it may be deleted at any time.

    That is spoken clips, encoded parts of MP3s, written scripts, drawn covers, the lengths of
    regions, the paces of voices and the digests of models; and the locks of folders that are
    being written. ``VOICEGUIDE_CACHE_DIR`` moves it.
    """
    return _user_folder("cache")


@contextlib.contextmanager
def moved_cache(folder: Path) -> Iterator[None]:
    """Let this process, and those that it starts, use ``folder`` as their cache meanwhile."""
    before = os.environ.get("VOICEGUIDE_CACHE_DIR")
    os.environ["VOICEGUIDE_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["VOICEGUIDE_CACHE_DIR"]
        else:
            os.environ["VOICEGUIDE_CACHE_DIR"] = before


def data_folder() -> Path:
    """Return the folder of what is kept: downloaded voices, the diary, and where playback stopped.

    ``VOICEGUIDE_DATA_DIR`` moves it.
    """
    return _user_folder("data")


def _user_folder(kind: str) -> Path:
    if moved := os.environ.get(f"VOICEGUIDE_{kind.upper()}_DIR"):
        return Path(moved)
    import platformdirs  # help needs none of them

    path: Path = getattr(platformdirs, f"user_{kind}_path")("voiceguide", appauthor=False)
    return path


def folders(name: str) -> list[Path]:
    """Return the existing folders called ``name`` ("scripts", "sounds"), in the order of search.

    In a wheel, the built-in ones are inside the package; in a checkout, beside it.
    """
    shipped = _PACKAGE / name
    if not shipped.is_dir():
        shipped = _PACKAGE.parent / name
    return [folder for folder in (config_folder() / name, shipped) if folder.is_dir()]


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False for what none can be called, as a name that is too long."""
    return os.path.isdir(path)  # noqa: PTH112 (unlike Path's, it takes any name)


def is_file(path: Path) -> bool:
    """Whether a path is a file; False for what none can be called, as a name that is too long."""
    return os.path.isfile(path)  # noqa: PTH113 (unlike Path's, it takes any name)


def script_folders(own: Path | None) -> list[Path]:
    """Return the folders of scripts, ``own`` first; raises RequestError if it is not a folder."""
    if own is None:
        return folders("scripts")
    if not is_folder(own):
        raise RequestError(f"{option('library')} {own} is not a folder")
    return [own, *folders("scripts")]


def sound_folders(own: Path | None) -> list[Path]:
    """Return the folders of sounds, that of the library ``own`` first."""
    of_library = [] if own is None else [own / "sounds"]
    return [*(one for one in of_library if is_folder(one)), *folders("sounds")]


def states(folder: Path) -> list[tuple[str, int, int]]:
    """Return the files below a folder, with their sizes and times of change in ns, by name.

    Hidden ones, such as those of editors and of macOS, are left out, and links that lead nowhere.
    """
    found = []
    for inner, folders_, names in os.walk(folder):
        folders_[:] = [name for name in folders_ if not name.startswith(".")]
        for name in names:
            path = os.path.join(inner, name)  # noqa: PTH118 (a Path takes longer than all else)
            if not name.startswith("."):
                with contextlib.suppress(OSError):
                    status = os.stat(path)  # noqa: PTH116 (as above)
                    found.append((path, status.st_size, status.st_mtime_ns))
    return sorted(found)


def find(name: str, roots: list[Path]) -> Path | None:
    """Return the first file called ``name`` (a relative path) in ``roots``.

    A name that leads out of a root, by ``..`` or a link, is not found there. A name that is not a
    relative path is not even looked up, since on Windows it may name another machine.
    """
    pure = PureWindowsPath(name)
    if pure.drive or pure.root or ".." in pure.parts or len(name) > _LONGEST_NAME:
        return None
    for root in roots:
        try:
            path = (root / name).resolve()
            if path.is_relative_to(root.resolve()) and path.is_file():
                return path
        except (OSError, ValueError):  # not a possible file name
            continue
    return None


@contextlib.contextmanager
def whole(
    path: Path,
    *,
    mode: int = 0o666,
    advice: str = "choose another place (-o)",
    lasting: bool = True,
) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces ``path`` once it is complete.

    A link is followed: the file that it leads to is replaced. ``mode`` is the permissions of the
    new file, before the umask. A power cut may damage what need not be ``lasting``, which is
    written in less time. Raises ExportError with ``advice`` if the file cannot be written, or
    if ``path`` is a pipe, a device, a folder or write-protected.
    """
    part = None
    try:
        place = Path(os.path.realpath(path))
        _refuse_unusual(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        sweep(place.parent)
        part, handle = _new_part(place, mode)
        with _kept_claimed(handle):
            with open(handle, "w+b") as file:  # noqa: PTH123 (a handle)
                yield file
            if lasting:
                settle(part, place)
            else:
                part.replace(place)
    except OSError as error:
        reason = error.strerror or str(error)
        what = f"{path}: cannot be written: {reason}"
        raise ExportError(f"{what}; fix that, or {advice}") from error
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _refuse_unusual(path: Path) -> None:
    """Raise OSError if a path is there, but is no file that may be replaced."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise OSError("it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError("it is a pipe or a device, not a file")
    if not mode & 0o222:
        raise OSError("it is write-protected")


@contextlib.contextmanager
def alone(folder: Path, waiting: Callable[[], object]) -> Iterator[None]:
    """Keep other processes of this user that ask for the same ``folder`` waiting.

    ``waiting`` is called if another has it; then this waits for as long as that takes.
    """
    import hashlib  # help needs neither

    import filelock

    name = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=16).hexdigest()
    path = cache_folder() / "locks" / f"{name}.lock"
    lock = filelock.FileLock(path)
    with contextlib.suppress(OSError, NotImplementedError):  # without a cache, none waits
        _make_private(path.parent)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def _new_part(path: Path, mode: int) -> tuple[Path, int]:
    """Create a part beside ``path`` and claim it; return its path and its handle."""
    while True:
        part = part_beside(path)
        handle = os.open(part, _NEW, mode)
        if not _claim(handle) or _is_at(part, handle):
            return part, handle
        os.close(handle)  # a sweep took it before it was claimed


def digest(content: object) -> str:
    """Return what tells contents that JSON can hold apart, as a part of a name."""
    import hashlib  # help needs neither
    import json

    made_of = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(made_of.encode(), digest_size=8).hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file atomically, unless it already has this content; raises ExportError."""
    with contextlib.suppress(OSError):
        if path.is_file() and path.read_bytes() == content:  # a pipe would wait for ever
            return
    with whole(path) as file:
        file.write(content)


def remove(path: Path) -> None:
    """Remove a file, if it is there; raises ExportError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{path}: cannot be removed: {error.strerror}; remove it") from error


def settle(part: Path, path: Path) -> None:
    """Flush a file to disk, then rename it to ``path``; raises OSError."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def part_beside(path: Path) -> Path:
    """Return a temporary name beside ``path`` for the file that will replace it."""
    return path.with_name(f"{PART}{os.urandom(4).hex()}")


@contextlib.contextmanager
def part_folder(path: Path) -> Iterator[Path]:
    """Create a temporary folder beside ``path``, to be renamed to it when it is complete.

    What is still there afterwards is removed. Raises OSError.
    """
    part = part_beside(path)
    with _removed(part, create_claimed(part, 0o777)):
        yield part


def scratch() -> Path:
    """Return the path of a new folder, not created yet, for temporary files.

    What killed processes left there is removed. Raises OSError if there is no such place.
    """
    import tempfile  # help needs none

    folder = Path(tempfile.gettempdir())
    _sweep(folder, _SCRATCH)
    return folder / f"{_SCRATCH}{os.urandom(8).hex()}"


def sweep_scratch() -> None:
    """Remove what killed processes left among temporary files, as far as possible."""
    with contextlib.suppress(OSError):
        scratch()


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a folder for temporary files, and remove it afterwards. Raises ExportError."""
    try:
        path = scratch()
        handle = create_claimed(path)
    except OSError as error:
        what = f"no folder for temporary files can be created: {error}"
        raise ExportError(f"{what}; fix that, or let TMPDIR name another place") from error
    with _removed(path, handle):
        yield path


def create_claimed(folder: Path, mode: int = 0o700) -> int:
    """Create a folder, and claim it until the handle is closed.

    ``mode`` is its permissions, before the umask. Returns the handle, -1 where folders have none
    (Windows). Raises FileExistsError if something is there already, which is not ours; OSError.
    """
    while True:
        folder.mkdir(mode)
        if sys.platform == "win32":
            return -1
        with contextlib.suppress(FileNotFoundError):  # a sweep took it before it was claimed
            handle = os.open(folder, os.O_RDONLY)
            if not _claim(handle) or _is_at(folder, handle):
                return handle
            os.close(handle)


@contextlib.contextmanager
def _removed(folder: Path, handle: int) -> Iterator[None]:
    """Remove a claimed folder afterwards."""
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle >= 0:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in ``folder``, as far as possible; it never fails."""
    _sweep(folder, PART)


def _sweep(folder: Path, prefix: str) -> None:
    """Remove files and folders with a prefix that nobody claims."""
    for entry in _entries(folder):
        if entry.name.startswith(prefix):
            _remove_abandoned(entry)


def _remove_abandoned(entry: os.DirEntry[str]) -> None:
    """Remove a part, if the process that was writing it has ended."""
    with contextlib.suppress(OSError), _abandoned(entry.path) as it_is:
        if it_is and entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        elif it_is:
            os.unlink(entry.path)  # noqa: PTH108 (a name)


if sys.platform == "win32":

    def _claim(_handle: int) -> bool:
        return False  # what is open cannot be removed anyway

    @contextlib.contextmanager
    def _abandoned(path: str) -> Iterator[bool]:
        yield _is_stale(path)

else:
    import fcntl

    def _claim(handle: int) -> bool:
        """Claim a part until its handle is closed; return whether this file system knows claims."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # a sweep may be looking at it for a moment
        except OSError:
            return False
        return True

    @contextlib.contextmanager
    def _abandoned(path: str) -> Iterator[bool]:
        """Whether the process that was writing a part has ended; meanwhile, nobody claims it."""
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            except OSError:  # this file system knows no claims
                yield _is_stale(path)
            else:
                yield True
        finally:
            os.close(handle)


@contextlib.contextmanager
def _kept_claimed(handle: int) -> Iterator[None]:
    """Keep the claim of a file beyond the closing of its handle."""
    another = os.dup(handle) if sys.platform != "win32" else -1
    try:
        yield
    finally:
        if another >= 0:
            os.close(another)


def _is_at(path: Path, handle: int) -> bool:
    """Whether a path still leads to what is open."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(handle))
    return False


def _is_stale(path: str) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - Path(path).stat().st_mtime > _STALE_S
    return False


def _disk(folder: Path) -> int:
    """Return the number of the file system in which a folder is, or will be."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    return there.stat().st_dev


def sealed(name: str, payload: bytes) -> bytes:
    """Return a payload behind a digest of its name and content."""
    return _digest(name, payload) + payload


def unsealed(name: str, data: bytes) -> bytes | None:
    """Return the payload of what was ``sealed``; None if it is damaged or misnamed."""
    payload = data[_DIGEST_BYTES:]
    return payload if data[:_DIGEST_BYTES] == _digest(name, payload) else None


def _digest(name: str, payload: bytes) -> bytes:
    import hashlib  # help needs none

    digest = hashlib.blake2b(f"{name}\0".encode(), digest_size=_DIGEST_BYTES)
    digest.update(payload)
    return digest.digest()


class Shared(Protocol):
    """A place for payloads that several machines share."""

    @property
    def folder(self) -> Path | None:
        """Where it is on this machine, if it is there."""

    def read(self, name: str) -> bytes | None:
        """Return the file called ``name``, or None; raises a VoiceguideError."""

    def write(self, name: str, content: bytes, *, lasting: bool) -> None:
        """Write a file, complete or not at all; raises a VoiceguideError.

        A power cut may damage what need not be ``lasting``.
        """


_SHARED: ContextVar[Shared | None] = ContextVar("shared payloads", default=None)


@contextlib.contextmanager
def sharing(place: Shared | None) -> Iterator[None]:
    """Let stores that are opened meanwhile and may be ``shared`` keep their payloads there too."""
    before = _SHARED.set(place)
    try:
        yield
    finally:
        _SHARED.reset(before)


class Store:
    """A folder of payloads, each stored with a digest of its name and content.

    A payload that is damaged or misnamed counts as missing. The folder may be deleted at any time;
    what cannot be written is made again when it is needed. A folder or a payload of another user's
    is not used, and ours is closed to others: they decide nothing that is heard.
    """

    def __init__(self, folder: Path, suffix: str = "", *, shared: bool = False) -> None:
        """Use a folder; with ``shared``, also the place of ``sharing``, if there is one.

        There, names with the same suffix must mean the same to all.
        """
        self._folder = folder
        self._suffix = suffix
        self._shared = _SHARED.get() if shared else None
        self._near = self._shared.folder if self._shared else None
        if self._near and _disk(self._near) != _disk(folder):  # what is read again is copied here
            self._near = None
        self._grown_bytes = 0

    def read(self, name: str) -> bytes | None:
        """Return the payload ``name``, or None; what the shared place raises."""
        kept = self._read_here(name)
        if kept is None and self._shared is not None:
            found = self._shared.read(self._name(name))
            kept = None if found is None else unsealed(name, found)
            if kept is not None and self._near is None:
                self._write_here(name, kept)
        return kept

    def write(self, name: str, payload: bytes) -> None:
        """Store ``payload`` if possible; it need not survive a power cut.

        Raises what the shared place raises.
        """
        if self._near is None:
            self._write_here(name, payload)
        if self._shared is not None:
            self._shared.write(self._name(name), sealed(name, payload), lasting=False)

    def _read_here(self, name: str) -> bytes | None:
        path = self.path(name)
        try:
            if not _close_to_others(self._folder):
                return None
            with path.open("rb") as file:
                if not _is_ours(os.fstat(file.fileno())):
                    return None
                data = file.read()
            os.utime(path)  # recently used: pruned last
        except OSError:
            return None
        return unsealed(name, data)

    def touch(self, name: str) -> bool:
        """Count the payload ``name`` as used, so that it is pruned late; whether it is there."""
        with contextlib.suppress(OSError):
            os.utime(self.path(name))
            return True
        return self._near is not None and is_file(self._near / self._name(name))

    def _write_here(self, name: str, payload: bytes) -> None:
        path = self.path(name)
        part = None
        try:
            _make_private(self._folder)
            if not _close_to_others(self._folder):
                return
            _make_private(path.parent)
            sweep(path.parent)
            part, handle = _new_part(path, 0o600)
            with _kept_claimed(handle):
                with open(handle, "wb") as file:  # noqa: PTH123 (a handle)
                    file.write(sealed(name, payload))
                part.replace(path)
        except OSError:
            if part is not None:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
        else:
            self._grown_bytes += len(payload)

    def prune(self, most_bytes: int) -> None:
        """Now and then, delete the least recently used beyond ``most_bytes``.

        Looking through thousands of files takes a while: it is done once, on average, for each
        sixteenth of ``most_bytes`` that was added.
        """
        import random  # help needs none

        grown_bytes, self._grown_bytes = self._grown_bytes, 0
        if 16 * grown_bytes <= random.random() * most_bytes:  # noqa: S311 (no secret)
            return
        total = 0
        for _, size, path in sorted(self._ages(), reverse=True):
            total += size
            if total > most_bytes:
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 (no Path for each of many thousands)

    def path(self, name: str) -> Path:
        """Return the path of the payload ``name``."""
        return self._folder / self._name(name)

    def _name(self, name: str) -> str:
        return f"{name[:2]}/{name}{self._suffix}"

    def _ages(self) -> Iterator[tuple[float, int, str]]:
        """Return the last use, the size in bytes and the path of each payload."""
        for folder in _entries(self._folder):
            for entry in _entries(folder.path):
                if entry.name.startswith(PART):
                    _remove_abandoned(entry)
                    continue
                with contextlib.suppress(OSError):  # another process may prune at the same time
                    status = entry.stat()
                    yield status.st_mtime, status.st_size, entry.path


def _make_private(folder: Path) -> None:
    """Create a folder and its missing parents, accessible to their owner only."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _close_to_others(folder: Path) -> bool:
    """Let only its owner into a folder, and return whether that is us. Raises OSError."""
    status = folder.stat()
    if not _is_ours(status):
        return False
    if sys.platform != "win32" and status.st_mode & 0o077:
        folder.chmod(0o700)
    return True


def _is_ours(status: os.stat_result) -> bool:
    """Whether a file belongs to the user whose process this is; on Windows, folders see to it."""
    return sys.platform == "win32" or status.st_uid == os.geteuid()


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Return the entries of a folder; nothing if it is not a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from entries
