"""Finding files, writing them atomically, and keeping data in a cache.

scripts/ and sounds/ are searched in the user's folders first, then in the package's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path, PureWindowsPath
from typing import IO, TYPE_CHECKING

from voiceguide.errors import ExportError, RequestError, option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PART = ".voiceguide-part-"
"""The prefix of files and folders that are not complete yet."""

MAX_SCRIPT_BYTES = 10_000_000
"""The largest script, whether a file or the output of a template."""

_STALE_S = 24 * 3600
_LONGEST_NAME = 1000  # characters; looking up a name of 80,000 takes seconds
_DIGEST_BYTES = 32
_PACKAGE = Path(__file__).resolve().parent


def config_folder() -> Path:
    """Return the user's configuration folder; its scripts/ and sounds/ override the package's.

    ``VOICEGUIDE_CONFIG_DIR`` moves it.
    """
    moved = os.environ.get("VOICEGUIDE_CONFIG_DIR")
    return Path(moved) if moved else _user_folder("config")


def cache_folder() -> Path:
    """Return the folder of spoken clips; it may be deleted at any time.

    ``VOICEGUIDE_CACHE_DIR`` moves it.
    """
    moved = os.environ.get("VOICEGUIDE_CACHE_DIR")
    return Path(moved) if moved else _user_folder("cache")


def data_folder() -> Path:
    """Return the folder of downloaded voices.

    ``VOICEGUIDE_DATA_DIR`` moves it.
    """
    moved = os.environ.get("VOICEGUIDE_DATA_DIR")
    return Path(moved) if moved else _user_folder("data")


def _user_folder(kind: str) -> Path:
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


def script_folders(own: Path | None) -> list[Path]:
    """Return the folders of scripts, ``own`` first; raises RequestError if it is not a folder."""
    if own is None:
        return folders("scripts")
    if not own.is_dir():
        raise RequestError(f"{option('library')} {own} is not a folder")
    return [own, *folders("scripts")]


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
    path: Path, *, mode: int = 0o666, advice: str = "choose another place (-o)"
) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces ``path`` once it is complete.

    ``mode`` is its permissions, before the umask. Raises ExportError with ``advice`` if the file
    cannot be written.
    """
    part = part_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        with open(os.open(part, _NEW, mode), "w+b") as file:  # noqa: PTH123 (a handle)
            yield file
        settle(part, path)
    except OSError as error:
        reason = error.strerror or str(error)
        what = f"{path}: cannot be written: {reason}"
        raise ExportError(f"{what}; fix that, or {advice}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


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
    with contextlib.suppress(OSError, NotImplementedError):  # a cache that cannot be written
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


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file atomically, unless it already has this content; raises ExportError."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    with whole(path) as file:
        file.write(content)


def settle(part: Path, path: Path) -> None:
    """Flush a file to disk, then rename it to ``path``; raises OSError."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def part_beside(path: Path) -> Path:
    """Return a temporary name beside ``path`` for the file that will replace it."""
    return path.with_name(f"{PART}{os.urandom(4).hex()}")


def sweep(folder: Path) -> None:
    """Remove what killed writers left in ``folder``, as far as possible."""
    with contextlib.suppress(OSError):
        for part in folder.glob(f"{PART}*"):
            with contextlib.suppress(OSError):  # its writer or another sweep was faster
                if time.time() - part.stat().st_mtime < _STALE_S:
                    continue
                if part.is_dir():
                    shutil.rmtree(part, ignore_errors=True)
                else:
                    part.unlink()


class Store:
    """A folder of payloads, each stored with a digest of its name and content.

    A payload that is damaged or misnamed counts as missing. The folder may be deleted at any time;
    what cannot be written is made again when it is needed.
    """

    def __init__(self, folder: Path, suffix: str = "") -> None:
        self._folder = folder
        self._suffix = suffix
        self._grown = False

    def read(self, name: str) -> bytes | None:
        """Return the payload ``name``, or None."""
        path = self.path(name)
        try:
            data = path.read_bytes()
            os.utime(path)  # recently used: pruned last
        except OSError:
            return None
        payload = data[_DIGEST_BYTES:]
        return payload if data[:_DIGEST_BYTES] == _digest(name, payload) else None

    def write(self, name: str, payload: bytes) -> None:
        """Store ``payload`` if possible; it need not survive a power cut."""
        path = self.path(name)
        part = part_beside(path)
        try:
            _make_private(path.parent)
            part.write_bytes(_digest(name, payload) + payload)
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        else:
            self._grown = True

    def prune(self, most_bytes: int) -> None:
        """If something was added, delete the least recently used beyond ``most_bytes``."""
        if not self._grown:
            return
        self._grown = False
        total = 0
        for _, size, path in sorted(self._ages(), reverse=True):
            total += size
            if total > most_bytes:
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 (no Path for each of many thousands)

    def path(self, name: str) -> Path:
        """Return the path of the payload ``name``."""
        return self._folder / name[:2] / f"{name}{self._suffix}"

    def _ages(self) -> Iterator[tuple[float, int, str]]:
        """Return the last use, the size in bytes and the path of each payload."""
        for folder in _entries(self._folder):
            for entry in _entries(folder.path):
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


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Return the entries of a folder; nothing if it is not a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _digest(name: str, payload: bytes) -> bytes:
    import hashlib  # help needs none

    digest = hashlib.blake2b(f"{name}\0".encode(), digest_size=_DIGEST_BYTES)
    digest.update(payload)
    return digest.digest()
