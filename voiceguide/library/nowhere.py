"""Why a known name leads nowhere: what it means is not translated, or does not exist at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from voiceguide import files
from voiceguide.errors import LibraryError, RequestError, VoiceguideError, near, shortened
from voiceguide.library.models import Names
from voiceguide.library.toml import line_of, places, validated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from voiceguide.library.models import Region

FILE = "names.toml"


class Texts(Protocol):
    """What is asked of the library of a language."""

    @property
    def language(self) -> str: ...  # noqa: D102 (as in the library)
    @property
    def folders(self) -> Sequence[Path]: ...  # noqa: D102
    @property
    def region_files(self) -> Mapping[str, Path]: ...  # noqa: D102
    @property
    def others(self) -> Sequence[Texts]: ...  # noqa: D102

    def region(self, target: str) -> Region: ...  # noqa: D102
    def regions(self, problems: list[LibraryError] | None = None) -> list[Region]: ...  # noqa: D102
    def all_files(self, name: str) -> list[Path]: ...  # noqa: D102


def reason(texts: Texts, name: str, place: str) -> VoiceguideError | None:
    """Return why there is no ``place`` in these texts, which a name means in some language.

    None if a file that is wrong may have it.
    """
    for other in texts.others:
        home = next((one for one in other.regions() if place in _places_of(one)), None)
        if home is not None:
            return _untranslated(texts, name, place, home, other.region_files[home.id])
    every = [texts, *texts.others]
    return next((one for some in every for one in unknown(some) if one.place == place), None)


def _untranslated(texts: Texts, name: str, place: str, home: Region, file: Path) -> VoiceguideError:
    here = texts.region_files.get(home.id)
    if here is None:
        missing = f"{counterpart(texts, file.parents[2], f'regions/{file.name}')} is missing"
    else:
        texts.region(home.id)  # raises if the file is wrong
        what = "complaint" if place in home.complaints else "area"
        missing = f"{here}: the {what} {place} is missing"
    return RequestError(f"“{shortened(name)}” has no texts in {texts.language}: {missing}")


def counterpart(texts: Texts, root: Path, name: str) -> Path:
    """Return where these texts should have a file that another language has below ``root``."""
    folder = root / texts.language
    is_shipped = root == files.script_folders(None)[-1]
    return (texts.folders[0] if is_shipped and folder not in texts.folders else folder) / name


class UnknownPlaceError(LibraryError):
    """Everyday words are for something that does not exist."""

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


def unknown(texts: Texts) -> Iterator[UnknownPlaceError]:
    """Return an error for each id in the everyday words of a language that nothing has.

    None if a file that is wrong may have it.
    """
    every = [texts, *texts.others]
    problems: list[LibraryError] = []
    regions = [region for one in every for region in one.regions(problems)]
    if problems:
        return
    known = dict.fromkeys(place for region in regions for place in _places_of(region))
    for path in texts.all_files(FILE):
        ids = [one for one in validated(Names, path).places if one not in known]
        root = places(path.read_text("utf-8-sig"))
        for one in ids:
            where = f"{path}:{line_of(root, ('places', one))}: places.{one}"
            what = f"no region, area or complaint “{one}”{near(one, known)}"
            yield UnknownPlaceError(f"{where}: {what}", one)


def _places_of(region: Region) -> list[str]:
    return [region.id, *(area.id for area in region.areas), *region.complaints]
