"""What is missing in a language, compared with the reference language."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from voiceguide.errors import LibraryError
from voiceguide.library.kinds import kinds, lacking
from voiceguide.library.models import Muscles
from voiceguide.library.nowhere import counterpart
from voiceguide.library.texts import REFERENCE, Library, load
from voiceguide.library.toml import validated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voiceguide.library.models import Region


def missing(language: str, own: Path | None = None) -> Iterator[str]:
    """Return what is missing in ``language``, a line each; raises RequestError."""
    texts, reference = load(language, own), load(REFERENCE, own)
    with contextlib.suppress(LibraryError):  # a file that is wrong is reported elsewhere
        for name in ("sides", "chapters", "phrases"):
            keys = getattr(reference.wording, name).keys() - getattr(texts.wording, name).keys()
            file = texts.file("phrases.toml")
            yield from (f"{file}: {name}.{key} is missing" for key in sorted(keys))
    with contextlib.suppress(LibraryError):
        for method in sorted(reference.methods.keys() - texts.methods.keys()):
            yield f"{texts.file('methods.toml')}: the method {method} is missing"
    with contextlib.suppress(LibraryError):
        yield from _missing_muscles(reference, texts)
    with contextlib.suppress(LibraryError):
        for kind in kinds(own).values():
            if what := lacking(kind, language, own):
                yield what
    translated = {region.id: region for region in texts.regions()}
    for region in reference.regions():
        file = reference.region_files[region.id]
        if region.id not in texts.region_files:
            yield f"{counterpart(texts, file.parents[2], f'regions/{file.name}')} is missing"
        elif region.id in translated:
            yield from _missing(region, translated[region.id], texts.region_files[region.id])


def _missing_muscles(reference: Library, texts: Library) -> Iterator[str]:
    for path in reference.all_files("muscles.toml"):
        for muscle in validated(Muscles, path).muscles:
            if texts.muscles.muscle(muscle.id) is None:
                file = counterpart(texts, path.parents[1], path.name)
                yield f"{file}: the muscle {muscle.id} is missing"


def _missing(region: Region, translated: Region, file: Path) -> Iterator[str]:
    for complaint in sorted(region.complaints.keys() - translated.complaints.keys()):
        yield f"{file}: complaints.{complaint} is missing"
    areas = {area.id: area for area in translated.areas}
    for area in region.areas:
        if area.id not in areas:
            yield f"{file}: the area {area.id} is missing"
            continue
        for method in sorted(area.place.keys() - areas[area.id].place.keys()):
            yield f"{file}: areas.{area.id}.place.{method} is missing"
