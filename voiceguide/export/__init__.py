"""Blocks -> files; a timeline -> tags, chapters, captions and pictures.

Takes the blocks of the mixer (48,000 Hz, 16 bit, interleaved) and the timeline that they were mixed
from. Gives an MP3, WAV, FLAC or OGG file with title, chapters and words, and text beside it, as
WebVTT, LRC or JSON. A file is written under a temporary name and renamed when it is whole.

    formats     blocks -> a file, by its suffix
    mp3         PCM -> MP3 by LAME, with the Info frame that tells its length to the sample
    tags        title, chapters, marks and words in ID3 or Vorbis comments, and back
    views       a timeline to read, for people and programs
    cover       a region -> a picture of it
"""

from voiceguide.export.formats import FORMATS, VERSION, suffix, write, write_bytes
from voiceguide.export.tags import (
    MARKS,
    UNDETERMINED,
    Tags,
    language,
    marks_from_lines,
    read_source_digest,
    written_by_voiceguide,
)
from voiceguide.export.views import captions, summary

__all__ = [
    "FORMATS",
    "MARKS",
    "UNDETERMINED",
    "VERSION",
    "Tags",
    "captions",
    "language",
    "marks_from_lines",
    "read_source_digest",
    "suffix",
    "summary",
    "write",
    "write_bytes",
    "written_by_voiceguide",
]
