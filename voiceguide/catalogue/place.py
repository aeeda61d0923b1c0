"""Where a catalogue is kept: a folder, or any address that fsspec knows."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shutil
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from voiceguide import files
from voiceguide.errors import CatalogueError, ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")

_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory")
"""Where a file appears when it is complete; elsewhere, it is written under another name first."""
_TRIES = 3
_PAUSE_S = 1.0
"""Before the second try; twice that before the third."""
_FINAL = (FileNotFoundError, PermissionError, ImportError)
"""What another try does not mend."""
_STALE_S = 24 * 3600
"""After so long, whoever was writing an unfinished file has gone."""
_SECRET = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")


class Place(Protocol):
    """A folder, wherever it is. Names are relative paths with slashes."""

    @property
    def folder(self) -> Path | None:
        """Where it is on this machine, if it is there."""

    def read(self, name: str) -> bytes | None:
        """Return a file, or None if there is none; raises CatalogueError."""

    def write(self, name: str, content: bytes | Path, *, lasting: bool = True) -> None:
        """Write a file, or a copy of one, complete or not at all; raises CatalogueError.

        A power cut may damage what need not be ``lasting``.
        """

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every file, by its name.

        Unfinished files do not count; what killed writers left of them is removed. Raises
        CatalogueError.
        """


@functools.cache
def place(address: str) -> Place:
    """Return the place at an address: a path, or one of fsspec, such as s3://bucket/catalogue.

    There is one for each address, so that a connection is made once and used by all sessions.
    Raises CatalogueError if fsspec, or what it needs for the address, is not installed.
    """
    return Remote(address) if "://" in address else Folder(Path(address))


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.folder = path

    def read(self, name: str) -> bytes | None:
        """Return a file, or None."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ESTALE:  # another machine has just replaced it
                return None
            raise _wrong(f"{self.folder / name}", "read", error.strerror) from error

    def write(self, name: str, content: bytes | Path, *, lasting: bool = True) -> None:
        """Write a file, complete or not at all."""
        path = self.folder / name
        try:
            with files.whole(path, lasting=lasting) as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, file)
        except ExportError as error:
            cause = error.__cause__
            raise _wrong(str(path), "written", getattr(cause, "strerror", None) or cause) from error

    def sizes(self) -> dict[str, int]:
        """Return the size of every file."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            if any(name.startswith(files.PART) for name in names):
                files.sweep(Path(folder))
            for name in names:
                if name.startswith(files.PART):
                    continue
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # a link to none, or it has gone
                    found[path.relative_to(self.folder).as_posix()] = path.stat().st_size
        return found


class Remote:
    """A folder at an address of fsspec. What fails for a moment is tried again."""

    folder = None

    def __init__(self, address: str) -> None:
        self._address = address
        self._scheme = address.partition("://")[0]
        self._one_at_a_time = threading.Lock()  # SFTP loses the answers of simultaneous requests
        self._connection: tuple[Any, str] | None = None
        self._tried("reached", "", lambda *_: None)

    def read(self, name: str) -> bytes | None:
        """Return a file, or None."""
        try:
            return self._tried("read", name, lambda system, path: bytes(system.cat_file(path)))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes | Path, *, lasting: bool = True) -> None:
        """Write a file, complete or not at all; how lasting it is, is up to the place."""
        del lasting

        def put(system: Any, path: str) -> None:
            if isinstance(content, bytes):
                system.pipe_file(path, content)
            else:
                system.put_file(str(content), path)

        def replace(system: Any, path: str) -> None:
            folder, _, last = path.rpartition("/")
            part = f"{folder}/{files.PART}{os.urandom(4).hex()}"
            _make_folder(system, folder or "/")
            try:
                with _as_file(content) as source:  # SFTP waits after each 32 kB of bytes
                    system.put_file(str(source), part)
                system.mv(part, f"{folder}/{last}")
            except Exception:
                with contextlib.suppress(Exception):  # it takes up space, which may be what lacks
                    system.rm_file(part)
                raise

        try:
            self._tried("written", name, put if self._scheme in _OBJECT_STORES else replace)
        except FileNotFoundError as error:
            raise _wrong(self._shown(name), "written", "there is no such place") from error

    def sizes(self) -> dict[str, int]:
        """Return the size of every file."""

        def find(system: Any, root: str) -> dict[str, int]:
            system.invalidate_cache()
            above = f"{root.strip('/')}/".lstrip("/")  # none of a whole bucket or server
            return {
                path.strip("/").removeprefix(above): int(about["size"])
                for path, about in system.find(root, detail=True).items()
                if not _is_part(system, path, about)
            }

        try:
            return self._tried("read", "", find)
        except FileNotFoundError:
            return {}

    def _tried(self, what: str, name: str, do: Callable[[Any, str], _T]) -> _T:
        """Return what a function of the file system and a path returns.

        A lost connection is made again.
        """
        for number in range(_TRIES):
            with self._one_at_a_time:
                try:
                    if self._connection is None:
                        self._connection = self._connected()
                    system, root = self._connection
                    return do(system, f"{root}/{name}" if name else root or "/")
                except (FileNotFoundError, CatalogueError):
                    raise
                except Exception as error:  # each system has errors of its own
                    if isinstance(error, _FINAL) or number + 1 == _TRIES:
                        raise _wrong(self._shown(name), what, error) from error
                    self._connection = None
                time.sleep(_PAUSE_S * 2**number)
        raise AssertionError

    def _connected(self) -> tuple[Any, str]:
        try:
            import fsspec
        except ImportError as error:
            what = f"{self._shown()} needs fsspec: pip install 'voiceguide[cluster]'"
            raise CatalogueError(what) from error
        try:
            system, root = fsspec.url_to_fs(self._address, skip_instance_cache=True)
        except (ImportError, ValueError) as error:  # it says what to install, or what it knows
            raise CatalogueError(f"{self._shown()}: {error}") from error
        except FileNotFoundError as error:  # a key's, which is no file of the place
            raise _wrong(self._shown(), "reached", error) from error
        return system, str(root).rstrip("/")

    def _shown(self, name: str = "") -> str:
        """Return the address of a file, without its password."""
        address = _SECRET.sub(r"\1:…@", self._address.rstrip("/"))
        return f"{address}/{name}" if name else address


@contextlib.contextmanager
def _as_file(content: bytes | Path) -> Iterator[Path]:
    """Return the path of a file with a content."""
    if isinstance(content, Path):
        yield content
        return
    with files.scratch_folder() as folder:
        path = folder / "content"
        path.write_bytes(content)
        yield path


def _make_folder(system: Any, folder: str) -> None:
    try:
        system.makedirs(folder, exist_ok=True)
    except OSError:
        if not system.isdir(folder):  # another worker may have made it at the same moment
            raise


def _is_part(system: Any, path: str, about: dict[str, Any]) -> bool:
    """Whether a file is unfinished; one that a killed worker left is removed when it is old."""
    if not path.rpartition("/")[2].startswith(files.PART):
        return False
    changed = about.get("mtime")  # object stores have no such files
    changed_s = changed.timestamp() if isinstance(changed, datetime) else changed
    if changed_s is not None and time.time() - changed_s > _STALE_S:
        with contextlib.suppress(Exception):  # another one may remove it too
            system.rm_file(path)
    return True


def _wrong(where: str, what: str, error: object) -> CatalogueError:
    if isinstance(error, Exception):
        error = ": ".join(filter(None, [type(error).__name__, str(error)]))
    return CatalogueError(
        f"{where} cannot be {what}: {error}; see to its address, rights, credentials and free "
        "space, then run the same command again: what was made stays"
    )
