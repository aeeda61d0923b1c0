"""What a listener has chosen for all sessions: the settings file and the environment.

Both give options of the model by name. The environment overrides the settings file; options given
with a session override both.
"""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.errors import UsageError
from voiceguide.languages import primary
from voiceguide.options import BEDS, DEFAULTS, OPTIONS, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SETTINGS = "settings.toml"
_WORDS = "words"
"""The table of what is said to a session."""
_VARIABLE = "VOICEGUIDE_"


def path() -> Path:
    """Return where the listener's settings are kept."""
    return files.config_folder() / _SETTINGS


def in_file(language: str | None = None) -> dict[str, Any]:
    """Return the options that the settings file gives for a language; none without a file.

    ``language`` is the one asked for; without it, the file may name one. A table with the name of a
    language only applies to sessions in that language. Raises UsageError that names what is wrong
    in the file.
    """
    file, written = path(), _written()
    tables = {
        name: value
        for name, value in written.items()
        if isinstance(value, dict) and name not in ("variables", _WORDS)
    }
    kept = {name: value for name, value in written.items() if name not in (*tables, _WORDS)}
    language = language or str(kept.get("language", DEFAULTS["language"]))
    kept |= tables.get(language, tables.get(primary(language), {}))
    for part in (*tables.values(), kept):
        try:
            chosen({"bed": BEDS[0], **part})  # the level is for whenever there is a bed
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from error
    return kept


def own_words() -> dict[str, list[str]]:
    """Return what the listener says to ``play --listen``, by what it does; the table “words”.

    Raises UsageError that names what is wrong in the file.
    """
    table = _written().get(_WORDS, {})
    lists = table.values() if isinstance(table, dict) else [None]
    for words in lists:
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise UsageError(f'{path()}: {_WORDS}: write lists of words, such as stop = ["enough"]')
    return dict(table)


def _written() -> dict[str, Any]:
    """Return what the settings file says; nothing without a file."""
    file = path()
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: is not valid TOML: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{file}: has lists or tables nested too deeply") from error
    except ValueError as error:  # Python's limit for whole numbers
        raise UsageError(f"{file}: has a number with too many digits") from error


def combined(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options: those given, otherwise from the environment, otherwise from the file."""
    around = in_environment()
    language = given.get("language") or around.get("language")
    values = {**in_file(language), **around, **given}
    if not values.get("bed") and "bed_level" not in given:
        values.pop("bed_level", None)
    return values


def in_environment() -> dict[str, Any]:
    """Return the options that environment variables give: VOICEGUIDE_SIDE=left."""
    return {
        name: os.environ[variable_of(name)]
        for name in OPTIONS
        if name != "variables" and os.environ.get(variable_of(name))
    }


def variable_of(name: str) -> str:
    """Return the environment variable of an option."""
    return f"{_VARIABLE}{name.upper()}"
