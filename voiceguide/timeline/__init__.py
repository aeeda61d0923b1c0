"""Cues + lengths -> events on the millisecond grid; fitting to a length.

Takes the cue tree of a script (``voiceguide.ssml``), and a function that returns how long a clip or
sound lasts. Gives a timeline: what is heard, from which millisecond to which, how loud and from
where, with chapters and marks (holds, breaths, sides). ``resolve`` returns it item by item, in the
order of time, so that the beginning can play before the rest has been spoken; ``collect`` gathers
the whole. ``fit`` makes scripts last an exact length by scaling their elastic pauses; ``choose``
finds the variant that needs the least scaling.

    events    what a timeline is made of
    resolve   the time of each cue (SMIL 3.0's rules)
    nodes     what is known of a cue while its time is being resolved
    fit       variants chosen and elastic pauses scaled to fit a length
    adaptive  the rest planned anew when the listener ends a hold, or answers a question
    rounds    a script in spots and rounds; holds of another length
"""

from voiceguide.timeline.adaptive import Adaptive, Answer, Replanned, Sign
from voiceguide.timeline.events import (
    Bed,
    Began,
    Chapter,
    End,
    Ended,
    Event,
    Item,
    Opening,
    Placed,
    Ramp,
    Span,
    Timeline,
    collect,
    delayed,
    edges,
    moved,
    without_sounds,
)
from voiceguide.timeline.fit import Fitted, LengthError, Measured, Variant, choose, fit, lengths_ms
from voiceguide.timeline.resolve import MAX_EVENTS, MAX_MS, resolve

__all__ = [
    "MAX_EVENTS",
    "MAX_MS",
    "Adaptive",
    "Answer",
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
    "Placed",
    "Ramp",
    "Replanned",
    "Sign",
    "Span",
    "Timeline",
    "Variant",
    "choose",
    "collect",
    "delayed",
    "edges",
    "fit",
    "lengths_ms",
    "moved",
    "resolve",
    "without_sounds",
]
