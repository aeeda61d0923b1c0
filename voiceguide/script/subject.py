"""What a target means: a kind of session and its library; the tracks of its playlist."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import (
    LibraryError,
    RequestError,
    UnknownTargetError,
    UsageError,
    match_name,
    near,
    option,
)
from voiceguide.library import languages, load
from voiceguide.library.kinds import FOLDER, kind_texts, kinds, said
from voiceguide.library.toml import line_of, places
from voiceguide.options import BEDS, OPTIONS, bed_file, chosen
from voiceguide.script import own, treatment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voiceguide.library import Library
    from voiceguide.library.kinds import Kind, PlaylistTrack
    from voiceguide.options import Options, Value
    from voiceguide.script.request import Request


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a kind.toml; as text, its file, line and key, which are looked up only then."""

    kind: str
    options: Options
    loc: tuple[str | int, ...]

    def __str__(self) -> str:
        """Return "folder/kinds/shower/kind.toml:3: title"; lists count from 1."""
        roots = files.script_folders(self.options.library_path)
        path = files.find(f"{FOLDER}/{self.kind}/kind.toml", roots)
        if path is None:
            return f"{self.kind}/kind.toml"
        line = line_of(places(path.read_text("utf-8-sig")), self.loc)
        parts = (f" #{part + 1}" if isinstance(part, int) else f".{part}" for part in self.loc)
        return f"{path}:{line}: {''.join(parts).removeprefix('.')}"


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """A track of a playlist, to be made."""

    name: str
    """The name of its file, after the number."""
    part: str
    title: str
    """A Jinja template."""
    options: dict[str, Value]
    """Options that override those of the request."""
    variables: dict[str, Value] = field(default_factory=dict)
    """The same of its kind's own options."""


@dataclass(frozen=True, slots=True)
class About:
    """What a playlist is about."""

    title: str
    region: str | None
    """The region's id; None for a kind that is about itself."""
    tracks: tuple[TrackPlan, ...]
    whole: bool
    """Whether one session can have all that the tracks treat."""

    @property
    def fixed(self) -> set[str]:
        """The options and variables of which every track has a value of its own."""
        each = [{*one.options, *one.variables} for one in self.tracks]
        return set.intersection(*each) if each else set()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a target means."""

    kind: Kind
    library: Library
    variables: dict[str, Value]
    """The kind's own options."""


def subject(request: Request) -> Subject:
    """Return what a target means, after checking that the options apply to it.

    Raises RequestError for an unknown target or an option that does not apply; LibraryError.
    """
    options = request.options
    kind, library = meant(request)
    for name in options.chosen():
        _check_applies(kind, name, options)
    return Subject(kind, library, _variables(kind, options.variables))


def _check_applies(kind: Kind, name: str, options: Options) -> None:
    """Raise RequestError for an option that only applies to other kinds."""
    if OPTIONS[name].of_kinds and name not in kind.options:
        by_name = kinds(options.library_path)
        suits = ", ".join(one.id for one in by_name.values() if name in one.options)
        raise RequestError(f"{option(name)} does not apply to {kind.id}, only to {suits}")


def meant(request: Request) -> tuple[Kind, Library]:
    """Return the kind that a target means, and the library in its language.

    Raises RequestError for an unknown target; LibraryError.
    """
    folder = request.options.library_path
    wrong: dict[str, LibraryError] = {}
    by_name = kinds(folder, wrong)
    library = load(request.options.language, folder)
    themselves = [one.id for one in by_name.values() if one.about == "itself"]
    name = match_name(request.target, [*themselves, *wrong])
    if name in wrong:
        raise wrong[name]
    if name is not None:
        return by_name[name], library
    try:
        library.region(request.target, themselves)
    except UnknownTargetError:
        called = _called(request, [by_name[one] for one in themselves])
        if called is None:
            if Path(request.target).suffix:  # names without one, as of the page, look up no file
                own.refuse_other_file(request.target)
            raise
        return called, library
    about_regions = next((one for one in by_name.values() if one.about == "region"), None)
    if about_regions is None:
        raise next(iter(wrong.values()), LibraryError("no kind of session is about regions"))
    return about_regions, library


def _called(request: Request, kinds_: Sequence[Kind]) -> Kind | None:
    """Return the kind about itself that a target names as its texts do, in any language."""
    folder = request.options.library_path
    for language in dict.fromkeys((request.options.language, *languages(folder))):
        for kind in kinds_:
            with contextlib.suppress(LibraryError):  # what is wrong is told when it is asked for
                if match_name(request.target, [kind_texts(kind, language, folder).name]):
                    return kind
    return None


def about(request: Request, *, with_files: bool = False) -> About:
    """Return the subject and tracks of a target's playlist; raises as ``write`` does.

    ``with_files`` is whether the files that tracks name have to be there.
    """
    found = subject(request)
    kind, options = found.kind, request.options
    _check_tracks(kind, options, with_files=with_files)
    if kind.about != "region":
        texts = said(kind, options.language, options.library_path)
        tracks = [_planned(kind, one) for one in kind.tracks]
        return About(texts.name, None, tuple(tracks), whole=False)
    part = kind.tracks[0].part
    region, _, areas, _ = treatment.treatment(replace(request, part=part), found.library)
    treatment.by_area(request, found.library, areas)
    tracks = []
    for one in kind.tracks:
        if one.each is None:
            tracks.append(_planned(kind, one))
        else:
            tracks += [_planned(kind, one, area.id) for area in areas]
    return About(region.name, region.id, tuple(tracks), whole=True)


def _planned(kind: Kind, track: PlaylistTrack, area: str | None = None) -> TrackPlan:
    """Return a track to be made, or the one of those for each area."""
    options = {name: one for name, one in track.options.items() if name not in kind.variables}
    return TrackPlan(
        area or track.name or track.part,
        track.part,
        track.title,
        options | ({"area": area} if area else {}),
        {name: one for name, one in track.options.items() if name in kind.variables},
    )


def _check_tracks(kind: Kind, options: Options, *, with_files: bool) -> None:
    """Raise LibraryError with a line for each option of a track that cannot be used."""
    wrong = []
    for index, track in enumerate(kind.tracks):
        for name in track.options:
            try:
                _check_option(kind, track, name, options, with_files=with_files)
            except (RequestError, UsageError) as error:
                place = Place(kind.id, options, ("tracks", index, "options", name))
                wrong.append(f"{place}: {error}")
    if wrong:
        raise LibraryError("\n".join(wrong))


def _check_option(
    kind: Kind, track: PlaylistTrack, name: str, options: Options, *, with_files: bool
) -> None:
    """Raise RequestError if an option of a track is wrong, or needs one that is not there."""
    value = track.options[name]
    if name in kind.variables:
        _read(kind, name, value)
        return
    if name == "minutes":
        raise UsageError("is the length of all tracks together; leave it out")
    bed = track.options.get("bed", options.bed)
    beside = {} if bed in (None, "none") else {"bed": BEDS[0]}  # for the level of one
    checked = chosen({**beside, name: value})
    _check_applies(kind, name, options)
    if name == "bed" and checked.bed is not None and with_files:
        bed_file(checked.bed)


def _variables(kind: Kind, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a kind's own options; raises RequestError."""
    if given and not kind.variables:
        what = f"only applies to templates and kinds with variables; {kind.id} has none"
        raise RequestError(f"{option('variables', '--set')} {what}")
    for name in given:
        if name not in kind.variables:
            what = f"{kind.id} has no variable “{name}”{near(name, kind.variables)}"
            raise RequestError(f"{option('variables', '--set')} {name}: {what}")
    return {
        name: _read(kind, name, given.get(name, variable.default))
        for name, variable in kind.variables.items()
    }


def _read(kind: Kind, name: str, value: Value) -> Value:
    """Return the value of one of a kind's own options; raises RequestError."""
    try:
        return kind.variables[name].read(value)
    except ValueError as error:
        raise RequestError(f"{option(name)} {value}: {error}") from error
