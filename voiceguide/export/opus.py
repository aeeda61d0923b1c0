"""Opus in Ogg, with Vorbis comments: the smallest files, which Android and browsers play."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mutagen.oggopus import OggOpus

from voiceguide.export.libav import LibavEncoder
from voiceguide.export.tags import tag_vorbis

if TYPE_CHECKING:
    from voiceguide.export.encoder import Encoder
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline

_GAIN = {"r128_track_gain": str(-7 * 256)}
"""From −16 LUFS, at which speech is, to the −23 of RFC 7845, in 256ths of a decibel."""


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes Opus to a file."""
    return LibavEncoder(file, channels, "libopus", "ogg")


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters, cover and words into a file of the format."""
    tag_vorbis(OggOpus, file, tags, timeline, _GAIN)
