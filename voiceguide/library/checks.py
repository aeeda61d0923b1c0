"""All that is wrong in the files of one language, each mistake once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import LibraryError, near
from voiceguide.library import nowhere
from voiceguide.library.models import Muscle, Muscles, Names, Region
from voiceguide.library.toml import line_of, places, validated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    found = list(_of_regions(texts))
    for name in ("muscles", "methods", "wording", "lexicon", "names"):
        try:
            getattr(texts, name)
        except LibraryError as error:
            found.append(error)
    if not found:
        found = [*_of_names(texts), *_of_places(texts)]
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


def _of_places(texts: Library) -> Iterator[LibraryError]:
    """Return an error for each method of an area, in the listener's regions, that there is not."""
    shipped = files.script_folders(None)[-1]
    for region in texts.regions():
        path = texts.region_files[region.id]
        for at, area in enumerate(() if path.is_relative_to(shipped) else region.areas):
            for one in area.place:
                if one not in texts.methods:
                    root = places(path.read_text("utf-8-sig"))
                    where = f"{path}:{line_of(root, ('areas', at, 'place', one))}"
                    what = f"no method “{one}”{near(one, texts.methods)}"
                    yield LibraryError(f"{where}: areas.{area.id}.place.{one}: {what}")


def _of_names(texts: Library) -> Iterator[LibraryError]:
    """Return an error for each id in everyday words that nothing has."""
    yield from nowhere.unknown(texts)
    for path in texts.all_files(nowhere.FILE):
        wrong = [one for one in validated(Names, path).methods if one not in texts.methods]
        root = places(path.read_text("utf-8-sig"))
        for one in wrong:
            where = f"{path}:{line_of(root, ('methods', one))}: methods.{one}"
            yield LibraryError(f"{where}: no method “{one}”{near(one, texts.methods)}")
