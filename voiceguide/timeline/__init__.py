"""Cues + lengths -> events on the millisecond grid; fitting to a length.

Takes the cue tree of a script (``voiceguide.ssml``), and what tells how long each clip or sound
lasts. Gives a timeline: what is heard, from which millisecond to which, how loud and from where,
with chapters and marks (holds, breaths, sides). ``resolve`` gives it item by item, in the order of
time, so that the beginning can be heard while what comes later is not spoken yet; ``collect``
gathers the whole. ``fit`` makes scripts last exactly as long as was asked, by their elastic pauses,
and ``choose`` finds the variant of them that needs it least.

    events    what a timeline is made of
    resolve   where each cue lies in time (SMIL 3.0's rules)
    nodes     what is known of a cue while its time is worked out
    fit       what may vary chosen, and elastic pauses scaled, for a length
"""

from voiceguide.timeline.events import (
    Bed,
    Began,
    Chapter,
    End,
    Ended,
    Event,
    Item,
    Opening,
    Ramp,
    Span,
    Timeline,
    collect,
    delayed,
    edges,
    moved,
    without_sounds,
)
from voiceguide.timeline.fit import STRETCH, Fitted, LengthError, Measured, Variant, choose, fit
from voiceguide.timeline.resolve import CUT_FADE_MS, MAX_EVENTS, MAX_MS, resolve

__all__ = [
    "CUT_FADE_MS",
    "MAX_EVENTS",
    "MAX_MS",
    "STRETCH",
    "Bed",
    "Began",
    "Chapter",
    "End",
    "Ended",
    "Event",
    "Fitted",
    "Item",
    "LengthError",
    "Measured",
    "Opening",
    "Ramp",
    "Span",
    "Timeline",
    "Variant",
    "choose",
    "collect",
    "delayed",
    "edges",
    "fit",
    "moved",
    "resolve",
    "without_sounds",
]
