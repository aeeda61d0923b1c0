"""What is missing in a language, compared with the reference language."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import LibraryError, near
from voiceguide.library.kinds import KindTexts, kinds, lacking, texts_file
from voiceguide.library.models import Muscles
from voiceguide.library.nowhere import counterpart
from voiceguide.library.texts import REFERENCE, Library, load
from voiceguide.library.toml import line_of, places, validated
from voiceguide.library.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from voiceguide.library.kinds import Kind
    from voiceguide.library.models import Region

_PLACEHOLDER = re.compile(r"<([^<>]*)>")
_FILLED_IN_BY = ("*.jinja", "kinds/massage/*.jinja")
"""Templates that fill in the phrases of a language; a listener's own may have other values."""


def missing(language: str, own: Path | None = None) -> Iterator[str]:
    """Return what is missing in ``language``, a line each; raises RequestError."""
    texts, reference = load(language, own), load(REFERENCE, own)
    with contextlib.suppress(LibraryError):  # a file that is wrong is reported elsewhere
        yield from _missing_wording(reference, texts, own)
    with contextlib.suppress(LibraryError):
        for method in sorted(reference.methods.keys() - texts.methods.keys()):
            yield f"{texts.file('methods.toml')}: the method {method} is missing"
    with contextlib.suppress(LibraryError):
        yield from _missing_muscles(reference, texts)
    with contextlib.suppress(LibraryError):
        for kind in kinds(own).values():
            if what := lacking(kind, language, own):
                yield what
            else:
                with contextlib.suppress(LibraryError):
                    yield from _missing_of_kind(kind, language, own)
    translated = {region.id: region for region in texts.regions()}
    for region in reference.regions():
        file = reference.region_files[region.id]
        if region.id not in texts.region_files:
            yield f"{counterpart(texts, file.parents[2], f'regions/{file.name}')} is missing"
        elif region.id in translated:
            yield from _missing(region, translated[region.id], texts.region_files[region.id])


def _missing_wording(reference: Library, texts: Library, own: Path | None) -> Iterator[str]:
    """Return what ``texts`` lack of the wording that we and the listener have in English."""
    file = texts.file("phrases.toml")
    needed = [validated(Wording, path) for path in reference.all_files("phrases.toml")]
    for name in ("sides", "chapters", "phrases"):
        keys = {key for one in needed for key in getattr(one, name)}
        missed = sorted(keys - getattr(texts.wording, name).keys())
        yield from (f"{file}: {name}.{key} is missing" for key in missed)
    folders = files.script_folders(own)[:-1]
    if not any(True for one in folders for names in _FILLED_IN_BY for _ in one.glob(names)):
        yield from _unknown_values(needed[-1].phrases, texts.wording.phrases, file)


def _missing_of_kind(kind: Kind, language: str, own: Path | None) -> Iterator[str]:
    """Return what the texts of a kind lack of those in English."""
    needed, there = texts_file(kind, REFERENCE, own), texts_file(kind, language, own)
    if needed is None or there is None:
        return
    wanted, found = validated(KindTexts, needed), validated(KindTexts, there)
    for name in ("chapters", "phrases"):
        missed = sorted(getattr(wanted, name).keys() - getattr(found, name).keys())
        yield from (f"{there}: {name}.{key} is missing" for key in missed)
    yield from _unknown_values(wanted.phrases, found.phrases, there)


def _unknown_values(
    wanted: Mapping[str, list[str]], found: Mapping[str, list[str]], file: Path
) -> Iterator[str]:
    """Return each <name> in a phrase that the English one does not have: nothing fills it in."""
    for key, texts in found.items():
        known = set(_PLACEHOLDER.findall(" ".join(wanted.get(key, ()))))
        for at, text in enumerate(texts if key in wanted else ()):
            for name in _PLACEHOLDER.findall(text):
                if name not in known:
                    line = line_of(places(file.read_text("utf-8-sig")), ("phrases", key, at))
                    what = f"<{name}> is not filled in here{near(name, known, shown='<{}>')}"
                    yield f"{file}:{line}: phrases.{key} #{at + 1}: {what}"


def _missing_muscles(reference: Library, texts: Library) -> Iterator[str]:
    if not texts.all_files("muscles.toml"):
        yield f"{texts.folders[0] / 'muscles.toml'} is missing"
        return
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
