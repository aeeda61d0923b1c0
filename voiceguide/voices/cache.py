"""Clips on disk, addressed by what they say and how.

A file has a line of JSON with the words, [text, begin_ms, end_ms] each, then the samples: 16 bit,
little endian. Another, small one has the length and the words: most of the time, nothing else is
needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from voiceguide.audio.grid import FRAMES_PER_MS
from voiceguide.files import Store, cache_folder, sealed, unsealed
from voiceguide.voices.clip import Clip
from voiceguide.voices.engine import Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MOST_BYTES = 1_000_000_000
"""How large the folder may grow: nearly three hours of speech, every phrase counted once."""

_OF_CLIPS = 100
"""A clip of 2 s has 190 kB; its length and words have 300 bytes."""
_BYTES_PER_MS = 2 * FRAMES_PER_MS


def key(*content: object) -> str:
    """Return the name of the clip with this content, the same in every process and machine."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    name = text.encode("utf-8", "surrogatepass")  # names of files need not be UTF-8
    return hashlib.blake2b(name, digest_size=20).hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 digest of a large file; it is cached.

    The key in the cache is the file's path, size and time of modification.
    """
    kept = Store(cache_folder() / "digests")
    stat = path.stat()
    note = key("sha256", str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    digest = kept.read(note)
    if digest is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        kept.write(note, digest)
    return digest.hex()


def digest_of_code(paths: Iterable[Path]) -> str:
    """Return a short digest of programs that decide how something sounds."""
    code = b"".join(path.read_bytes() for path in paths)
    return hashlib.blake2b(code, digest_size=4).hexdigest()


class Shared(Protocol):
    """A place for clips that several machines share."""

    def read(self, name: str) -> bytes | None:
        """Return the file called ``name``, or None."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file; raises a VoiceguideError."""


_SHARED: ContextVar[Shared | None] = ContextVar("shared clips", default=None)


@contextlib.contextmanager
def sharing(place: Shared | None) -> Iterator[None]:
    """Let the caches that are opened meanwhile share their clips in ``place``."""
    before = _SHARED.set(place)
    try:
        yield
    finally:
        _SHARED.reset(before)


class Facts(NamedTuple):
    """A clip without its samples."""

    length_ms: int
    words: tuple[Word, ...]


class ClipCache:
    """A folder of clips, see ``Store``; within ``sharing``, with a place behind it."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, ".clip")
        self._facts = Store(folder.with_name("lengths"), ".json")
        self._shared = _SHARED.get()

    def read(self, name: str) -> Clip | None:
        """Return the clip called ``name``, or None if it is missing or damaged."""
        kept = self._store.read(name)
        if kept is None:
            kept = self._read_shared(name)
        words, _, samples = kept.partition(b"\n")
        if not samples or len(samples) % _BYTES_PER_MS:
            return None
        return Clip(
            np.frombuffer(samples, dtype="<i2").astype(np.int16, copy=False),
            tuple(Word(*word) for word in json.loads(words)),
        )

    def facts(self, name: str) -> Facts | None:
        """Return what is known of the clip called ``name`` without its samples, if it is there.

        It counts as used.
        """
        kept = self._facts.read(name)
        if kept is None or not self._store.touch(name):
            return None
        length_ms, words = json.loads(kept)
        return Facts(length_ms, tuple(Word(*word) for word in words))

    def note(self, name: str, facts: Facts) -> None:
        """Store what is known of a clip if possible."""
        self._facts.write(name, json.dumps(facts, separators=(",", ":")).encode())

    def write(self, name: str, clip: Clip) -> None:
        """Store a clip if possible."""
        words = json.dumps(clip.words, separators=(",", ":")).encode()
        payload = words + b"\n" + clip.samples.astype("<i2", copy=False).tobytes()
        self._store.write(name, payload)
        if self._shared is not None:
            self._shared.write(_path(name), sealed(name, payload))

    def prune(self, most_bytes: int = MOST_BYTES) -> None:
        """Now and then, delete the least recently used clips beyond ``most_bytes``."""
        self._store.prune(most_bytes)
        self._facts.prune(most_bytes // _OF_CLIPS)

    def _read_shared(self, name: str) -> bytes:
        """Return a clip from the shared place, and keep it; empty if it is missing or damaged."""
        found = self._shared.read(_path(name)) if self._shared is not None else None
        payload = unsealed(name, found) if found is not None else None
        if payload is None:
            return b""
        self._store.write(name, payload)
        return payload


def _path(name: str) -> str:
    return f"{name[:2]}/{name}.clip"
