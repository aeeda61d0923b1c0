"""The library's regions, methods and kinds as lists: to read, for programs or for documents."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voiceguide.library import Library, Method, Region
    from voiceguide.library.kinds import Kind, KindTexts

_WIDTH = 80
_NAME_WIDTH = 23


def regions(
    library: Library, found: Iterable[Region], form: str, natural_ms: Mapping[str, int]
) -> str:
    """Return a list of a library's regions as "text", "json" or "markdown".

    ``natural_ms`` is about how long the session of a region lasts, by its id. The JSON is a list of
    objects with id, name, summary, natural_ms (null if unknown), names (everyday words), complaints
    (by name, the ids of the areas that are treated; "calf/upper-calf" is an area of another region)
    and areas (each with id, name, anatomy, two_sided and methods).
    """
    match form:
        case "json":
            return _json(
                {
                    "id": region.id,
                    "name": region.name,
                    "summary": region.summary,
                    "natural_ms": natural_ms.get(region.id),
                    "names": _everyday(library, region),
                    "complaints": {
                        complaint: places or [area.id for area in region.areas]
                        for complaint, places in region.complaints.items()
                    },
                    "areas": [
                        {
                            "id": area.id,
                            "name": area.name,
                            "anatomy": area.anatomy,
                            "two_sided": area.two_sided,
                            "methods": list(area.place),
                        }
                        for area in region.areas
                    ],
                }
                for region in found
            )
        case "markdown":
            return "".join(f"{line}\n" for line in _regions_as_markdown(library, found))
        case _:
            return "".join(f"{line}\n" for line in _regions_as_text(library, found, natural_ms))


def methods(found: Iterable[Method], form: str) -> str:
    """Return a list of methods as "text", "json" (id, name, summary, for_whom) or "markdown"."""
    match form:
        case "json":
            keys = {"id", "name", "summary", "for_whom"}
            return _json(method.model_dump(include=keys) for method in found)
        case "markdown":
            rows = [f"| `{one.id}` | {one.summary} | {one.for_whom} |" for one in found]
            return "\n".join(["| method | what | for whom |", "| --- | --- | --- |", *rows, ""])
        case _:
            return "".join(
                f"{_named(one.id, one.summary)}\n{_named('', f'for {one.for_whom}')}\n"
                for one in found
            )


def kinds(found: Iterable[tuple[Kind, KindTexts]], form: str) -> str:
    """Return a list of kinds of session as "text", "json" or "markdown".

    The JSON is a list of objects with id, name, summary, about ("region", "itself"), and options:
    the names of those that only apply to certain kinds, including its own.
    """
    rows = [(kind, texts, [*kind.options, *kind.variables]) for kind, texts in found]
    match form:
        case "json":
            return _json(
                {
                    "id": kind.id,
                    "name": texts.name,
                    "summary": texts.summary,
                    "about": kind.about,
                    "options": names,
                }
                for kind, texts, names in rows
            )
        case "markdown":
            lines = [
                f"| `{kind.id}` | {texts.summary} | {', '.join(f'`{name}`' for name in names)} |"
                for kind, texts, names in rows
            ]
            return "\n".join(["| kind | what | options |", "| --- | --- | --- |", *lines, ""])
        case _:
            return "".join(
                f"{_named(kind.id, texts.summary)}\n{_named('  options', ', '.join(names))}\n"
                for kind, texts, names in rows
            )


def _everyday(library: Library, region: Region) -> list[str]:
    """Return the everyday words for a region, its complaints and its areas."""
    places = [region.id, *region.complaints, *(area.id for area in region.areas)]
    return list(
        dict.fromkeys(word for place in places for word in library.names.places.get(place, ()))
    )


def _regions_as_text(
    library: Library, found: Iterable[Region], natural_ms: Mapping[str, int]
) -> Iterator[str]:
    for region in found:
        yield _named(region.id, region.summary)
        if region.id in natural_ms:
            yield _named("  lasts", f"about {natural_ms[region.id] / 60_000:.0f} minutes")
        for area in region.areas:
            yield _named(f"  {area.id}", f"{area.name}; {area.anatomy}")
        if region.complaints:
            yield _named("  complaints", ", ".join(region.complaints))
        words = _everyday(library, region)
        if words:
            yield _named("  also called", ", ".join(words))


def _regions_as_markdown(library: Library, found: Iterable[Region]) -> Iterator[str]:
    yield "| region | complaints | also called | areas | methods |"
    yield "| --- | --- | --- | --- | --- |"
    for region in found:
        complaints = ", ".join(f"`{complaint}`" for complaint in region.complaints)
        words = ", ".join(_everyday(library, region))
        first = f"`{region.id}`"
        for area in region.areas:
            ways = ", ".join(f"`{method}`" for method in area.place)
            about = f"`{area.id}`: {area.name} ({area.anatomy})"
            yield f"| {first} | {complaints} | {words} | {about} | {ways} |"
            first = complaints = words = ""


def _named(name: str, text: str) -> str:
    begin = f"{name:<{_NAME_WIDTH}}  "
    lines = textwrap.fill(text, _WIDTH, initial_indent=begin, subsequent_indent=" " * len(begin))
    return lines or name  # a text of nothing has no lines


def _json(objects: Iterable[object]) -> str:
    return json.dumps(list(objects), ensure_ascii=False, indent=2) + "\n"
