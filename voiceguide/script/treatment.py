"""A request about a region + the library -> what is treated, and how."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from voiceguide.errors import RequestError, option
from voiceguide.library import listed
from voiceguide.script.request import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voiceguide.library import Area, Library, Method, Region, Wording
    from voiceguide.script.request import Request, Side


class Treatment(NamedTuple):
    """What is treated, and how."""

    region: Region
    method: Method
    areas: list[Area]
    """The areas that a session of a given length can choose from, the most useful first."""
    least: int = 1
    """How many of them it treats at least: one for each target that makes the session."""


def treatment(request: Request, library: Library) -> Treatment:
    """Return what a request treats; raises RequestError if its parts do not fit together."""
    options = request.options
    region, areas, least = library.find(request.target)
    if options.area not in (None, "all"):
        if request.title is None:  # the tracks of a playlist have one area each
            for one in request.target.split("+"):
                library.region(one).area(options.area)
        areas, least = [region.area(options.area)], 1
    if request.part != WHOLE:
        return Treatment(region, by_area(request, library, areas)[0], areas)
    if options.method is None:
        together = areas if options.area == "all" else areas[:least]
        method = _best_for_all(together, library, options.level)
    else:
        method = library.method(options.method)
    suited = _suited(areas, method, least)
    if options.prepare:
        preparing = _preparing(method, library)
        prepared = suited if options.area == "all" else suited[:1]
        if not any(preparing.id in area.place for area in prepared):
            raise RequestError(
                f"{option('prepare')}: {preparing.name} does not suit {suited[0].name}; "
                "leave it out"
            )
    return Treatment(region, method, suited, least)


def _best_for_all(areas: Sequence[Area], library: Library, level: str) -> Method:
    """Return the preferred method of those that suit all areas, or else the first of them."""
    suitable = [name for name in _preferred(library, level) if name in areas[0].place]
    for_all = [name for name in suitable if all(name in area.place for area in areas)]
    return library.method((for_all or suitable or list(areas[0].place))[0])


def _suited(areas: Sequence[Area], method: Method, least: int) -> list[Area]:
    """Return the areas that a method suits; raises RequestError if a needed one is not among them.

    Needed are the first ``least``, if they are several, or else any.
    """
    suited = [area for area in areas if method.id in area.place]
    unsuited = [area.name for area in areas[:least] if area not in suited]
    if least > 1 and unsuited:
        raise RequestError(
            f"{method.name} does not suit {unsuited[0]}, and a session has one method; "
            "choose another, or make a session for each"
        )
    if not suited:
        there_are = sorted({name for area in areas for name in area.place})
        raise RequestError(
            f"{method.name} does not suit {areas[0].name}; suitable: {', '.join(there_are)}"
        )
    return suited


def sides(area: Area, wanted: str) -> Sequence[Side | None]:
    """Return the sides of an area that are treated; None stands for both at once."""
    if not area.two_sided:
        return (None,)
    if wanted == "both":
        return ("left", "right")
    return ("left",) if wanted == "left" else ("right",)


def by_area(request: Request, library: Library, areas: Sequence[Area]) -> list[Method]:
    """Return the method for each area of a playlist: the requested one, or the first that suits.

    Raises RequestError for an unknown method, or one that would have to prepare for itself.
    """
    wanted = request.options.method
    method = None if wanted is None else library.method(wanted)
    if method and request.options.prepare:
        _preparing(method, library)
    names = [*([method.id] if method else []), *_preferred(library, request.options.level)]
    return [
        library.method(next(name for name in [*names, *area.place] if name in area.place))
        for area in areas
    ]


def _preferred(library: Library, level: str) -> list[str]:
    """Return the ids of the methods, the deepest first; at the level “gentle”, the gentle first."""
    names = list(library.methods)
    if level == "gentle":
        names.sort(key=lambda name: not library.methods[name].gentle)
    return names


def context(request: Request, library: Library, areas: int) -> dict[str, Any]:
    """Return the context for the template of a kind about regions, with ``areas`` spots to treat.

    They are one in each area, the most useful first, then one more in each.

    A template gets plain dictionaries: the methods of a model would lead out of the sandbox.
    """
    whole, method, suited, least = treatment(request, library)
    count = max(areas, least)
    region = whole.treating(suited[:count])
    treated = list(itertools.islice(itertools.cycle(region.areas), count))
    preparing = _preparing(None, library) if request.options.prepare else None
    others = [preparing] if preparing else []
    prepared: list[bool] = []
    if request.part == "prepare":
        methods = by_area(request, library, treated)
        prepared = [
            preparing is not None and one != preparing and preparing.id in area.place
            for area, one in zip(treated, methods, strict=True)
        ]
        method, *others = _tools(library, methods, preparing if any(prepared) else None)
    wording = library.wording
    in_words = partial(listed, conjunction=wording.conjunction, serial_comma=wording.serial_comma)
    parts = dict.fromkeys(area.part_of or region.spoken for area in treated)
    treatments = [
        (
            _described(area, method.id, preparing.id if preparing else None, wording),
            sides(area, request.options.side),
        )
        for area in treated
    ]
    texts = [text for area in treated for text in _said(area, method.id, request.part)]
    props = wording.props_in(texts)
    never = [text for text in region.cautions if wording.never and text.startswith(wording.never)]
    return {
        "region": region.model_dump() | {"spoken": in_words(list(parts))},
        "method": method.model_dump(),
        "needed": in_words([*(tool.spoken for tool in others), *props]),
        "props": in_words(props),
        "warnings": [text for text in region.cautions if text not in never],
        "never": never,
        "treatments": treatments,
        "alike": len({str(area.pressure) for area in region.areas}) == 1 or bool(region.pressure),
        "track": [area.id for area in whole.areas].index(treated[0].id),
        "prepared": list(itertools.compress(treatments, prepared)),
        "preparing": preparing and preparing.model_dump(),
    }


def _tools(library: Library, methods: list[Method], preparing: Method | None) -> list[Method]:
    """Return the methods that need a tool, then the one that prepares; if none, the first."""
    tools = [one for one in library.methods.values() if one in methods and one.tool]
    if preparing and preparing not in tools:
        tools.append(preparing)
    return tools or methods[:1]


def _described(
    area: Area, method_id: str, preparing_id: str | None, wording: Wording
) -> dict[str, Any]:
    """Return an area for a template, with how the body is held.

    ``upright`` and ``stretch_upright`` say whether one stands or balances; ``prepare_moves``
    whether one gets down to roll out first, ``place_moves`` whether one gets up or down to come
    into place, ``moves`` for the stretch. Where a language does not say how one stands, only
    ``moves`` is known, by what is upright.
    """
    rolled = area.place.get(preparing_id or "", ())
    place = list(area.place.get(method_id, ()))
    up, down = wording.standing, [*wording.lowering, *wording.descending]
    stood = _begins(up, area.find[:1])
    is_down, goes_down = (_begins(wording.descending, texts[:1]) for texts in (place, area.stretch))
    place_moves = is_down or _begins(down if stood else up, place[:1])
    stands = _begins(up, place) or (stood and not place_moves)
    stretched = _begins(up, area.stretch)
    upright = wording.is_upright([area.find[0], *place])
    stretch_upright = wording.is_upright(area.stretch)
    if up:
        is_elsewhere = _begins(down, area.stretch[:1]) if stands else stretched
    else:
        is_elsewhere = upright != stretch_upright
    rises = any(words.lower() in area.stretch[0].lower() for words in wording.rising)
    return {
        **area.model_dump(),
        "upright": upright,
        "stretch_upright": stretch_upright,
        "stretch_standing": stretched,
        "prepare_moves": _begins(wording.descending, rolled[:1]),
        "place_moves": place_moves,
        "moves": (is_elsewhere and area.stretch_alone is None) or rises or is_down != goes_down,
    }


def _begins(starts: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether any text begins with any of these words."""
    begins = tuple(start.lower() for start in starts)
    return any(text.lower().startswith(begins) for text in texts)


def _said(area: Area, method_id: str, part: str) -> list[str]:
    """Return the texts that say where an area is treated and stretched, as far as ``part`` does."""
    treat = [] if part == "close" else [*area.find, *area.place.get(method_id, ())]
    return treat + ([] if part == "treat" else area.stretch)


def _preparing(method: Method | None, library: Library) -> Method:
    """Return the method that prepares for ``method``."""
    methods = [one for one in library.methods.values() if one.prepares]
    if not methods:
        raise RequestError(f"{option('prepare')}: no method prepares for others; leave it out")
    if method in methods:
        raise RequestError(
            f"{option('prepare')}: {methods[0].name} is already the method; leave it out"
        )
    return methods[0]
