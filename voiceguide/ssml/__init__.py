"""SSML text -> cue tree.

SSML 1.1 (https://www.w3.org/TR/speech-synthesis11/) with par, seq and media as Google's SSML has
them from SMIL 3.0 (https://www.w3.org/TR/SMIL3/smil-timing.html). docs/ssml.md lists what is done.

Takes the text of a script, and the folders in which its sounds may lie. Gives a ``Script``: a tree
of cues (speech, pauses, sounds, marks, and groups of them that have a timing), its title, its
language, and warnings. How long anything lasts is not known yet, but for pauses. What is wrong is
a ScriptError, with a line for each mistake.

    xml        text -> elements that know where they stand, within limits
    elements   which elements there are, and what is written on them
    values     the values of attributes: times, levels, rates
    reader     elements -> cues
    flow       text and cues in order: joined, with gaps between sentences and paragraphs
    say_as     dates, numbers and the like -> words
    cues       the tree
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
