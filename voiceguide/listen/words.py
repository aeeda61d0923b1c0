"""What can be said to a session, in each language: commands.toml beside the texts."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 (the model is read at run time)
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import AfterValidator

from voiceguide import files, settings
from voiceguide.errors import RequestError, UsageError, shortened
from voiceguide.languages import primary
from voiceguide.library.models import Model
from voiceguide.library.toml import validated

if TYPE_CHECKING:
    from pathlib import Path

NAME = "commands.toml"
Command = Literal[
    "pause", "go_on", "next", "back", "repeat", "longer", "shorter", "louder", "softer", "stop",
    "how_long", "better", "same", "worse",
]  # fmt: skip
"""What can be asked for."""
_LONGEST = 40
_MOST = 100
_WORD = re.compile(r"[^\W\d_](?:[\w '’-]*\w)?")


def _word(text: str) -> str:
    """Return a word or some words as they are; raises ValueError for what cannot be heard."""
    if len(text) > _LONGEST or not _WORD.fullmatch(text):
        raise ValueError(f"“{shortened(text)}” must be words, of {_LONGEST} letters at most")
    return text


Word = Annotated[str, AfterValidator(_word)]


class Answers(Model):
    """What the voice answers."""

    let_go: str
    """After “stop”."""
    left: str
    """After “how long”; {minutes} are what is left of the session, rounded up."""
    better: str = ""
    """When a spot feels better, and the session goes on."""
    same: str = ""
    """When it feels the same, and gets another round."""
    worse: str = ""
    """When it feels worse, and the closing words follow."""


class Commands(Model):
    """The words of a language."""

    commands: Mapping[Command, list[Word]]
    """By what they do."""
    others: list[Word]
    """What is also said in a room; a sound that is more like one of these is no command."""
    answers: Answers


def words(language: str, own: Path | None = None) -> Commands:
    """Return the words of a language (BCP 47), and those of the settings file besides.

    ``own`` is the listener's library. Raises RequestError if nobody can be understood in the
    language, LibraryError or UsageError for a file that is wrong.
    """
    for name in dict.fromkeys((language, primary(language))):
        path = files.find(f"{name}/{NAME}", files.script_folders(own))
        if path is not None:
            return _with_own(validated(Commands, path))
    raise RequestError(
        f"nothing that is said in “{language}” is understood: leave out --listen, or write "
        f"{language}/{NAME} in a library of your own"
    )


def _with_own(known: Commands) -> Commands:
    commands = dict(known.commands)
    names = {name: name for name in get_args(Command)}
    for name, said in settings.own_words().items():
        if name not in names:
            what = f"{settings.path()}: words: “{name}” is none of {', '.join(names)}"
            raise UsageError(what)
        try:
            commands[names[name]] = [*commands.get(names[name], []), *map(_word, said)]
        except ValueError as error:
            raise UsageError(f"{settings.path()}: words.{name}: {error}") from error
    if sum(map(len, commands.values())) > _MOST:
        raise UsageError(f"{settings.path()}: words: more than {_MOST} are not told apart")
    return known.model_copy(update={"commands": commands})
