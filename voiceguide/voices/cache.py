"""Clips on disk, addressed by what they say and how.

A file has a line of JSON with the words, [text, begin_ms, end_ms] each, then the samples: 16 bit,
little endian.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.audio.grid import FRAMES_PER_MS
from voiceguide.files import Store
from voiceguide.voices.clip import Clip
from voiceguide.voices.engine import Word

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1_000_000_000
"""How large the folder may grow: nearly three hours of speech, every phrase counted once."""

_BYTES_PER_MS = 2 * FRAMES_PER_MS


def key(*content: object) -> str:
    """Return the name of the clip with this content, the same in every process and machine."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    name = text.encode("utf-8", "surrogatepass")  # names of files need not be UTF-8
    return hashlib.blake2b(name, digest_size=20).hexdigest()


def digest_of(path: Path, kept: Store) -> str:
    """Return the SHA-256 digest of a large file; it is cached in ``kept``.

    The key in the cache is the file's path, size and time of modification.
    """
    stat = path.stat()
    note = key("sha256", str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    digest = kept.read(note)
    if digest is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        kept.write(note, digest)
    return digest.hex()


class ClipCache:
    """A folder of clips; see ``Store``."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, ".clip")

    def read(self, name: str) -> Clip | None:
        """Return the clip called ``name``, or None if it is missing or damaged."""
        kept = self._store.read(name) or b""
        words, _, samples = kept.partition(b"\n")
        if not samples or len(samples) % _BYTES_PER_MS:
            return None
        return Clip(
            np.frombuffer(samples, dtype="<i2").astype(np.int16, copy=False),
            tuple(Word(*word) for word in json.loads(words)),
        )

    def write(self, name: str, clip: Clip) -> None:
        """Store a clip if possible."""
        words = json.dumps(clip.words, separators=(",", ":")).encode()
        self._store.write(name, words + b"\n" + clip.samples.astype("<i2", copy=False).tobytes())

    def prune(self, most_bytes: int = MOST_BYTES) -> None:
        """If clips were added, delete the least recently used ones beyond ``most_bytes``."""
        self._store.prune(most_bytes)
