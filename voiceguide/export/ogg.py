"""OGG: Vorbis, with its comments."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mutagen.oggvorbis import OggVorbis

from voiceguide.export.encoder import KBIT_PER_S, PedalboardEncoder
from voiceguide.export.tags import tag_vorbis

if TYPE_CHECKING:
    from voiceguide.export.encoder import Encoder
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline


_LEVEL = 0.95
"""LAME has the same. Vorbis raises single peaks of a voice by 1.2 dB: from −2 to −0.8 dBTP."""


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes Ogg Vorbis to a file."""
    return PedalboardEncoder(file, channels, "ogg", KBIT_PER_S[channels], _LEVEL)


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters and words into a file of the format."""
    tag_vorbis(OggVorbis, file, tags, timeline)
