"""Text and cues, piece by piece -> cues in document order.

Text in one style is joined into runs of speech, and pauses are added where sentences and paragraphs
end.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

from voiceguide.errors import Position
from voiceguide.ssml.cues import Cue, Group, Mark, Pause, Sound, Speech, Style, walk
from voiceguide.ssml.values import STRENGTH_MS

_CLOSING = re.compile(r"\s*[.,;:!?…)\]»”’]+(?=\s|$)")
_STRAY = re.compile(r"^[.,;:!?…]+\s+")  # what a break or sound separated from its words
_SENTENCE_ENDS = (".", "!", "?", "…")
_LONGEST_RUN = 2000  # characters
_ENDED = (
    r"(?<!\b[A-Za-z]\.)(?<![0-9]\.)(?<!\b(?:Dr|Mr|Ms|St|Hr|Fr|Nr|No|ca|vs)\.)(?<!\b(?:Mrs|bzw)\.)"
)
"""Not after a period that ends no sentence: “Dr. Smith”, “z. B.”, “am 3. Tag”."""
_PART = f".{{1,{_LONGEST_RUN}}}"
_PARTS = re.compile(
    rf"{_PART}(?:(?<=[.!?…]){_ENDED}\s|$)|{_PART}(?:{_ENDED}\s|$)|{_PART}", re.DOTALL
)
"""Splits a run of speech into parts of at most two minutes, which are held in memory while they
are made; at the ends of sentences if there are any."""


class _Words(NamedTuple):
    """A piece of a run of speech."""

    text: str
    """As it is written."""
    said: str
    spoken: str
    """What is said, with words in IPA within [[ ]]."""


@dataclass(slots=True)
class Flow:
    """Cues in document order: joins text in one style, and adds the implied gaps."""

    cues: list[Cue] = field(default_factory=list)
    _run: list[_Words] = field(default_factory=list)
    _style: Style | None = None
    _at: Position | None = None
    _gap_ms: int = 0

    def text(
        self,
        text: str,
        style: Style,
        at: Position,
        said: str | None = None,
        spoken: str | None = None,
    ) -> None:
        """Add text to the current run of speech, or begin a new one for a new style.

        ``said`` is what is said for it, and ``spoken`` the same with words in IPA within [[ ]].
        """
        if not text.strip():
            if self._run:
                self._run.append(_Words(text, text, text))
            return
        said = text if said is None else said
        spoken = said.replace("[[", "") if spoken is None else spoken
        if style != self._style:
            ended = _CLOSING.match(text)
            if ended and self._run:  # closing punctuation belongs to the words before
                while self._run[-1].text.isspace():
                    self._run.pop()
                self._run.append(_Words(ended[0], ended[0], ended[0]))
                rest = text[ended.end() :]
                at = Position(at.line, at.column + len(text.strip()) - len(rest.strip()))
                text, said, spoken = rest, said[ended.end() :], spoken[ended.end() :]
            self.flush()
            if not text.strip():
                return
            self._style = style
        if not self._run:
            self._at = at
        self._run.append(_Words(text, said, spoken))

    def flush(self) -> None:
        """End the current run of speech."""
        if not self._run:
            return
        words, said, spoken = (
            _STRAY.sub("", " ".join("".join(parts).split()))
            for parts in zip(*self._run, strict=True)
        )
        self._run.clear()
        if not speakable(words):
            return
        assert self._style is not None  # noqa: S101 (set with the text)
        assert self._at is not None  # noqa: S101
        if self._gap_ms:
            self.cues.append(Pause(self._gap_ms, elastic=True, at=self._at))
            self._gap_ms = 0
        phonemes = spoken if "[[" in spoken else None
        if (phonemes or said != words) and max(len(said), len(spoken)) <= _LONGEST_RUN:
            other = None if said == words else said
            self.cues.append(Speech(words, self._style, self._at, phonemes, other))
            return
        before = ""
        for part in map(str.strip, filter(speakable, _PARTS.findall(words))):
            if before.endswith(_SENTENCE_ENDS):
                self.cues.append(Pause(STRENGTH_MS["weak"], elastic=True, at=self._at))
            self.cues.append(Speech(part, self._style, self._at))
            before = part

    def gap(self, ms: int) -> None:
        """Leave a gap if more speech follows without a break in between."""
        self.flush()
        if self.cues:
            self._gap_ms = max(ms, self._gap_ms)

    def add(self, cue: Cue) -> None:
        """Add a cue that is not text."""
        self.flush()
        if self._gap_ms and isinstance(cue, Group) and _begins_with_speech(cue):
            self.cues.append(Pause(self._gap_ms, elastic=True, at=cue.at))
        if not isinstance(cue, Mark):
            self._gap_ms = 0
        self.cues.append(cue)


def speakable(text: str) -> bool:
    """Whether a text has more than punctuation and spaces."""
    return any(unicodedata.category(char)[0] not in "PZC" for char in text)


def _begins_with_speech(group: Group) -> bool:
    cues = (cue for cue in walk(group) if isinstance(cue, Speech | Sound | Pause))
    return isinstance(next(cues, None), Speech)
