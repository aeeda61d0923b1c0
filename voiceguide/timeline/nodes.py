"""What is known of a cue while its time is being resolved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from voiceguide import ssml
from voiceguide.ssml import Cue, Group, Sound, SyncBase

if TYPE_CHECKING:
    from voiceguide.timeline.events import Ramp

FOREVER = math.inf


class Node:
    """A cue in the tree, with its begin and end once they are known."""

    __slots__ = (
        "begin", "beginning", "children", "cue", "early_ms", "end", "ending", "index", "is_ended",
        "parent", "placed", "simple",
    )  # fmt: skip

    def __init__(self, cue: Cue, parent: Node | None, index: int) -> None:
        self.cue = cue
        self.parent = parent
        self.index = index
        self.children: list[Node] = []
        self.placed = 0  # how many children have their end
        self.begin: int | None = None
        self.end: int | None = None
        self.simple = 0  # the length of one repetition
        self.is_ended = False  # whether it is its ``end`` that ends it
        self.early_ms: float | None = None
        self.beginning = self.ending = False  # being resolved: met again, it is a circle

    def joined(self, at_ms: int, until_ms: float) -> tuple[bool, bool]:
        """Return whether the repetition at ``at_ms`` goes on from one before, and into one after.

        So it may if it is one sound from begin to end; nothing is heard after ``until_ms``.
        """
        match self.children:
            case [Node(cue=Sound(), begin=int(begin), end=int(end))]:
                if begin == self.begin and end - begin == self.simple:
                    return at_ms > 0, end + at_ms < until_ms
        return False, False


class Frame(NamedTuple):
    """What a cue inherits from its ancestors."""

    shift_ms: int = 0
    """How much later this repetition is than the first."""
    limit_ms: float = FOREVER
    """Nothing is heard after this."""
    cuts_speech: bool = False
    """Whether an ``end`` sets this limit, which may cut speech off."""
    gain_db: float = 0.0
    pan: float = 0.0
    ramps: tuple[Ramp, ...] = ()
    joined: tuple[bool, bool] = (False, False)
    """Whether a sound goes on from the repetition before, and into the next one."""


def heard_early_ms(node: Node) -> float:
    """Return how far before the begin of ``node`` something in it may be heard."""
    if node.early_ms is None:
        node.early_ms = 0
        for child in node.children:
            for part in ssml.walk(child.cue):
                begin = part.timing.begin if isinstance(part, Group) else 0
                node.early_ms += FOREVER if isinstance(begin, SyncBase) else max(0, -begin)
    return node.early_ms


def begins_early_ms(cue: Cue, index: int, home: dict[str, int]) -> float:
    """Return how far before the end of the previous child a child of the root may begin."""
    early_ms = 0
    for part in ssml.walk(cue):
        if not isinstance(part, Group):
            continue
        for point in (part.timing.begin, part.timing.end):
            if isinstance(point, SyncBase):
                if home.get(point.id, index) != index:
                    return FOREVER
                early_ms += max(0, -point.offset_ms)
            elif point is not None:
                early_ms += max(0, -point)
    return early_ms
