"""Blocks -> an audio file, complete or not at all; and the table of formats, found by name."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Protocol

from mutagen import MutagenError

from voiceguide import files
from voiceguide.errors import ExportError
from voiceguide.export.encoder import Encoder, PassageEncoder
from voiceguide.export.tags import digest
from voiceguide.mixer import BLOCK_MS
from voiceguide.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from voiceguide.export.tags import Tags
    from voiceguide.mixer import Mix
    from voiceguide.timeline import Timeline


class Format(Protocol):
    """A way to write audio to a file, an entry of ``FORMATS``: a module or an object."""

    def encoder(self, file: IO[bytes], channels: int) -> Encoder:
        """Return an encoder for an empty file that can read and seek; ``channels`` is 1 or 2."""

    def tag(self, file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
        """Write title, chapters and words into the file, as far as the format supports them.

        The encoder is closed by then, but the file is not.
        """


FORMATS: Table[Format] = Table(
    "voiceguide.formats",
    {
        "mp3": "voiceguide.export.mp3",
        "wav": "voiceguide.export.wav",
        "flac": "voiceguide.export.flac",
        "ogg": "voiceguide.export.ogg",
        "opus": "voiceguide.export.opus",
        "m4b": "voiceguide.export.m4b",
        "m4a": "voiceguide.export.m4b",
    },
    "audio format",
)
"""The audio formats; a name is the suffix of its files."""

VERSION = 8
"""Raise this whenever the same session gives a different file, so that playlists are made again."""

_BATCH = 8
"""How many blocks are encoded at a time."""


def suffix(path: Path) -> str:
    """Return the name of the format that a file's name asks for.

    Raises ExportError for an unknown one, VoiceguideError for one that cannot be loaded.
    """
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise ExportError(f"{path}: cannot write “{path.suffix}” files; use one of {known}")
    FORMATS.load(name)  # fails before any work is done
    return name


def write(  # noqa: PLR0913 (each is a part of a file)
    path: Path,
    mix: Mix,
    *,
    channels: int,
    tags: Tags,
    timeline: Callable[[], Timeline],
    progress: Callable[[int], object],
) -> None:
    """Write a session to ``path``, in the format of its suffix.

    ``timeline`` is called when all is written; ``progress`` now and then, with the time in ms up to
    which it is encoded. Raises ExportError if the file cannot be written, and what mixing raises.
    """
    form = FORMATS.load(suffix(path))
    with files.whole(path) as file:
        _encode(form.encoder(file, channels), mix, progress)
        if tags.source_digest is not None:
            tags = replace(tags, source_digest=f"{tags.source_digest} {digest(file, 0)}")
        try:
            form.tag(file, tags, timeline())
        except MutagenError as error:  # it wraps an error of the disk
            causes = [one for one in error.args if isinstance(one, OSError)]
            raise (causes[0] if causes else OSError(str(error))) from error


def _encode(encoder: Encoder, mix: Mix, progress: Callable[[int], object]) -> None:
    with (
        _closing(encoder),
        ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool,
    ):
        if isinstance(encoder, PassageEncoder) and mix.bed is None:
            for passage in mix.passages(encoder.apart_ms):
                encoder.lay(passage, progress)
            return
        # The encoder takes time, so it works in parallel, some blocks behind the mixer.
        written: Future[None] | None = None
        for together in _batches(mix, progress):
            if written:
                written.result()
            written = pool.submit(encoder.write, together)
        if written:
            written.result()


@contextlib.contextmanager
def _closing(encoder: Encoder) -> Iterator[None]:
    """Complete the file, or after a failure, end at once where the encoder can."""
    try:
        yield
    except BaseException:
        if isinstance(encoder, PassageEncoder):
            encoder.abandon()
        raise
    finally:
        encoder.close()


def _batches(blocks: Iterable[bytes], progress: Callable[[int], object]) -> Iterator[bytes]:
    """Join some blocks at a time: handing over each would take longer than encoding silence."""
    together: list[bytes] = []
    for number, block in enumerate(blocks):
        together.append(block)
        progress(number * BLOCK_MS)
        if len(together) == _BATCH:
            yield b"".join(together)
            together.clear()
    if together:  # libav takes no empty block
        yield b"".join(together)
