"""What a listener has chosen for all sessions: the settings file and the environment.

Both give options of the model by name. The environment overrides the settings file; options given
with a session override both.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.errors import LibraryError, UsageError
from voiceguide.languages import primary
from voiceguide.options import BEDS, DEFAULTS, OPTIONS, chosen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_SETTINGS = "settings.toml"
WORDS = "words"
"""The table of what is said to a session."""
_VARIABLE = "VOICEGUIDE_"

Mistake = tuple[tuple[str | int, ...], str]
"""Where something in the settings file is wrong, from the outermost key on, and what."""


def path() -> Path:
    """Return where the listener's settings are kept."""
    return files.config_folder() / _SETTINGS


def in_file(language: str | None = None) -> dict[str, Any]:
    """Return the options that the settings file gives for a language; none without a file.

    ``language`` is the one asked for; without it, the file may name one. A table with the name of a
    language only applies to sessions in that language. Raises UsageError with a line for
    each mistake: file, line, table, and what is wrong.
    """
    written = _written()
    tables = {
        name: value
        for name, value in written.items()
        if isinstance(value, dict) and name not in ("variables", WORDS)
    }
    kept = {name: value for name, value in written.items() if name not in (*tables, WORDS)}
    wrong: list[Mistake] = [((name,), what) for name, what in _mistakes(kept)]
    wrong += [
        ((name, key), f"[{name}] {what}")
        for name, table in tables.items()
        for key, what in _mistakes(table)
    ]
    check(wrong)
    language = language or str(kept.get("language", DEFAULTS["language"]))
    return kept | tables.get(language, tables.get(primary(language), {}))


def check(wrong: Iterable[Mistake]) -> None:
    """Raise UsageError with the line of each mistake in the settings file, if there are any."""
    mistakes = list(wrong)
    if mistakes:
        from voiceguide.library.toml import line_of, places  # slow to load

        file = path()
        root = places(_text(file) or "")
        lines = sorted((line_of(root, loc), what) for loc, what in mistakes)
        raise UsageError("\n".join(f"{file}:{line}: {what}" for line, what in lines))


def _mistakes(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the name of each option that is wrong, and what is wrong with it."""
    for name, value in values.items():
        try:
            chosen({"bed": BEDS[0], name: value})  # the level is for whenever there is a bed
        except UsageError as error:
            yield name, str(error)


def own_words() -> Any:
    """Return what the file has as the table “words”, unchecked: see ``listen.words``."""
    return _written().get(WORDS, {})


def _written() -> dict[str, Any]:
    """Return what the settings file says; nothing without a file."""
    file = path()
    text = _text(file)
    if text is None:
        return {}
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return _told_wrong(text, file)


def _told_wrong(text: str, file: Path) -> dict[str, Any]:
    """Raise UsageError that says where a text is not TOML."""
    from voiceguide.library.toml import parsed  # slow to load

    try:
        return parsed(text, file)
    except LibraryError as error:
        raise UsageError(str(error)) from error


def _text(file: Path) -> str | None:
    """Return the text of the settings file; None without a file."""
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8; save it as UTF-8") from error


def combined(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options: those given, otherwise from the environment, otherwise from the file."""
    around = in_environment(given)
    language = given.get("language") or around.get("language")
    values = {**in_file(language), **around, **given}
    if not values.get("bed") and "bed_level" not in given:
        values.pop("bed_level", None)
    return values


def library(language: str | None = None) -> Path | None:
    """Return the library of texts that is set for a language; raises UsageError as ``combined``."""
    named = combined({"language": language} if language else {}).get("library")
    return Path(named) if named else None


def in_environment(given: Collection[str] = ()) -> dict[str, Any]:
    """Return the options that environment variables give: VOICEGUIDE_SIDE=left.

    Those that are ``given`` with the session are left out. Raises UsageError that names each
    variable that is wrong.
    """
    around = {
        name: os.environ[variable_of(name)]
        for name in OPTIONS
        if name not in ("variables", *given) and os.environ.get(variable_of(name))
    }
    wrong = [
        f"{variable_of(name)}={what.removeprefix(f'{name} ')}" for name, what in _mistakes(around)
    ]
    if wrong:
        raise UsageError("\n".join(wrong))
    return around


def variable_of(name: str) -> str:
    """Return the environment variable of an option."""
    return f"{_VARIABLE}{name.upper()}"
