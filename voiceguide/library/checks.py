"""All that is wrong in the files of one language, each mistake once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import LibraryError, near
from voiceguide.library.models import Muscle, Muscles, Names, Region
from voiceguide.library.toml import line_of, places, validated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from voiceguide.library.texts import Library

_ANY = "…"


class _AnyMuscles(Muscles):
    """Stands for muscles whose file is wrong, so that the regions can be checked all the same."""

    def muscle(self, muscle_id: object) -> Muscle:
        return Muscle.model_construct(id=muscle_id, anatomy=_ANY, doctor=[], cautions=[_ANY])

    def warnings(self, _muscle_ids: Sequence[object]) -> list[str]:
        return [_ANY]


def problems(texts: Library) -> list[LibraryError]:
    """Return an error for each file of a language that is wrong."""
    of_regions = list(_of_regions(texts))
    found = [*of_regions]
    for name in ("muscles", "methods", "wording", "lexicon", "names"):
        try:
            getattr(texts, name)
        except LibraryError as error:
            found.append(error)
    if not found:
        found = list(_of_names(texts))
    return list({str(error): error for error in found}.values())


def _of_regions(texts: Library) -> Iterator[LibraryError]:
    try:
        _ = texts.muscles
    except LibraryError:  # reported on its own
        for region_id, path in texts.region_files.items():
            try:
                validated(Region, path, context=_AnyMuscles(), id=region_id)
            except LibraryError as error:
                yield error
        return
    wrong: list[LibraryError] = []
    for region in texts.regions(wrong):
        for complaint in region.complaints:
            try:
                texts.complaint(region, complaint)
            except LibraryError as error:
                wrong.append(error)
    yield from wrong


def _of_names(texts: Library) -> Iterator[LibraryError]:
    """Return an error for each file of the listener's own that names what there is not."""
    regions = texts.regions()
    known = [
        *texts.region_files,
        *(complaint for region in regions for complaint in region.complaints),
        *(area.id for region in regions for area in region.areas),
    ]
    shipped = files.folders("scripts")[-1]
    for path in texts.all_files("names.toml"):
        if not path.is_relative_to(shipped):
            names = validated(Names, path)
            wrong = [
                *_unknown("places", names.places, known, "region, area or complaint"),
                *_unknown("methods", names.methods, texts.methods, "method"),
            ]
            if wrong:
                yield _told(path, wrong)


def _unknown(
    table: str, named: Iterable[str], known: Iterable[str], what: str
) -> Iterator[tuple[tuple[str, str], str]]:
    known = list(known)
    for name in named:
        if name not in known:
            yield (table, name), f"{table}.{name}: there is no such {what}{near(name, known)}"


def _told(path: Path, wrong: Iterable[tuple[tuple[str, str], str]]) -> LibraryError:
    root = places(path.read_text("utf-8-sig"))
    return LibraryError("\n".join(f"{path}:{line_of(root, loc)}: {what}" for loc, what in wrong))
