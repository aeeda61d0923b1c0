"""Clips on disk, addressed by what they say and how.

An entry is the BLAKE2b digest of its samples, then the samples (16 bit, little endian). One that is
damaged does not match its digest: it is taken for missing, and written anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.audio.grid import FRAMES_PER_MS, Samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_BYTES = 1_000_000_000
"""How large the folder may grow: nearly three hours of speech, every phrase counted once."""

_DIGEST_BYTES = 32
_BYTES_PER_MS = 2 * FRAMES_PER_MS


def key(*content: object) -> str:
    """Return the name of the clip with this content: the same in every process and machine."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def digest_of(path: Path, kept: Path) -> str:
    """Return the digest of a large file, from the folder ``kept`` if it was made before.

    It is kept under the file's path, size and time of change.
    """
    stat = path.stat()
    note = kept / key(str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    with contextlib.suppress(OSError):
        known = note.read_text("ascii")
        if len(known) == 2 * _DIGEST_BYTES:
            return known
    with path.open("rb") as file:
        digest = hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=_DIGEST_BYTES)
        ).hexdigest()
    with contextlib.suppress(OSError):  # then it is only made again
        kept.mkdir(parents=True, exist_ok=True)
        temporary = note.with_suffix(f".{secrets.token_hex(4)}")
        temporary.write_text(digest, "ascii")
        temporary.replace(note)
    return digest


class ClipCache:
    """A folder of clips. It may be deleted at any time; what cannot be written is made again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._grown = 0

    def read(self, name: str) -> Samples | None:
        """Return the clip called ``name``, or None if it is not there or damaged."""
        path = self._path(name)
        try:
            data = path.read_bytes()
            os.utime(path)  # used now: the last to be pruned
        except OSError:
            return None
        digest, samples = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if not samples or len(samples) % _BYTES_PER_MS or _digest(samples) != digest:
            return None
        return np.frombuffer(samples, dtype="<i2").astype(np.int16, copy=False)

    def write(self, name: str, samples: Samples) -> None:
        """Keep a clip, if that is possible; else it is only made again when it is needed."""
        path = self._path(name)
        data = samples.astype("<i2", copy=False).tobytes()
        temporary = path.with_suffix(f".{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_digest(data) + data)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        else:
            self._grown += len(data)

    def prune(self, most_bytes: int = MOST_BYTES) -> None:
        """Where clips were added, delete the longest unused ones beyond ``most_bytes``."""
        if not self._grown:
            return
        self._grown = 0
        total = 0
        for _, size, path in sorted(self._ages(), reverse=True):
            total += size
            if total > most_bytes:
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 (no Path for each of many thousands)

    def _ages(self) -> Iterator[tuple[float, int, str]]:
        """Return when each clip was last used, its bytes and its path."""
        for folder in _entries(self._folder):
            for entry in _entries(folder.path):
                with contextlib.suppress(OSError):  # another process may prune at the same time
                    status = entry.stat()
                    yield status.st_mtime, status.st_size, entry.path

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.clip"


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Return what is in a folder; nothing if it is none."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()
