"""A request for a kind of session + the library -> its script, and the choices for a length."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.clock import breath_s
from voiceguide.errors import RequestError, match_name, near, option
from voiceguide.library import load
from voiceguide.library.kinds import FOLDER, TEMPLATE, kind_texts, kinds
from voiceguide.options import OPTIONS
from voiceguide.script import treatment
from voiceguide.script.request import KindScript
from voiceguide.script.template import Phrases, evaluate, filled, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voiceguide.library import Library
    from voiceguide.library.kinds import Kind
    from voiceguide.options import Value
    from voiceguide.script.request import Choice, Request

CALM = "calm"
_MOST_CHOICES = 100_000


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


@dataclass(frozen=True, slots=True)
class About:
    """What a playlist is about."""

    title: str
    region: str | None
    """The region's id; None for a kind that is about itself."""
    tracks: tuple[TrackPlan, ...]
    whole: bool
    """Whether one session can have all that the tracks treat."""


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
        if OPTIONS[name].of_kinds and name not in kind.options:
            by_name = kinds(options.library_path)
            suits = ", ".join(one.id for one in by_name.values() if name in one.options)
            raise RequestError(f"{option(name)} does not apply to {kind.id}, only to {suits}")
    return Subject(kind, library, _variables(kind, options.variables))


def meant(request: Request) -> tuple[Kind, Library]:
    """Return the kind that a target means, and the library in its language.

    Raises RequestError for an unknown target; LibraryError.
    """
    folder = request.options.library_path
    by_name = kinds(folder)
    library = load(request.options.language, folder)
    themselves = [one.id for one in by_name.values() if one.about == "itself"]
    name = match_name(request.target, themselves)
    if name is not None:
        return by_name[name], library
    library.region(request.target, themselves)
    return next(one for one in by_name.values() if one.about == "region"), library


def about(request: Request) -> About:
    """Return the subject and tracks of a target's playlist; raises as ``write`` does."""
    found = subject(request)
    kind, options = found.kind, request.options
    if kind.about != "region":
        texts = kind_texts(kind, options.language, options.library_path)
        tracks = [
            TrackPlan(one.name or one.part, one.part, one.title, one.options) for one in kind.tracks
        ]
        return About(texts.name, None, tuple(tracks), whole=False)
    part = kind.tracks[0].part
    region, _, areas, _ = treatment.treatment(replace(request, part=part), found.library)
    treatment.by_area(request, found.library, areas)
    tracks = []
    for one in kind.tracks:
        if one.each is None:
            tracks.append(TrackPlan(one.name or one.part, one.part, one.title, one.options))
        else:
            tracks += [
                TrackPlan(area.id, one.part, one.title, {**one.options, "area": area.id})
                for area in areas
            ]
    return About(region.name, region.id, tuple(tracks), whole=True)


def write(request: Request, choice: Choice) -> KindScript:
    """Write the script of a session, or of the track of a playlist that its ``part`` names.

    ``choice`` overrides defaults of the kind. Raises RequestError if target and options do not fit,
    LibraryError if a phrase is missing, ScriptError if a template fails.
    """
    found = subject(request)
    kind, options = found.kind, request.options
    texts = kind_texts(kind, options.language, options.library_path)
    wording = found.library.wording.model_dump()
    wording["chapters"] |= texts.chapters
    scope = _scope(request, found)
    for name, one in kind.choices.items():
        where = f"{kind.id}/kind.toml: choices.{name}.default"
        scope[name] = choice[name] if name in choice else evaluate(one.default, scope, where)
    context = {
        **scope,
        "kind": {"id": kind.id, "name": texts.name, "summary": texts.summary},
        "wording": wording,
    }
    if kind.about == "region":
        context |= treatment.context(request, found.library, scope.get("areas", 1))
    method_id = context["method"]["id"] if kind.about == "region" else None
    said = found.library.wording.phrases | texts.phrases
    context["pick"] = phrases(said, options.seed, method_id).pick
    folders = tuple(files.script_folders(options.library_path))
    of_method = f"{FOLDER}/{kind.id}/{method_id}.ssml.jinja"
    has_one = files.find(of_method, list(folders)) is not None
    name = of_method if has_one else f"{FOLDER}/{kind.id}/{TEMPLATE}"
    where = f"{kind.id}/kind.toml: title"
    return KindScript(
        render(name, context, folders),
        filled(request.title or kind.title, context, where),
        filled(kind.album, context, where),
        texts.note,
    )


def choices(request: Request) -> list[list[Choice]]:
    """Return the choices for fitting a session to a length: lists, the best list first.

    Within a list, sessions get longer and longer: it has all values of the variables that grow.
    """
    found = subject(request)
    rules = found.kind.choices
    if not rules:
        return [[{}]]
    names = list(rules)
    first = next((at for at, name in enumerate(names) if rules[name].grows), len(names) - 1)

    def every(names: list[str], choice: Choice, scope: dict[str, Any]) -> Iterator[Choice]:
        """Return the choices with all values of ``names``, the last name changing fastest."""
        if not names:
            yield choice
            return
        name, *others = names
        where = f"{found.kind.id}/kind.toml: choices.{name}.values"
        for value in evaluate(rules[name].values, scope, where):
            yield from every(others, {**choice, name: value}, {**scope, name: value})

    def growing(choice: Choice) -> list[Choice]:
        grown = every(names[first:], choice, scope | choice)
        return list(itertools.islice(grown, _MOST_CHOICES))

    scope = _scope(request, found)
    outer = itertools.islice(every(names[:first], {}, scope), _MOST_CHOICES)
    return [growing(choice) for choice in outer]


def phrases(said: Mapping[str, list[str]], seed: int, method_id: str | None = None) -> Phrases:
    """Return the picker of a session's phrases; the seed decides their order."""
    return Phrases(said, random.Random(seed), method_id)  # noqa: S311 (no secret)


def _scope(request: Request, found: Subject) -> dict[str, Any]:
    """Return the variables for a kind's expressions."""
    options = request.options
    plain = {name: getattr(options, name) for name in OPTIONS}
    del plain["library"], plain["variables"]  # a path would lead out of the sandbox
    pace = options.pace or CALM
    scope = {**plain, **found.variables, "part": request.part}
    scope |= {"pace": pace, "breath_s": breath_s(pace), "length_s": (options.length_ms or 0) / 1000}
    if found.kind.about == "region":
        treated = treatment.treatment(request, found.library)
        scope |= {"most_areas": len(treated.areas), "least_areas": treated.least}
        scope["sides"] = len(treatment.sides(treated.areas[0], options.side))
    return scope


def _variables(kind: Kind, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a kind's own options; raises RequestError."""
    if given and not kind.variables:
        what = f"only applies to templates and kinds with variables; {kind.id} has none"
        raise RequestError(f"{option('variables', '--set')} {what}")
    for name in given:
        if name not in kind.variables:
            what = f"{kind.id} has no variable “{name}”{near(name, kind.variables)}"
            raise RequestError(f"{option('variables', '--set')} {name}: {what}")
    values: dict[str, Value] = {}
    for name, variable in kind.variables.items():
        try:
            values[name] = variable.read(given.get(name, variable.default))
        except ValueError as error:
            raise RequestError(f"{option(name)} {given.get(name)}: {error}") from error
    return values
