"""The elements of a script and their attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar, cast

from voiceguide.ssml import values
from voiceguide.ssml.cues import UNTIMED, Timing, WantedVoice
from voiceguide.ssml.xml import SSML

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voiceguide.errors import Findings
    from voiceguide.ssml.xml import Element

_COMMON = {"xml:id", "xml:lang", "xml:base", "onlangfailure"}
_TIMING = {
    "xml:id", "begin", "end", "dur", "repeatCount", "repeatDur",
    "soundLevel", "fadeInDur", "fadeOutDur", "vg:pan",
}  # fmt: skip
ATTRIBUTES: dict[str, set[str]] = {
    "speak": _COMMON | {"version", "startmark", "endmark"},
    "p": _COMMON,
    "s": _COMMON,
    "token": _COMMON | {"role"},
    "w": _COMMON | {"role"},
    "break": {"time", "strength"},
    "prosody": {"rate", "pitch", "volume", "contour", "range", "duration"},
    "emphasis": {"level"},
    "voice": _COMMON
    | {"name", "language", "languages", "gender", "variant", "age"}
    | {"required", "ordering", "onvoicefailure"},
    "lang": _COMMON,
    "sub": {"alias"},
    "say-as": {"interpret-as", "format", "detail"},
    "phoneme": {"ph", "alphabet", "type"},
    "audio": {
        "src", "clipBegin", "clipEnd", "repeatCount", "repeatDur", "soundLevel", "speed",
        "fetchtimeout", "fetchhint", "maxage", "maxstale",
    },
    "mark": {"name"},
    "desc": {"xml:lang"},
    "meta": {"name", "http-equiv", "content"},
    "metadata": set(),
    "lexicon": {"uri", "type", "xml:id", "fetchtimeout", "maxage", "maxstale"},
    "lookup": {"ref"},
    "par": _TIMING,
    "seq": _TIMING,
    "media": _TIMING | {"vg:waits"},
}  # fmt: skip
"""The known elements and their attributes."""

_UNDONE = {
    "speak": {"startmark", "endmark"},
    "prosody": {"duration"},
    "voice": {"age"},
}
"""Unsupported attributes whose meaning a listener would miss: they are ignored with a warning."""

ESPEAK = ("espeak", "x-espeak", "x-espeak-ng")
"""The names of espeak-ng's mnemonics as an alphabet."""

LONGEST_SHOWN = 40
"""How many characters of a value are shown in a message."""

_ValueT = TypeVar("_ValueT")


def local_name(element: Element, namespace: str = SSML) -> str | None:
    """Return the name of an element of a namespace or of none, None for one of another."""
    space, brace, local = element.tag.rpartition("}")
    return local if not brace or space == f"{{{namespace}" else None


class Attributes:
    """Reads attributes; mistakes are added to the findings."""

    def __init__(self, problems: Findings, warnings: Findings) -> None:
        self._problems = problems
        self._warnings = warnings

    def check(self, element: Element) -> None:
        """Warn of attributes that are unknown or not supported."""
        local = local_name(element) or ""
        for attribute in element.attributes:
            if attribute not in ATTRIBUTES[local]:
                what = f"<{local}> has no attribute “{attribute}”: it is ignored"
                self._warnings.add(what, element.at)
            elif attribute in _UNDONE.get(local, ()):
                what = f"<{local} {attribute}> is not supported: it is ignored"
                self._warnings.add(what, element.at)

    def read(self, element: Element, name: str, read: Callable[[str], _ValueT]) -> _ValueT | None:
        """Return an attribute's value; None if it is missing, or invalid (which is a problem)."""
        written = element.attributes.get(name)
        if written is None:
            return None
        try:
            return read(written.strip())
        except ValueError as error:
            if len(written) > LONGEST_SHOWN:
                written = written[:LONGEST_SHOWN] + "…"
            what = f"<{local_name(element)} {name}={written!r}>: {error}"
            self._problems.add(what, element.at)
            return None

    def not_among(self, element: Element, name: str, known: Iterable[str]) -> None:
        """Add the problem that an attribute is not one of its allowed words."""
        written = element.attributes[name][:LONGEST_SHOWN]
        what = f"<{local_name(element)} {name}={written!r}>: must be one of {', '.join(known)}"
        self._problems.add(what, element.at)

    def timing(self, element: Element) -> Timing:
        """Return when and how loud a par, seq or media is heard."""
        repeat_count, repeat_dur_ms = self.repeats(element)
        timing = Timing(
            id=element.attributes.get("xml:id"),
            begin=self.read(element, "begin", values.point) or 0,
            end=self.read(element, "end", values.point),
            dur_ms=self.read(element, "dur", values.clock_value),
            repeat_count=repeat_count,
            repeat_dur_ms=repeat_dur_ms,
            gain_db=self.read(element, "soundLevel", values.decibels) or 0.0,
            fade_in_ms=self.read(element, "fadeInDur", values.clock_value) or 0,
            fade_out_ms=self.read(element, "fadeOutDur", values.clock_value) or 0,
            pan=self.read(element, "vg:pan", values.pan) or 0.0,
            waits=local_name(element) == "media"
            and bool(self.read(element, "vg:waits", values.truth)),
        )
        return UNTIMED if timing == UNTIMED else timing

    def repeats(self, element: Element) -> tuple[float | None, int | None]:
        """Return how often and how long something is repeated (SMIL 3.0, 5.4.3)."""
        dur_ms = self.read(element, "repeatDur", values.clock_value)
        if element.attributes.get("repeatCount", "").strip() != "indefinite":
            return self.read(element, "repeatCount", values.count), dur_ms
        if dur_ms is None and "end" not in element.attributes:
            name = local_name(element)
            fix = "repeatDur" if name == "audio" else "an end or a repeatDur"
            self._problems.add(f"<{name}> is repeated for ever: give it {fix}", element.at)
        return None, values.FOR_EVER_MS if dur_ms is None else dur_ms

    def voice(self, element: Element) -> WantedVoice:
        """Return the voice that an element wants."""
        genders = ("female", "male", "neutral")
        gender = element.attributes.get("gender", "").strip() or None
        if gender is not None and gender not in genders:
            self.not_among(element, "gender", genders)
        written = (element.attributes.get(name, "") for name in ("languages", "language"))
        languages = " ".join(written).split()
        return WantedVoice(
            names=tuple(element.attributes.get("name", "").split()),
            languages=tuple(tag.partition(":")[0] for tag in languages),  # "en:de" is an accent
            gender=cast("Literal['female', 'male', 'neutral'] | None", gender),
            variant=self.read(element, "variant", values.whole),
        )
