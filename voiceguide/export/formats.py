"""Blocks -> an MP3, WAV, FLAC or OGG file, whole or not at all."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import numpy as np
from pedalboard.io import AudioFile

from voiceguide import files
from voiceguide.audio.grid import RATE_HZ
from voiceguide.errors import ExportError
from voiceguide.export.mp3 import KBIT_PER_S, Encoder
from voiceguide.export.tags import Tags, digest, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from voiceguide.timeline import Timeline

FORMATS = ("mp3", "wav", "flac", "ogg")
"""The suffixes that can be written."""

VERSION = 3
"""Raise it whenever the same session becomes another file: a playlist's are then made anew."""


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
    with files.whole(path) as file:
        _encode(file, form, blocks, channels, progress)
        if tags.source_digest is not None:
            tags = replace(tags, source_digest=f"{tags.source_digest} {digest(file, 0)}")
        tag(file, form, tags, timeline())


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
