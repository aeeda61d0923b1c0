"""The cue tree: what is heard, and how its times depend on each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voiceguide.errors import Position

CHAPTER = "chapter:"
"""A mark with this prefix begins a chapter; the rest is its title."""

SpanKind: TypeAlias = Literal["hold", "move", "stretch", "inhale", "exhale", "side", "ask", "rest"]
"""What a listener does for a while; marks say from when to when."""
SPAN_KINDS: tuple[SpanKind, ...] = get_args(SpanKind)
_END = "end:"


@dataclass(frozen=True, slots=True)
class WantedVoice:
    """The voice that a script wants (SSML 1.1, 3.2.1); the first match is used."""

    names: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """BCP 47 tags that the voice should speak."""
    gender: Literal["female", "male", "neutral"] | None = None
    variant: int | None = None
    """The n-th of several, from 1."""

    def __str__(self) -> str:
        wanted = (" or ".join(self.names), self.gender, " or ".join(self.languages))
        variant = f"number {self.variant}" if self.variant else None
        return ", ".join(part for part in (*wanted, variant) if part)


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of speech is spoken."""

    language: str
    """A BCP 47 tag: "en", "de-AT"."""
    voice: WantedVoice | None = None
    """None for the session's own voice."""
    rate: float = 1.0
    """A factor of the session's rate."""
    pitch_st: float = 0.0
    """Semitones above the voice's own pitch."""
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Speech:
    """An unbroken run of speech in one style."""

    text: str
    style: Style
    at: Position
    phonemes: str | None = None
    """What is said, with words in IPA within [[ ]] where the script gives their sound."""
    said: str | None = None
    """What is said for the text where the script's lexicons have other words for it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence; an elastic pause may be scaled when a session is fitted to a length."""

    ms: int
    elastic: bool
    at: Position


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio file, or a part of one, played once."""

    path: Path
    source: str
    """Its name in the script."""
    at: Position = field(compare=False)
    speed: float = 1.0
    """A factor; the pitch does not change."""
    clip_begin_ms: int = 0
    """Within the file, at its own speed."""
    clip_end_ms: int | None = None
    """None for the end of the file."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A named point in time; some names have a meaning, all others do nothing.

    ``chapter:Stretch`` begins a chapter. ``hold:`` begins a hold, ``hold:upper calf`` one with a
    label, and ``end:hold`` ends it; all of SPAN_KINDS work this way. A span also ends where the
    next one of its kind begins, and at the end of the session.
    """

    name: str
    at: Position

    @property
    def chapter(self) -> str | None:
        """The title of the chapter that begins here; None if none begins."""
        return self.name.removeprefix(CHAPTER) if self.name.startswith(CHAPTER) else None

    @property
    def begins(self) -> tuple[SpanKind, str | None] | None:
        """The kind and the label of the span that begins here; None if it begins none."""
        name, colon, label = self.name.partition(":")
        kind = _kind(name) if colon else None
        return (kind, label.strip() or None) if kind else None

    @property
    def ends(self) -> SpanKind | None:
        """The kind of the span that ends here; None if it ends none."""
        return _kind(self.name.removeprefix(_END)) if self.name.startswith(_END) else None


def _kind(name: str) -> SpanKind | None:
    return next((kind for kind in SPAN_KINDS if kind == name), None)


@dataclass(frozen=True, slots=True)
class SyncBase:
    """A point in time relative to another element's begin or end."""

    id: str
    edge: Literal["begin", "end"]
    offset_ms: int


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing attributes of par, seq and media; None for those that are not given."""

    id: str | None = None
    begin: int | SyncBase = 0
    """Milliseconds from the begin of the par, or from the end of the previous one in a seq."""
    end: int | SyncBase | None = None
    dur_ms: int | None = None
    repeat_count: float | None = None
    repeat_dur_ms: int | None = None
    gain_db: float = 0.0
    fade_in_ms: int = 0
    fade_out_ms: int = 0
    pan: float = 0.0
    """From -1 (left) to 1 (right)."""
    waits: bool = False
    """Whether it begins, if that is later, when the one before it in the par has ended."""


UNTIMED = Timing()


@dataclass(frozen=True, slots=True)
class Group:
    """Cues one after the other ("seq") or all at once ("par"); ``media`` is a seq with a timing."""

    kind: Literal["seq", "par"]
    children: tuple[Cue, ...]
    at: Position
    timing: Timing = UNTIMED


Cue: TypeAlias = Speech | Pause | Sound | Mark | Group


@dataclass(frozen=True, slots=True)
class Script:
    """A parsed script."""

    root: Group
    language: str
    title: str | None
    warnings: tuple[str, ...]


def walk(cue: Cue) -> Iterator[Cue]:
    """Return ``cue`` and everything in it, in document order."""
    stack = [cue]
    while stack:
        cue = stack.pop()
        yield cue
        if isinstance(cue, Group):
            stack.extend(reversed(cue.children))
