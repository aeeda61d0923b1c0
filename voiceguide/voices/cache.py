"""Clips on disk, addressed by what they say and how.

A file has a line of JSON with the words, [text, begin_ms, end_ms] each, then the samples: 16 bit,
little endian. Another, small one has the length and the words: most of the time, nothing else is
needed.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voiceguide.audio.grid import FRAMES_PER_MS
from voiceguide.files import Store, cache_folder
from voiceguide.voices.clip import Clip
from voiceguide.voices.engine import Word

if TYPE_CHECKING:
    from collections.abc import Iterable
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


class Facts(NamedTuple):
    """A clip without its samples."""

    length_ms: int
    words: tuple[Word, ...]


class ClipCache:
    """A folder of clips, see ``Store``; within ``files.sharing``, with a place behind it."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, ".clip", shared=True)
        self._facts = Store(folder.with_name("lengths"), ".json")

    def read(self, name: str) -> Clip | None:
        """Return the clip called ``name``, or None if it is missing or damaged."""
        words, _, samples = (self._store.read(name) or b"").partition(b"\n")
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
        self._store.write(name, words + b"\n" + clip.samples.astype("<i2", copy=False).tobytes())

    def prune(self, most_bytes: int = MOST_BYTES) -> None:
        """Now and then, delete the least recently used clips beyond ``most_bytes``."""
        self._store.prune(most_bytes)
        self._facts.prune(most_bytes // _OF_CLIPS)
