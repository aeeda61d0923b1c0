"""WAV: uncompressed, with ID3 tags."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mutagen.wave import WAVE

from voiceguide.export.encoder import PedalboardEncoder
from voiceguide.export.tags import tag_id3

if TYPE_CHECKING:
    from voiceguide.export.encoder import Encoder
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes WAV to a file."""
    return PedalboardEncoder(file, channels, "wav")


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters and words into a file of the format."""
    tag_id3(WAVE, file, tags, timeline)
