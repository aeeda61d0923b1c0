"""What is missing in a language, compared with the reference language."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from voiceguide.errors import LibraryError
from voiceguide.library.kinds import kinds, lacking
from voiceguide.library.texts import REFERENCE, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voiceguide.library.models import Region


def missing(language: str, own: Path | None = None) -> Iterator[str]:
    """Return what is missing in ``language``, a line each; raises RequestError."""
    texts, reference = load(language, own), load(REFERENCE, own)
    here = f"scripts/{language}"
    with contextlib.suppress(LibraryError):  # a file that is wrong is reported elsewhere
        for name in ("sides", "chapters", "phrases"):
            keys = getattr(reference.wording, name).keys() - getattr(texts.wording, name).keys()
            yield from (f"{here}/phrases.toml: {name}.{key} is missing" for key in sorted(keys))
    with contextlib.suppress(LibraryError):
        for method in sorted(reference.methods.keys() - texts.methods.keys()):
            yield f"{here}/methods.toml: the method {method} is missing"
    with contextlib.suppress(LibraryError):
        for muscle in reference.muscles.muscles:
            if texts.muscles.muscle(muscle.id) is None:
                yield f"{here}/muscles.toml: the muscle {muscle.id} is missing"
    with contextlib.suppress(LibraryError):
        for kind in kinds(own).values():
            if what := lacking(kind, language, own):
                yield what
    translated = {region.id: region for region in texts.regions()}
    for region in reference.regions():
        if region.id not in texts.region_files:
            yield f"{here}/regions/{region.id}.toml is missing"
        elif region.id in translated:
            yield from _missing(region, translated[region.id], f"{here}/regions/{region.id}.toml")


def _missing(region: Region, translated: Region, file: str) -> Iterator[str]:
    for complaint in sorted(region.complaints.keys() - translated.complaints.keys()):
        yield f"{file}: complaints.{complaint} is missing"
    areas = {area.id: area for area in translated.areas}
    for area in region.areas:
        if area.id not in areas:
            yield f"{file}: the area {area.id} is missing"
            continue
        for method in sorted(area.place.keys() - areas[area.id].place.keys()):
            yield f"{file}: areas.{area.id}.place.{method} is missing"
