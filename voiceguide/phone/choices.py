"""What can be chosen, and the page on which it is chosen.

Both are made from the library, the kinds of session and the options, once for each state of their
files.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from voiceguide import __version__, export, files, lengths, library, mixer, settings
from voiceguide.clock import PACES
from voiceguide.errors import RequestError
from voiceguide.export import cover
from voiceguide.languages import primary
from voiceguide.library import kinds
from voiceguide.listen.words import words
from voiceguide.phone import form
from voiceguide.voices import best, clip

if TYPE_CHECKING:
    from collections.abc import Collection

PAGE = Path(__file__).with_name("page")
"""The folder of the page's files."""

MODULES = tuple(sorted(path.name for path in PAGE.glob("*.js")))
"""The files of the page's program."""

SERVED_ONLY, PUBLISHED_ONLY = ("options.js",), ("site.js",)
"""Those that only one of the two needs: a page that is served, or a published one."""

_BODY = Path(cover.__file__).with_name("body.svg")


def as_json(language: str) -> str:
    """Return what can be chosen in a language; raises RequestError for one that is not there."""
    return _choices(language, _state())


def page(language: str) -> str:
    """Return the page in a language; raises UsageError for a mistake in the settings file."""
    return _served(language, _state(), json.dumps(form.starting_values(language)))


def published(language: str, subjects: Collection[str], own: Path | None, **given: Any) -> str:
    """Return the page of a published site, which offers nothing but ``subjects``.

    These are regions and kinds, also those in the folder ``own``; ``given`` is what the template
    needs to know of the site.
    """
    offered = json.loads(_choices(language, _state(), own))
    for name in ("regions", "kinds"):
        offered[name] = [
            one for one in offered[name] if one["id"] in subjects or one.get("about") == "region"
        ]
    modules = [name for name in MODULES if name not in ("page.js", *SERVED_ONLY)]
    return _html(language, offered, modules, texts=said(language), starting_values={}, **given)


def said(language: str) -> dict[str, Any]:
    """Return the texts of a published site in a language."""
    found = texts()[language]
    return {**found, **found["published"]}


def stamp() -> str:
    """Return a digest of all that decides how a session sounds, besides its options.

    That includes the voices that speak if none is named: one that is installed later is another.
    """
    digest = hashlib.blake2b(digest_size=16)
    speaking = [(one, voice.id, voice.size_bytes) for one, voice in best.voices().items()]
    digest.update(repr(sorted(speaking)).encode())
    digest.update(repr((__version__, clip.VERSION, mixer.VERSION, export.VERSION)).encode())
    for folder in [*files.folders("scripts"), *files.folders("sounds")]:
        digest.update(repr(files.states(folder)).encode())
    return digest.hexdigest()


def _state() -> str:
    """Return what tells one state of the library and the listener's own words from another."""
    return f"{stamp()} {settings.own_words()}"


@functools.cache
def texts() -> dict[str, Any]:
    """Return the texts of the page by language."""
    return tomllib.loads((PAGE / "texts.toml").read_text("utf-8"))


def language(accepted: str) -> str:
    """Return the language of the page: the first of an Accept-Language header that it knows."""
    known = texts()
    ranked: list[tuple[float, int, str]] = []
    for place, entry in enumerate(accepted.split(",")[:30]):
        tag, _, weight = entry.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, primary(tag)))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(ranked) if tag in known), library.REFERENCE)


def _commands(language: str, own: Path | None) -> dict[str, list[str]]:
    """Return what can be said to a session; nothing in a language in which nobody is understood."""
    try:
        return {name: list(said) for name, said in words(language, own).commands.items()}
    except RequestError:
        return {}


@functools.lru_cache(maxsize=16)
def _choices(language: str, _state: str, own: Path | None = None) -> str:
    texts = library.load(language, own)
    lasting = lengths.natural_ms(texts)
    return json.dumps(
        {
            "language": language,
            "commands": _commands(language, own),
            "languages": {
                one: library.load(one, own).wording.language_name for one in library.languages(own)
            },
            "kinds": [
                {
                    "id": kind.id,
                    "name": named.name,
                    "summary": named.summary,
                    "about": kind.about,
                    "options": form.suiting(kind),
                    "track_options": form.of_tracks(kind),
                }
                for kind, named in kinds.listed(language, own)
            ],
            "methods": [
                {
                    "id": one.id,
                    "name": one.name,
                    "summary": one.summary,
                    "gentle": one.gentle,
                    "prepares": one.prepares,
                }
                for one in texts.methods.values()
            ],
            "regions": [
                {
                    "id": region.id,
                    "name": region.name,
                    "summary": region.summary,
                    "natural_ms": lasting.get(region.id),
                    "areas": [
                        {
                            "id": area.id,
                            "name": area.name,
                            "two_sided": area.two_sided,
                            "methods": list(area.place),
                        }
                        for area in region.areas
                    ],
                }
                for region in sorted(texts.regions(), key=lambda one: one.name)
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


@functools.lru_cache(maxsize=4)
def _served(language: str, state: str, starting_values: str) -> str:
    said = texts()[language]
    fields = list(form.fields(said, (kind for kind, _ in kinds.listed(language))))
    return _html(
        language,
        json.loads(_choices(language, state)),
        [name for name in MODULES if name not in ("page.js", *PUBLISHED_ONLY)],
        texts={name: text for name, text in said.items() if name != "published"},
        starting_values=json.loads(starting_values),
        first=[field for field in fields if field.place == "first"],
        more=[field for field in fields if field.place == "more"],
        paces=list(PACES),
        addresses={tag: f"?language={tag}" for tag in texts()},
        root="",
        site=None,
        embedded=False,
    )


def _html(language: str, choices: dict[str, Any], modules: list[str], **given: Any) -> str:
    body = re.sub(r"<!--.*?-->\s*|xmlns=\S+ ", "", _BODY.read_text("utf-8"), flags=re.DOTALL)
    return filled(
        "index.html.jinja",
        language=language,
        languages={tag: one["name"] for tag, one in texts().items()},
        choices=choices,
        modules=modules,
        body=body,
        **given,
    )


def filled(template: str, **given: Any) -> str:
    """Return one of the page's templates, filled in."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(**given)
