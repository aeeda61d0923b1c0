"""The contents of library files, checked: regions with their areas, methods, names.

A text may have an alternative ``{left|right}``: the words for the left side, then for the right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails

from voiceguide.errors import NAME, RequestError, match_name, near, shortened

_SIDES = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")
_BRACES = re.compile(r"[{}]")
_UNKNOWN = "?"  # what a muscle would say that is not there: then only the muscle is wrong
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
AreaName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)?$")]
Text = Annotated[str, AfterValidator(_spoken)]
Texts = Annotated[list[Text], Field(min_length=1)]
SidelessText = Annotated[str, AfterValidator(_no_sides)]
SidelessTexts = Annotated[list[SidelessText], Field(min_length=1)]

_Loc = tuple[str | int, ...]
Mistake = tuple[_Loc, str]
"""Where something is wrong in the data of a file, and what."""


class Model(BaseModel):
    """A part of a library file; all its mistakes are reported together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def mistakes(cls, _data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return where values contradict each other; any of them may have a wrong type."""
        return iter(())

    @classmethod
    def completed(
        cls, data: Mapping[str, Any], _muscles: Muscles
    ) -> tuple[Mapping[str, Any], list[str]]:
        """Return the data with what its muscles say, and what is wrong with it.

        Any value may have a wrong type.
        """
        return data, []

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(
        cls, data: Any, validate: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Report wrong values and contradictions together."""
        mistakes = []
        wrong: list[str] = []
        if isinstance(data, Mapping):
            if isinstance(info.context, Muscles):
                data, wrong = cls.completed(data, info.context)
            for loc, what in [*(((), what) for what in wrong), *cls.mistakes(data)]:
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


class Muscle(Model):
    """A muscle, or a few that are pressed alike; what is said of it is the same in every region."""

    id: Slug
    anatomy: str
    """The anatomical name."""
    doctor: list[Slug]
    """The parts of the body whose warnings apply: keys of ``Muscles.doctor``."""
    pressure: Slug | None = None
    """A key of ``Muscles.pressure``, if less than the level says is the limit."""
    cautions: Texts
    """What to avoid here; spoken while the listener finds the spot."""


class Muscles(Model):
    """The muscles of a language, and the warnings that they share."""

    doctor: dict[Slug, SidelessTexts] = {}
    """When to see a doctor first, and what never to press, by part of the body."""
    pressure: dict[Slug, SidelessTexts] = {}
    """How hard to press where it must be less than the level says."""
    muscles: list[Muscle] = []

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return duplicate ids of muscles."""
        yield from _twice("muscles", _ids(data.get("muscles")))

    def muscle(self, muscle_id: object) -> Muscle | None:
        """Return the muscle with this id, if there is one."""
        return next((one for one in self.muscles if one.id == muscle_id), None)

    def warnings(self, muscle_ids: Sequence[object]) -> list[str]:
        """Return what is said before these muscles are pressed, each warning once."""
        muscles = filter(None, map(self.muscle, muscle_ids))
        parts = dict.fromkeys(part for muscle in muscles for part in muscle.doctor)
        return [text for part in parts for text in self.doctor.get(part, ())]


class Area(Model):
    """A muscle, or a part of one, that is treated as a whole."""

    id: Slug
    name: SidelessText
    """In the listener's words: "the upper calf"."""
    muscle: Slug | None = None
    """The id of its muscle, from which anatomy, cautions and pressure come."""
    anatomy: str
    """The anatomical name."""
    two_sided: bool
    """Whether it exists on both the left and the right."""
    warnings: list[SidelessText] = []
    """What its muscle brings to the cautions of its region."""
    cautions: Texts
    """What to avoid here; spoken while the listener finds the spot."""
    pressure: SidelessTexts | None = None
    """How hard to press, if it must be less than the level says."""
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
    part_of: SidelessText | None = None
    """Its region within a sentence, where a session may go through several: "your calf"."""

    @classmethod
    def completed(
        cls, data: Mapping[str, Any], muscles: Muscles
    ) -> tuple[Mapping[str, Any], list[str]]:
        """Return the data with the anatomy, warnings, cautions and pressure of its muscle.

        It is wrong if there is no such muscle, or if the area says these things itself.
        """
        muscle_id = data.get("muscle")
        if not isinstance(muscle_id, str):
            return data, []
        muscle = muscles.muscle(muscle_id)
        if muscle is None:
            hint = near(muscle_id, (one.id for one in muscles.muscles))
            wrong = [f"no muscle “{shortened(muscle_id)}”{hint}"]
            return {"anatomy": _UNKNOWN, "cautions": [_UNKNOWN], **data}, wrong
        said = ("anatomy", "warnings", "cautions", "pressure")
        what = "belongs to the muscle, in muscles.toml; leave it out"
        wrong = [f"{key} {what}" for key in said if key in data]
        limit = muscles.pressure.get(muscle.pressure or "")
        known = {"anatomy": muscle.anatomy, "cautions": muscle.cautions, "pressure": limit}
        return {**data, **known, "warnings": muscles.warnings([muscle_id])}, wrong

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
    complaints: dict[Slug, list[AreaName]] = {}
    """Other names that find it, each with the areas to treat, the cause first.

    An empty list means all; "calf/upper-calf" is an area of another region."""
    cautions: SidelessTexts
    """What not to press, and when to see a doctor first; spoken in every session.

    The warnings of its muscles, then its own."""
    pressure: SidelessTexts | None = None
    """How hard to press, if it must be less than the level says."""
    areas: Annotated[list[Area], Field(min_length=1, max_length=4)]

    @classmethod
    def completed(
        cls, data: Mapping[str, Any], muscles: Muscles
    ) -> tuple[Mapping[str, Any], list[str]]:
        """Return the data with the warnings of all its muscles."""
        areas, own = data.get("areas"), data.get("cautions", [])
        listed = areas if isinstance(areas, list) else []
        found = [area.get("muscle") for area in listed if isinstance(area, Mapping)]
        ids = [one for one in found if isinstance(one, str)]
        is_unknown = any(muscles.muscle(one) is None for one in ids)
        warnings = muscles.warnings(ids) or [_UNKNOWN] * is_unknown
        if not warnings or not isinstance(own, list):
            return data, []
        return {**data, "cautions": [*warnings, *own]}, []

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return duplicate ids of areas, and complaints with unknown areas of this region."""
        ids = _ids(data.get("areas"))
        yield from _twice("areas", ids)
        complaints = data.get("complaints")
        for complaint, treated in complaints.items() if isinstance(complaints, Mapping) else ():
            for index, area_id in enumerate(treated if isinstance(treated, list) else ()):
                if isinstance(area_id, str) and "/" not in area_id and area_id not in ids:
                    hint = near(area_id, filter(None, ids))
                    wrong = f"unknown area “{shortened(area_id)}”{hint}"
                    yield ("complaints", complaint, index), wrong

    def treating(self, areas: Sequence[Area]) -> Region:
        """Return the region with these areas only, which a session treats, and their warnings.

        If all bear the same pressure, it is the region's; if they differ, each area has its own, or
        none if it bears what the level says.
        """
        others = {text for area in self.areas for text in area.warnings}
        others -= {text for area in areas for text in area.warnings}
        said = {"cautions": [text for text in self.cautions if text not in others]}
        limits = [area.pressure or self.pressure for area in areas]
        if all(limit == limits[0] for limit in limits):
            return self.model_copy(update={"areas": list(areas), "pressure": limits[0], **said})
        paired = zip(areas, limits, strict=True)
        told = [area.model_copy(update={"pressure": limit}) for area, limit in paired]
        return self.model_copy(update={"areas": told, "pressure": None, **said})

    def area(self, area_id: str) -> Area:
        """Return the area with this id or name; raises RequestError that suggests similar names."""
        by_id = {area.id: area for area in self.areas}
        titles = {area.name: area for area in self.areas}
        for called in (by_id, titles):
            name = match_name(area_id, called)
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
    gentle: bool = False
    """Whether those who are new to it or sensitive begin with it, rather than with the deepest."""
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


class Names(Model):
    """The everyday words of a language for regions, areas, complaints and methods."""

    conjunction: Annotated[str, Field(alias="and")] = "and"
    """What joins the last two names of a list: "your neck and your jaw"."""
    articles: list[str] = []
    """What the name of an area may be without: "the"."""
    doctor: list[str] = []
    """Names of what belongs to a doctor, not to a session: nausea."""
    places: dict[Slug, list[str]] = {}
    """By the id of a region, an area or a complaint; the first word is its title."""
    methods: dict[Slug, list[str]] = {}
    """By the id of a method."""


def _texts(value: object, loc: _Loc = ()) -> Iterator[tuple[_Loc, str]]:
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
    known: set[str] = set()
    for index, one in enumerate(ids):
        if one in known:
            yield (key, index, "id"), f"“{shortened(one)}” is already used"
        elif one is not None:
            known.add(one)
