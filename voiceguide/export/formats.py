"""Blocks -> an audio file, whole or not at all; and the table of formats, found by name."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Protocol

from mutagen import MutagenError

from voiceguide.errors import ExportError
from voiceguide.export.tags import digest
from voiceguide.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from voiceguide.export.encoder import Encoder
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline


class Format(Protocol):
    """A way to write sound into a file, an entry of ``FORMATS``: a module does, or an object."""

    def encoder(self, file: IO[bytes], channels: int) -> Encoder:
        """Return what writes to an empty file that can read and seek; ``channels`` is 1 or 2."""

    def tag(self, file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
        """Write title, chapters and words into the file, as far as the format can hold them.

        The encoder is closed then, and the file is not.
        """


FORMATS: Table[Format] = Table(
    "voiceguide.formats",
    {
        "mp3": "voiceguide.export.mp3",
        "wav": "voiceguide.export.wav",
        "flac": "voiceguide.export.flac",
        "ogg": "voiceguide.export.ogg",
    },
    "audio format",
)
"""What can be written; a name is the suffix of its files."""

VERSION = 3
"""Raise it whenever the same session becomes another file: a playlist's are then made anew."""

_PART = ".voiceguide-part-"
_STALE_S = 24 * 3600


def suffix(path: Path) -> str:
    """Return the name of the format that a file's name asks for.

    Raises ExportError for one not known, VoiceguideError for one that cannot be loaded.
    """
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise ExportError(f"{path}: cannot write “{path.suffix}” files; use one of {known}")
    FORMATS.load(name)  # should that fail, it is known before any work is done
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
    form = FORMATS.load(suffix(path))
    with _whole(path) as file:
        _encode(form.encoder(file, channels), blocks, progress)
        if tags.source_digest is not None:
            tags = replace(tags, source_digest=f"{tags.source_digest} {digest(file, 0)}")
        form.tag(file, tags, timeline())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file whole, unless it holds ``content`` already; raises ExportError."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    with _whole(path) as file:
        file.write(content)


def _encode(encoder: Encoder, blocks: Iterable[bytes], progress: Callable[[], object]) -> None:
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
