"""A lexicon: how words sound, where an engine would say them wrong.

An entry is a word or a phrase, with its sound in IPA or with other words to say. It matches whole
words: in lower case it matches any case, with a capital only the same spelling ("Weg", but not
"weg"). The longest entry wins. A phrase may give the sound of its first words only; the others
just have to follow: "close to" = "kloʊs".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field

from voiceguide.library.models import Mistake, Model
from voiceguide.phonemes import marked, parts, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "lexicon.toml"

_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[^\w\s]|_")


class Entry(NamedTuple):
    """What is said for a word or phrase."""

    written: str
    said: str
    """IPA, or other words."""
    is_ipa: bool
    first: int | None = None
    """How many of the first words it is said for; None for all."""


class Lexicon:
    """Entries, found by their words."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Take entries; of several for the same words, the first wins."""
        self.entries = tuple(entries)
        found: dict[str, list[tuple[list[str], Entry]]] = {}
        known: set[tuple[str, ...]] = set()
        for entry in self.entries:
            tokens = _TOKEN.findall(entry.written)
            if tokens and tuple(tokens) not in known:
                known.add(tuple(tokens))
                found.setdefault(tokens[0].lower(), []).append((tokens, entry))
        for same in found.values():
            same.sort(key=lambda one: -len(one[0]))
        self._found = found
        self._applied = functools.lru_cache(maxsize=4096)(self._replaced)

    def applied(self, text: str) -> str:
        """Return a text with its words in IPA, in double brackets, and with aliases."""
        return self._both(text, is_ipa=True)

    def aliased(self, text: str) -> str:
        """Return a text with aliases only."""
        return self._both(text, is_ipa=False)

    def _both(self, text: str, *, is_ipa: bool) -> str:
        """Replace the words that are not in double brackets yet; aliases may be in IPA too."""
        if not self._found:
            return text
        for kind in (False, True) if is_ipa else (False,):
            text = "".join(
                marked(part.text) if part.is_ipa else self._applied(part.text, kind)
                for part in parts(text)
            )
        return text

    def _replaced(self, text: str, is_ipa: bool) -> str:
        tokens = list(_TOKEN.finditer(text))
        words = [token[0] for token in tokens]
        made: list[str] = []
        done = at = 0
        while at < len(words):
            count, said = self._entry(words, at, is_ipa=is_ipa)
            if count:
                made += [text[done : tokens[at].start()], said]
                done = tokens[at + count - 1].end()
            at += count or 1
        return "".join((*made, text[done:]))

    def _entry(self, words: list[str], at: int, *, is_ipa: bool) -> tuple[int, str]:
        """Return how many words from ``at`` on an entry replaces, and by what; 0 for none."""
        for tokens, entry in self._found.get(words[at].lower(), ()):
            if entry.is_ipa != is_ipa:
                continue
            following = words[at : at + len(tokens)]
            if entry.written == entry.written.lower():
                following = [word.lower() for word in following]
            if following == tokens:
                return entry.first or len(tokens), marked(entry.said) if is_ipa else entry.said
        return 0, ""


def _words(text: str) -> str:
    if not any(char.isalnum() for char in text):
        raise ValueError("has no word")
    if "[[" in text or "]]" in text:
        raise ValueError("has double brackets, which mark phonemes")
    return text


def _ipa(text: str) -> str:
    wrong = unknown(text)
    if wrong:
        raise ValueError(f"“{wrong[0]}” is not a sign of IPA that is known here")
    return " ".join(_words(text).split())


_Words = Annotated[str, AfterValidator(_words), Field(max_length=200)]
_Ipa = Annotated[str, AfterValidator(_ipa), Field(max_length=200)]


class LexiconFile(Model):
    """The contents of lexicon.toml."""

    phonemes: dict[_Words, _Ipa] = Field(default_factory=dict)
    """By word or phrase, in IPA."""
    aliases: dict[_Words, _Words] = Field(default_factory=dict)
    """By word or phrase, what to say instead."""

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return where the phonemes have more words than what is written."""
        phonemes = data.get("phonemes")
        for written, ipa in phonemes.items() if isinstance(phonemes, Mapping) else ():
            if isinstance(ipa, str) and len(ipa.split()) > len(_TOKEN.findall(written)):
                yield ("phonemes", written), "has fewer words than its phonemes"

    @property
    def entries(self) -> list[Entry]:
        """The entries of both kinds."""
        return [
            *(
                Entry(written, ipa, is_ipa=True, first=len(ipa.split()))
                for written, ipa in self.phonemes.items()
            ),
            *(Entry(written, said, is_ipa=False) for written, said in self.aliases.items()),
        ]
