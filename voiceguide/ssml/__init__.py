"""SSML text -> cue tree.

SSML 1.1 (https://www.w3.org/TR/speech-synthesis11/) with par, seq and media as Google's SSML has
them from SMIL 3.0 (https://www.w3.org/TR/SMIL3/smil-timing.html). docs/ssml.md lists what is done.
"""

from voiceguide.ssml.cues import (
    CHAPTER,
    SPAN_KINDS,
    Cue,
    Group,
    Mark,
    Pause,
    Script,
    Sound,
    SpanKind,
    Speech,
    Style,
    SyncBase,
    Timing,
    WantedVoice,
    walk,
)
from voiceguide.ssml.reader import parse

__all__ = [
    "CHAPTER",
    "SPAN_KINDS",
    "Cue",
    "Group",
    "Mark",
    "Pause",
    "Script",
    "Sound",
    "SpanKind",
    "Speech",
    "Style",
    "SyncBase",
    "Timing",
    "WantedVoice",
    "parse",
    "walk",
]
