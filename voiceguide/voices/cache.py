"""Clips on disk, addressed by what they say and how.

An entry is the BLAKE2b digest of its samples, then the samples (16 bit, little endian). One that is
damaged does not match its digest: it is taken for missing, and written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.voices.clip import FRAMES_PER_MS, Samples

if TYPE_CHECKING:
    from pathlib import Path

_DIGEST_BYTES = 32
_BYTES_PER_MS = 2 * FRAMES_PER_MS


def key(*content: object) -> str:
    """Give the name of the clip with this content: the same in every process, on every machine."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


class ClipCache:
    """A folder of clips. It may be deleted at any time; what cannot be written is made again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> Samples | None:
        """Give the clip called ``name``, or None if it is not there or damaged."""
        try:
            data = self._path(name).read_bytes()
        except OSError:
            return None
        digest, samples = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if not samples or len(samples) % _BYTES_PER_MS or _digest(samples) != digest:
            return None
        return np.frombuffer(samples, dtype="<i2").astype(np.int16, copy=False)

    def write(self, name: str, samples: Samples) -> bool:
        """Keep a clip; tell whether that was possible."""
        path = self._path(name)
        data = samples.astype("<i2", copy=False).tobytes()
        temporary = path.with_suffix(f".{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_digest(data) + data)
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            return False
        return True

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.clip"


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()
