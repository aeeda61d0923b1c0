"""A request for a kind of session + the library -> its script, and the choices for a length."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.clock import breath_s
from voiceguide.errors import LibraryError
from voiceguide.library.kinds import FOLDER, TEMPLATE, texts_file
from voiceguide.library.kinds import said as said_by
from voiceguide.options import OPTIONS
from voiceguide.script import treatment
from voiceguide.script.request import KindScript
from voiceguide.script.subject import Place, Subject, subject
from voiceguide.script.template import Missing, Phrases, evaluate, filled, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from voiceguide.library.kinds import Kind, KindTexts
    from voiceguide.script.request import Choice, Request

CALM = "calm"
_MOST_CHOICES = 100_000


def write(request: Request, choice: Choice) -> KindScript:
    """Write the script of a session, or of the track of a playlist that its ``part`` names.

    ``choice`` overrides defaults of the kind. Raises RequestError if target and options do not fit,
    LibraryError if a phrase is missing, ScriptError if a template fails.
    """
    found = subject(request)
    kind, options = found.kind, request.options
    texts = said_by(kind, options.language, options.library_path)
    wording = found.library.wording.model_dump()
    own_texts = texts_file(kind, options.language, options.library_path)
    wording["chapters"] = _Chapters(
        wording["chapters"] | texts.chapters, own_texts or found.library.file("phrases.toml")
    )
    scope = _scope(request, found)
    for name, one in kind.choices.items():
        where = Place(kind.id, options, ("choices", name, "default"))
        scope[name] = choice[name] if name in choice else evaluate(one.default, scope, where)
    context = {
        **scope,
        "kind": {"id": kind.id, "name": texts.name, "summary": texts.summary},
        "wording": wording,
    }
    if kind.about == "region":
        context |= treatment.context(request, found.library, scope.get("areas", 1))
    method_id = context["method"]["id"] if kind.about == "region" else None
    context["pick"] = _phrases(request, found, texts, method_id).pick
    folders = tuple(files.script_folders(options.library_path))
    of_method = f"{FOLDER}/{kind.id}/{method_id}.ssml.jinja"
    has_one = files.find(of_method, list(folders)) is not None
    name = of_method if has_one else f"{FOLDER}/{kind.id}/{TEMPLATE}"
    titled = _title_place(request, kind)
    return KindScript(
        render(name, context, folders),
        filled(request.title or kind.title, context, titled),
        filled(kind.album, context, Place(kind.id, options, ("album",))),
        texts.note,
    )


class _Chapters(dict[str, Any]):
    """The titles of chapters by name; where one is used that is missing, its file is told."""

    def __init__(self, titles: Mapping[str, str], file: Path) -> None:
        super().__init__(titles)
        self._file = file

    def __missing__(self, name: str) -> Missing:
        what = f"{self._file}: chapters.{name} is missing, but a template needs it"
        return Missing(what, exc=LibraryError)  # type: ignore[arg-type] # any exception will do


def _phrases(request: Request, found: Subject, texts: KindTexts, method_id: str | None) -> Phrases:
    """Return the picker of the phrases of the language and the kind."""
    options, shared = request.options, found.library.wording.phrases
    shared_file = found.library.file("phrases.toml")
    own_file = texts_file(found.kind, options.language, options.library_path)
    if own_file is None or (found.kind.about == "region" and not texts.phrases):
        own_file = shared_file  # all its phrases are those of the language

    files_of = dict.fromkeys(shared, shared_file) | dict.fromkeys(texts.phrases, own_file)
    return Phrases(
        shared | texts.phrases, options.seed, lambda key: files_of.get(key, own_file), method_id
    )


def _title_place(request: Request, kind: Kind) -> Place:
    """Return where the title of a session or of a track is written."""
    for index, track in enumerate(kind.tracks):
        if track.title == request.title:
            return Place(kind.id, request.options, ("tracks", index, "title"))
    return Place(kind.id, request.options, ("title",))


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
        where = Place(found.kind.id, request.options, ("choices", name, "values"))
        for value in evaluate(rules[name].values, scope, where):
            yield from every(others, {**choice, name: value}, {**scope, name: value})

    def growing(choice: Choice) -> list[Choice]:
        grown = every(names[first:], choice, scope | choice)
        return list(itertools.islice(grown, _MOST_CHOICES))

    scope = _scope(request, found)
    outer = itertools.islice(every(names[:first], {}, scope), _MOST_CHOICES)
    return [growing(choice) for choice in outer]


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
