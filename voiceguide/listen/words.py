"""What can be said to a session, in each language: commands.toml beside the texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping  # noqa: TC003 (the model is read at run time)
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator

from voiceguide import files, settings
from voiceguide.errors import RequestError, near, shortened
from voiceguide.languages import primary
from voiceguide.library.models import Model
from voiceguide.library.toml import validated

if TYPE_CHECKING:
    from collections.abc import Iterator
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
_JOINER = re.compile(r"(?<=[^\W\d_])[\u200c\u200d](?=[^\W\d_])")
"""Says how letters of Hindi or Persian are joined; nobody hears it."""


def _word(text: str) -> str:
    """Return a word or some words in NFC; raises ValueError for what cannot be heard.

    Marks belong to the letters before them: vowels of Hindi or Thai, say.
    """
    text = unicodedata.normalize("NFC", text)
    bare = "".join(one for one in text if not unicodedata.category(one).startswith("M"))
    if len(text) > _LONGEST or not _WORD.fullmatch(_JOINER.sub("", bare)):
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


def own_words() -> dict[Command, list[str]]:
    """Return what the listener says besides, by what it does: the table “words” of the settings.

    Raises UsageError with a line for each mistake.
    """
    table = settings.own_words()
    settings.check(_mistakes(table))
    return {name: [*map(_word, table[name])] for name in get_args(Command) if name in table}


def _mistakes(table: Any) -> Iterator[settings.Mistake]:
    """Return what is wrong in the table of the listener's own words."""
    names = get_args(Command)
    lists = 'lists of words, such as stop = ["enough"]'
    if not isinstance(table, dict):
        yield (settings.WORDS,), f"{settings.WORDS} must be a table with {lists}"
        return
    for name, said in table.items():
        at, called = (settings.WORDS, name), f"[{settings.WORDS}] {shortened(name)}"
        if name not in names:
            hint = near(name, names) or f"; available: {', '.join(names)}"
            yield at, f"[{settings.WORDS}] unknown command “{shortened(name)}”{hint}"
        elif not isinstance(said, list) or not all(isinstance(word, str) for word in said):
            yield at, f"{called}: write {lists}"
        else:
            for number, word in enumerate(said):
                try:
                    _word(word)
                except ValueError as error:
                    yield (*at, number), f"{called}: {error}"


def _with_own(known: Commands) -> Commands:
    commands = dict(known.commands)
    for name, said in own_words().items():
        commands[name] = [*commands.get(name, []), *said]
    if sum(map(len, commands.values())) > _MOST:
        what = f"[{settings.WORDS}] more than {_MOST} are not told apart"
        settings.check([((settings.WORDS,), what)])
    return known.model_copy(update={"commands": commands})
