"""SSML text -> cue tree.

SSML 1.1 (https://www.w3.org/TR/speech-synthesis11/), with par, seq and media as Google's SSML took
them from SMIL 3.0 (https://www.w3.org/TR/SMIL3/smil-timing.html). docs/ssml.md lists what is
supported.

Takes the text of a script and the folders that may hold its sounds. Gives a ``Script``: a tree of
cues (speech, pauses, sounds, marks, and timed groups of them), its title, its language, and
warnings. Apart from pauses, it is not known yet how long anything lasts. Mistakes raise a
ScriptError with a line for each.

    xml        text -> elements with their positions, within limits
    elements   the known elements and their attributes
    values     the values of attributes: times, levels, rates
    reader     elements -> cues
    vendors    elements of other services -> what can be done of them
    flow       text and cues in order: joined, with gaps between sentences and paragraphs
    lexicons   <lexicon> and <lookup>: which lexicons apply to a text
    pls        a lexicon in W3C's PLS 1.0 -> entries
    say_as     dates, numbers and the like -> words
    cues       the tree
"""

from voiceguide.ssml.cues import (
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
