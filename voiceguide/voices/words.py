"""Written text -> what people say for it, before any engine: numbers, units, abbreviations.

Takes a text and its language; gives the text with “3–5 min” as “three to five minutes”. Numbers up
to twelve become words where they are touched; larger ones stay digits, which engines read better
than long words. What a language needs is in a file of its own (``words_en``, ``words_de``), and
what they share in ``amounts``. A text in another language, or without such writing, is returned as
it is.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from voiceguide.languages import primary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from voiceguide.voices.amounts import Rule

_NUMBERS = re.compile(r"[0-9½¼¾⅓⅔/]|\b[IVX]{1,4}[-–IVX]")
_OPENING = "([{\"'“„‚‘«»"
_CLOSING = ",;:!?…)]}\"'”’“‘»«"
_MOST_ROUNDS = 4


@functools.lru_cache(maxsize=4096)
def spoken(text: str, language: str) -> str:
    """Return what is said for a text: numbers, units and abbreviations as words.

    A session asks for each of its sentences several times.
    """
    tongue = _tongue(primary(language))
    if tongue is None or not (_NUMBERS.search(text) or _is_shortened(text, tongue.SHORTENED)):
        return text
    for _ in range(_MOST_ROUNDS):  # what one rule makes, an earlier one may take up
        before = text
        for pattern, said in _rules(tongue):
            text = pattern.sub(said, text)
        if text == before:
            break
    return text


def _tongue(language: str) -> ModuleType | None:
    """Return the module of a language; None where its texts stay as they are."""
    if language == "en":
        from voiceguide.voices import words_en

        return words_en
    if language == "de":
        from voiceguide.voices import words_de

        return words_de
    return None


def _is_shortened(text: str, shortened: frozenset[str]) -> bool:
    """Whether a text may have one of these abbreviations, each given up to its first period."""
    words = (word.lstrip(_OPENING) for word in text.split())
    return any(
        word.partition(".")[0].lower() in shortened
        if "." in word
        else word.strip(_CLOSING) in shortened
        for word in words
    )


@functools.cache
def _rules(tongue: ModuleType) -> Sequence[Rule]:
    """Return the rules of a language, in the order in which they are applied."""
    rules: Sequence[Rule] = tongue.rules()
    return rules
