"""The contents of library files, checked: regions with their areas, methods, wording.

A text may have an alternative ``{left|right}``: the words for the left side, then for the right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from voiceguide.errors import NAME, RequestError, meant, near, shortened

_SIDES = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")
_BRACES = re.compile(r"[{}]")
_DEPTH = 3  # how deep texts are nested in an area


def for_side(text: str, side: str | None) -> str:
    """Return ``text`` with every ``{left|right}`` replaced by the words for ``side``.

    Raises ValueError if there is such an alternative but ``side`` is None.
    """
    if side is None and _SIDES.search(text):
        raise ValueError(f"“{text}” needs a side")
    return _SIDES.sub(lambda match: match[1] if side == "left" else match[2], text)


def _spoken(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    if _BRACES.search(_SIDES.sub("", text)):
        raise ValueError("has a brace outside an alternation {left|right}")
    return text


def _no_sides(text: str) -> str:
    if _BRACES.search(text):
        raise ValueError("cannot have {left|right}: it is not spoken for one side")
    return _spoken(text)


Slug = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, AfterValidator(_spoken)]
Texts = Annotated[list[Text], Field(min_length=1)]
SidelessText = Annotated[str, AfterValidator(_no_sides)]
SidelessTexts = Annotated[list[SidelessText], Field(min_length=1)]


Mistake = tuple[tuple[str | int, ...], str]
"""Where something is wrong in the data of a file, and what."""


class Model(BaseModel):
    """A part of a library file; all its mistakes are reported together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def mistakes(cls, _data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return where values contradict each other; any of them may have a wrong type."""
        return iter(())

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Report wrong values and contradictions together."""
        mistakes = []
        if isinstance(data, Mapping):
            for loc, what in cls.mistakes(data):
                context = {"error": ValueError(what)}
                mistakes.append(
                    InitErrorDetails(type="value_error", loc=loc, input=data, ctx=context)
                )
        try:
            made = validate(data)
        except ValidationError as error:
            mistakes += [
                InitErrorDetails(
                    type=one["type"], loc=one["loc"], input=one["input"], ctx=one.get("ctx", {})
                )
                for one in error.errors()
            ]
        if mistakes:
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        return made


class Area(Model):
    """A muscle, or a part of one, that is treated as a whole."""

    id: Slug
    name: SidelessText
    """In the listener's words: "the upper calf"."""
    anatomy: str
    """The anatomical name."""
    two_sided: bool
    """Whether it exists on both the left and the right."""
    cautions: Texts
    """What to avoid here; spoken while the listener finds the spot."""
    find: Texts
    """First the position, which is said for each side; then how the fingers find the spot."""
    place: dict[Slug, Texts]
    """By method: how to place the tool. Its keys are the methods that suit the area."""
    mobilize: Texts
    """The explanation of the movement, before the first time."""
    mobilize_again: Annotated[list[Text], Field(min_length=3)]
    """Variants of a short reminder, said as the movement begins."""
    stretch: Texts
    """How to get into the stretch: first where to go, which gets extra time, then the rest."""
    stretch_alone: Text | None = None
    """Where to go instead if the stretch does not directly follow the treatment."""

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return where a side is named although the area does not have two."""
        if data.get("two_sided") is False:
            for loc, text in _texts(data):
                if _SIDES.search(text):
                    what = f"the area does not have two sides, but this says “{shortened(text)}”"
                    yield loc, what


class Region(Model):
    """A part of the body, with one to four areas, the most useful first."""

    id: Slug
    """The name of its file."""
    name: SidelessText
    """The title: "Calf"."""
    spoken: SidelessText
    """Within a sentence: "your calf"."""
    summary: Annotated[str, Field(max_length=60)]
    complaints: dict[Slug, list[Slug]] = {}
    """Other names that find it, each with the areas to treat; an empty list means all."""
    cautions: SidelessTexts
    """What not to press, and when to see a doctor first; spoken in every session."""
    pressure: SidelessTexts | None = None
    """How hard to press, if it must be less than the level says."""
    areas: Annotated[list[Area], Field(min_length=1, max_length=4)]

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return duplicate ids of areas, and complaints with unknown areas."""
        ids = _ids(data.get("areas"))
        yield from _twice("areas", ids)
        complaints = data.get("complaints")
        for complaint, treated in complaints.items() if isinstance(complaints, Mapping) else ():
            for index, area_id in enumerate(treated if isinstance(treated, list) else ()):
                if isinstance(area_id, str) and area_id not in ids:
                    hint = near(area_id, filter(None, ids))
                    wrong = f"unknown area “{shortened(area_id)}”{hint}"
                    yield ("complaints", complaint, index), wrong

    def called(self, target: str) -> str:
        """Return the id or complaint of this region that ``target`` means, or else the id."""
        return meant(target, (self.id, *self.complaints)) or self.id

    def areas_for(self, target: str) -> list[Area]:
        """Return the areas to treat for this region or one of its complaints."""
        ids = self.complaints.get(self.called(target), [])
        return [self.area(area_id) for area_id in ids] if ids else self.areas

    def area(self, area_id: str) -> Area:
        """Return the area with this id or name; raises RequestError that suggests similar names."""
        by_id = {area.id: area for area in self.areas}
        titles = {area.name: area for area in self.areas}
        for called in (by_id, titles):
            name = meant(area_id, called)
            if name is not None:
                return called[name]
        raise RequestError(f"no area “{shortened(area_id)}” in {self.id}{near(area_id, by_id)}")


class Method(Model):
    """A way to treat a spot."""

    id: Slug
    """The name of its template, and its key in methods.toml."""
    name: SidelessText
    summary: str
    for_whom: str
    spoken: SidelessText
    """Within a sentence: "your trigger tool"."""
    mobilize: Texts | None = None
    """The explanation of the movement, if it is the same for all areas: kneading, rolling."""
    mobilize_again: Annotated[list[Text], Field(min_length=3)] | None = None
    """Variants of a short reminder of it."""
    prepares: bool = False
    """Whether it can come before another method, to prepare the area: rolling."""
    tool: bool = True
    """Whether it needs a tool within reach; hands do not count."""


class Methods(Model):
    """The methods of a language, the deepest first."""

    methods: Annotated[list[Method], Field(min_length=1)]

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return duplicate ids of methods."""
        yield from _twice("methods", _ids(data.get("methods")))


class Wording(Model):
    """What is said in every session: phrases with variants, side names and chapter titles."""

    language_name: str
    sides: dict[str, str]
    chapters: dict[str, str]
    phrases: dict[str, Texts]
    conjunction: str = ","
    """What joins the things that are needed: "a chair and a cushion"."""
    never: str = ""
    """How warnings of what must not be pressed begin; they are said while the spot is found."""
    upright: list[str] = []
    """Beginnings of words by which one stands, leans or balances: eyes stay open."""
    props: dict[str, str] = {}
    """What is named before the session, by the beginning of the word in the texts of an area."""

    def is_upright(self, texts: Iterable[str]) -> bool:
        """Whether one stands, leans or balances in any of these texts."""
        return any(_begins_word(start, texts) for start in self.upright)

    def props_in(self, texts: Sequence[str]) -> list[str]:
        """Return what is needed for these texts, besides the tool."""
        return [prop for start, prop in self.props.items() if _begins_word(start, texts)]


def _begins_word(start: str, texts: Iterable[str]) -> bool:
    begins = re.compile(rf"\b{re.escape(start)}", re.IGNORECASE)
    return any(begins.search(text) for text in texts)


def _texts(
    value: object, loc: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Return all texts in the data of an area, with their locations."""
    parts: Any = ()
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    if len(loc) < _DEPTH:
        for key, part in parts:
            yield from _texts(part, (*loc, key))


def _ids(entries: object) -> list[str | None]:
    """Return the ids of a list of tables, None for each table without one."""
    listed = entries if isinstance(entries, list) else []
    ids = [entry.get("id") if isinstance(entry, Mapping) else None for entry in listed]
    return [one if isinstance(one, str) else None for one in ids]


def _twice(key: str, ids: list[str | None]) -> Iterator[Mistake]:
    counts: Counter[str] = Counter()
    for index, one in enumerate(ids):
        if one is not None:
            counts[one] += 1
            if counts[one] > 1:
                yield (key, index, "id"), f"“{shortened(one)}” is already used"
