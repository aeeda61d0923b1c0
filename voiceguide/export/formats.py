"""Blocks -> an MP3, WAV, FLAC or OGG file, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import numpy as np
from mutagen import MutagenError
from pedalboard.io import AudioFile

from voiceguide.audio.grid import RATE_HZ
from voiceguide.errors import ExportError
from voiceguide.export.mp3 import KBIT_PER_S, Encoder
from voiceguide.export.tags import Tags, digest, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from voiceguide.timeline import Timeline

FORMATS = ("mp3", "wav", "flac", "ogg")
"""The suffixes that can be written."""

VERSION = 4
"""Raise it whenever the same session becomes another file: a playlist's are then made anew."""

_PART = ".voiceguide-part-"
_STALE_S = 24 * 3600


def suffix(path: Path) -> str:
    """Return the format that a file's name asks for; raises ExportError for one not known."""
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise ExportError(f"{path}: cannot write “{path.suffix}” files; use one of {known}")
    return name


def write(  # noqa: PLR0913 (each is a part of a file)
    path: Path,
    blocks: Iterable[bytes],
    *,
    channels: int,
    tags: Tags,
    timeline: Callable[[], Timeline],
    progress: Callable[[], object],
) -> None:
    """Write ``blocks`` (48,000 Hz, 16 bit, interleaved) to ``path``, in the format of its suffix.

    ``timeline`` is asked when all blocks are written; ``progress`` is called after each. Raises
    ExportError where the file cannot be written.
    """
    form = suffix(path)
    with _whole(path) as file:
        _encode(file, form, blocks, channels, progress)
        if tags.source_digest is not None:
            tags = replace(tags, source_digest=f"{tags.source_digest} {digest(file, 0)}")
        tag(file, form, tags, timeline())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file whole, unless it holds ``content`` already; raises ExportError."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    with _whole(path) as file:
        file.write(content)


class _Pedalboard:
    """Writes 48,000 Hz, 16 bit to a file as WAV, FLAC or OGG; ``close`` makes it whole."""

    def __init__(self, file: IO[bytes], form: str, channels: int) -> None:
        quality = {"quality": KBIT_PER_S[channels]} if form == "ogg" else {}
        self._channels = channels
        self._file = AudioFile(
            file, "w", samplerate=RATE_HZ, num_channels=channels, format=form, bit_depth=16,
            **quality,
        )  # fmt: skip

    def write(self, block: bytes) -> None:
        self._file.write(np.frombuffer(block, dtype="<i2").reshape(-1, self._channels).T)

    def close(self) -> None:
        self._file.close()


def _encode(
    file: IO[bytes],
    form: str,
    blocks: Iterable[bytes],
    channels: int,
    progress: Callable[[], object],
) -> None:
    encoder = Encoder(file, channels) if form == "mp3" else _Pedalboard(file, form, channels)
    with (
        contextlib.closing(encoder),
        ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool,
    ):
        # The encoder works beside the mixer, a block behind it: it needs most of the time.
        written: Future[None] | None = None
        for block in blocks:
            if written:
                written.result()
            written = pool.submit(encoder.write, block)
            progress()
        if written:
            written.result()


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path``; rename it if all goes well, else remove it."""
    temporary = path.with_name(f"{_PART}{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(f"{_PART}*"):  # left behind by a render that was killed
            if time.time() - old.stat().st_mtime > _STALE_S:
                old.unlink(missing_ok=True)
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, MutagenError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExportError(
            f"{path}: cannot be written: {reason}; mend that, or choose another place (-o)"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
