"""Blocks -> files; a timeline -> tags, chapters, captions and pictures.

Takes the blocks of the mixer (48,000 Hz, 16 bit, interleaved) and the timeline that they were mixed
from. Gives a file with title, chapters, cover and words (MP3, WAV, FLAC, OGG, Opus, M4B or M4A),
and text beside it, as WebVTT, SubRip, LRC or JSON, and as a picture. A file is written under a
temporary name and renamed when it is complete.

    formats     blocks -> a file, by its suffix; the table of audio formats, found by name
    mp3 wav flac ogg opus m4b   one format each: its encoder, and how its tags are written
    segments   blocks -> segments of sound and the silence between them, for MP3
    frames      frames of MP3s, joined without a gap
    encoder     what an encoder is, and the one of pedalboard
    libav       the encoder of PyAV, for Opus and AAC
    tags        title, chapters, marks and words in ID3 or Vorbis comments; writing and reading
    views       a timeline to read, for people and programs; the table of caption formats
    picture     a timeline as SVG, as a page, and as Jupyter shows it; rows and lettering draw it
    cover       a region -> a picture of it

Another audio format is one file with ``encoder`` and ``tag`` (``formats.Format``), and one line in
``formats.FORMATS``; another caption format is one function (``views.View``), and one line in
``views.CAPTIONS``. Packages add theirs by entry points of the groups ``voiceguide.formats`` and
``voiceguide.captions`` (see ``voiceguide.tables``).
"""

from voiceguide.export.formats import FORMATS, VERSION, suffix, write
from voiceguide.export.tags import (
    MARKS,
    UNDETERMINED,
    Tags,
    language,
    made_by_voiceguide,
    marks_from_lines,
    read_sound_digest,
    read_source_digest,
    written_by_voiceguide,
)
from voiceguide.export.views import CAPTIONS, captions, summary

__all__ = [
    "CAPTIONS",
    "FORMATS",
    "MARKS",
    "UNDETERMINED",
    "VERSION",
    "Tags",
    "captions",
    "language",
    "made_by_voiceguide",
    "marks_from_lines",
    "read_sound_digest",
    "read_source_digest",
    "suffix",
    "summary",
    "write",
    "written_by_voiceguide",
]
