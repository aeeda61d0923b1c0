"""Where a catalogue is kept: a folder, or any address that fsspec knows."""

from __future__ import annotations

import functools
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from voiceguide import files
from voiceguide.errors import CatalogueError, ExportError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory")
"""Where a file appears when it is complete; elsewhere, it is written under another name first."""
_TRIES = 3
_PAUSE_S = 1.0
"""Before the second try; twice that before the third."""
_FINAL = (FileNotFoundError, PermissionError, ImportError)
"""What another try does not mend."""
_SECRET = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")


class Place(Protocol):
    """A folder, wherever it is. Names are relative paths with slashes."""

    def read(self, name: str) -> bytes | None:
        """Return a file, or None if there is none; raises CatalogueError."""

    def write(self, name: str, content: bytes | Path) -> None:
        """Write a file, or a copy of one, complete or not at all; raises CatalogueError."""

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every file, by its name; raises CatalogueError."""


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
        self._path = path

    def read(self, name: str) -> bytes | None:
        """Return a file, or None."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _wrong(f"{self._path / name}", "read", error.strerror) from error

    def write(self, name: str, content: bytes | Path) -> None:
        """Write a file, complete or not at all."""
        path = self._path / name
        try:
            with files.whole(path) as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with content.open("rb") as source:
                        while part := source.read(1 << 20):
                            file.write(part)
        except ExportError as error:
            cause = error.__cause__
            raise _wrong(str(path), "written", getattr(cause, "strerror", None) or cause) from error

    def sizes(self) -> dict[str, int]:
        """Return the size of every file."""
        found = {}
        for folder, _, names in os.walk(self._path):
            for name in names:
                path = Path(folder, name)
                found[path.relative_to(self._path).as_posix()] = path.stat().st_size
        return found


class Remote:
    """A folder at an address of fsspec. What fails for a moment is tried again."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._scheme = address.partition("://")[0]
        self._one_at_a_time = threading.Lock()  # SFTP loses the answers of simultaneous requests
        self._system, self._root = self._connected()

    def read(self, name: str) -> bytes | None:
        """Return a file, or None."""

        def get(path: str) -> bytes:
            content: bytes = self._system.cat_file(path)
            return content

        try:
            return self._tried("read", name, get)
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes | Path) -> None:
        """Write a file, complete or not at all."""

        def put(path: str) -> None:
            if isinstance(content, bytes):
                self._system.pipe_file(path, content)
            else:
                self._system.put_file(str(content), path)

        def replace(path: str) -> None:
            folder, _, last = path.rpartition("/")
            part = f"{folder}/{files.PART}{os.urandom(4).hex()}"
            self._system.makedirs(folder, exist_ok=True)
            put(part)
            self._system.mv(part, f"{folder}/{last}")

        try:
            self._tried("written", name, put if self._scheme in _OBJECT_STORES else replace)
        except FileNotFoundError as error:
            raise _wrong(self._shown(name), "written", "there is no such place") from error

    def sizes(self) -> dict[str, int]:
        """Return the size of every file."""

        def find(path: str) -> dict[str, dict[str, Any]]:
            self._system.invalidate_cache()
            found: dict[str, dict[str, Any]] = self._system.find(path, detail=True)
            return found

        try:
            found = self._tried("read", "", find)
        except FileNotFoundError:
            return {}
        begin = len(self._root.strip("/")) + 1
        return {path.strip("/")[begin:]: int(about["size"]) for path, about in found.items()}

    def _tried(self, what: str, name: str, do: Callable[[str], _T]) -> _T:
        """Return what a function of a path returns; a lost connection is made again."""
        for number in range(_TRIES):
            with self._one_at_a_time:
                try:
                    return do(f"{self._root}/{name}" if name else self._root)
                except FileNotFoundError:
                    raise
                except Exception as error:  # each system has errors of its own
                    if isinstance(error, _FINAL) or number + 1 == _TRIES:
                        raise _wrong(self._shown(name), what, error) from error
                time.sleep(_PAUSE_S * 2**number)
                self._system, self._root = self._connected()
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
        except Exception as error:
            raise _wrong(self._shown(), "reached", error) from error
        return system, str(root).rstrip("/")

    def _shown(self, name: str = "") -> str:
        """Return the address of a file, without its password."""
        address = _SECRET.sub(r"\1:…@", self._address.rstrip("/"))
        return f"{address}/{name}" if name else address


def _wrong(where: str, what: str, error: object) -> CatalogueError:
    if isinstance(error, Exception):
        error = ": ".join(filter(None, [type(error).__name__, str(error)]))
    return CatalogueError(
        f"{where} cannot be {what}: {error}; see to its address, rights, credentials and free "
        "space, then run the same command again: what was made stays"
    )
