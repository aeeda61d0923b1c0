"""FLAC: lossless, with Vorbis comments."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mutagen.flac import FLAC

from voiceguide.export.encoder import PedalboardEncoder
from voiceguide.export.tags import tag_vorbis

if TYPE_CHECKING:
    from voiceguide.export.encoder import Encoder
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes FLAC to a file."""
    return PedalboardEncoder(file, channels, "flac")


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters and words into a file of the format."""
    tag_vorbis(FLAC, file, tags, timeline)
