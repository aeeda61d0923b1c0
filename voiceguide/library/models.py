"""What the files of a library hold, checked: regions with their areas, methods, wording.

A text may hold an alternation ``{left|right}``: the words for the left side, then for the right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
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
_DEPTH = 3  # a text lies no deeper in an area


def for_side(text: str, side: str | None) -> str:
    """Keep of every ``{left|right}`` in ``text`` the words for ``side`` ("left" or "right").

    Raises ValueError where an alternation is met without a side.
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
        raise ValueError("cannot have {left|right}: it is spoken for no side in particular")
    return _spoken(text)


Slug = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, AfterValidator(_spoken)]
Texts = Annotated[list[Text], Field(min_length=1)]
SidelessText = Annotated[str, AfterValidator(_no_sides)]
SidelessTexts = Annotated[list[SidelessText], Field(min_length=1)]


Mistake = tuple[tuple[str | int, ...], str]
"""Where something is wrong in the data of a file, and what."""


class Model(BaseModel):
    """A part of a library file; all that is wrong in it is told at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def mistakes(cls, _data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return where values do not fit each other; any of them may be of a wrong type."""
        return iter(())

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Tell of wrong values and of those that do not fit each other together."""
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
    """A muscle or a part of one that is treated as a whole."""

    id: Slug
    name: SidelessText
    """In the listener's words: "the upper calf"."""
    anatomy: str
    """The anatomical name."""
    two_sided: bool
    """Whether there is one on the left and one on the right."""
    cautions: Texts
    """What to avoid right here; spoken while the spot is looked for."""
    find: Texts
    """The position first, which is said for each side; then how the fingers find the spot."""
    place: dict[Slug, Texts]
    """By method: how the tool comes to the spot. Its keys are the methods that suit the area."""
    mobilize: Texts
    """The movement explained, before it is made for the first time."""
    mobilize_again: Annotated[list[Text], Field(min_length=3)]
    """Variants of a short reminder, said as the movement begins."""
    stretch: Texts
    """The way into the stretch: first where to go, for which there is time, then the rest."""
    stretch_alone: Text | None = None
    """Where to go instead, if the stretch is not made right after the treatment."""

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return where a side is named, though there are no two."""
        if data.get("two_sided") is False:
            for loc, text in _texts(data):
                if _SIDES.search(text):
                    yield loc, f"the area has no two sides, but this says “{shortened(text)}”"


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
    """Other names under which it is found, each with the areas that are treated; none for all."""
    cautions: SidelessTexts
    """What not to press, and when to see a doctor first; spoken in every session."""
    pressure: SidelessTexts | None = None
    """How hard to press, where it must be less than the level asks for."""
    areas: Annotated[list[Area], Field(min_length=1, max_length=4)]

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return areas with the same id, and complaints of areas that there are not."""
        ids = _ids(data.get("areas"))
        yield from _twice("areas", ids)
        complaints = data.get("complaints")
        for complaint, treated in complaints.items() if isinstance(complaints, Mapping) else ():
            for index, area_id in enumerate(treated if isinstance(treated, list) else ()):
                if isinstance(area_id, str) and area_id not in ids:
                    what = (
                        f"there is no area “{shortened(area_id)}”{near(area_id, filter(None, ids))}"
                    )
                    yield ("complaints", complaint, index), what

    def called(self, target: str) -> str:
        """Return the id or complaint of this region that ``target`` means; the id if none does."""
        return meant(target, (self.id, *self.complaints)) or self.id

    def areas_for(self, target: str) -> list[Area]:
        """Return the areas to treat for this region's id or one of its complaints."""
        ids = self.complaints.get(self.called(target), [])
        return [self.area(area_id) for area_id in ids] if ids else self.areas

    def area(self, area_id: str) -> Area:
        """Return the area with this id or name; raises RequestError with names that are near."""
        by_id = {area.id: area for area in self.areas}
        titles = {area.name: area for area in self.areas}
        for called in (by_id, titles):
            name = meant(area_id, called)
            if name is not None:
                return called[name]
        raise RequestError(f"no area “{shortened(area_id)}” in {self.id}{near(area_id, by_id)}")


class Method(Model):
    """A way of treating a spot."""

    id: Slug
    """The name of its template, and its key in methods.toml."""
    name: SidelessText
    summary: str
    for_whom: str
    spoken: SidelessText
    """Within a sentence: "your trigger tool"."""
    mobilize: Texts | None = None
    """The movement explained, where it is the same for all areas: kneading, rolling."""
    mobilize_again: Annotated[list[Text], Field(min_length=3)] | None = None
    """Variants of a short reminder of it."""
    prepares: bool = False
    """Whether it may come before another method, to prepare the area for it: rolling."""
    tool: bool = True
    """Whether a tool is needed, which has to lie within reach; hands are none."""


class Methods(Model):
    """The methods of a language, the deepest first."""

    methods: Annotated[list[Method], Field(min_length=1)]

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return methods with the same id."""
        yield from _twice("methods", _ids(data.get("methods")))


class Wording(Model):
    """What is said in every session: phrases with variants, side names and chapter titles."""

    language_name: str
    sides: dict[str, str]
    chapters: dict[str, str]
    phrases: dict[str, Texts]


def _texts(
    value: object, loc: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Return all texts in the data of an area, and where they are."""
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
    """Return the ids of a list of tables; None where there is none."""
    listed = entries if isinstance(entries, list) else []
    ids = [entry.get("id") if isinstance(entry, Mapping) else None for entry in listed]
    return [one if isinstance(one, str) else None for one in ids]


def _twice(key: str, ids: list[str | None]) -> Iterator[Mistake]:
    counts: Counter[str] = Counter()
    for index, one in enumerate(ids):
        if one is not None:
            counts[one] += 1
            if counts[one] > 1:
                yield (key, index, "id"), f"“{shortened(one)}” is there already"
