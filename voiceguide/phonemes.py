"""How words sound: IPA, and espeak-ng's own signs (mnemonics) for it.

A text whose words are given in IPA has them in double brackets: "[[kloʊz]] your eyes".
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

from voiceguide.languages import primary

_ESPEAK = {
    "b": "b", "d": "d", "f": "f", "h": "h", "j": "j", "k": "k", "l": "l", "m": "m", "n": "n",
    "p": "p", "s": "s", "t": "t", "v": "v", "w": "w", "x": "x", "z": "z", "ɡ": "g", "g": "g",
    "ŋ": "N", "ʃ": "S", "ʒ": "Z", "θ": "T", "ð": "D", "ç": "C", "ʔ": "?", "tʃ": "tS", "dʒ": "dZ",
    "ɹ": "r", "r": "r", "ɾ": "r", "ʁ": "r", "ʀ": "r", "ɻ": "r", "ɫ": "l", "ʎ": "l^", "ɲ": "n^",
    "a": "a", "aː": "a:", "ɑ": "A", "ɑː": "A:", "æ": "a", "ɐ": "a#", "e": "e", "eː": "e:",
    "ɛ": "E", "ɛː": "E:", "ə": "@", "ɜ": "3", "ɜː": "3:", "i": "i", "iː": "i:", "ɪ": "I",
    "o": "o", "oː": "o:", "ɔ": "O", "ɔː": "O:", "ɒ": "0", "u": "u", "uː": "u:", "ʊ": "U",
    "ʌ": "V", "y": "y", "yː": "y:", "ʏ": "y", "ø": "Y", "øː": "Y:", "œ": "W", "œː": "W:",
    "aɪ": "aI", "aʊ": "aU", "ɔɪ": "OI", "eɪ": "eI", "oʊ": "oU",
    "n̩": "n-", "l̩": "@L", "m̩": "m", "ɑ̃": "A~", "ã": "A~", "ɔ̃": "O~", "õ": "O~", "ɛ̃": "E~",
    "ˈ": "'", "ˌ": ",", " ": " ",
    "ː": "", "ˑ": "", ".": "", "ʰ": "", "ʲ": "", "̯": "", "̩": "", "̃": "",
}  # fmt: skip
"""The signs that all voices of espeak-ng 1.52 share; what has no sign of its own gets the nearest.

Each was checked by having espeak-ng print the mnemonic in IPA again (tests/test_lexicon.py)."""
_ESPEAK_OF = {
    "en": {
        "ɑ": "A:", "ɑːɹ": "A@", "ɔːɹ": "O@", "e": "E", "o": "oU", "u": "u:", "ɜ": "3:", "ɚ": "3",
        "ɝ": "3:", "ɝː": "3:", "əʊ": "oU", "ɪə": "i@", "eə": "e@", "ɛə": "e@", "ʊə": "U@",
        "əl": "@L", "l̩": "@L", "ɾ": "t#", "t̬": "t#", "ᵻ": "I#", "ʍ": "w", "aː": "A:",
    },
    "de": {
        "aː": "A:", "e": "e:", "i": "i:", "o": "o:", "u": "u:", "y": "y:", "ø": "Y:", "ɐ": "3",
        "ɐ̯": "r", "i̯": "j", "u̯": "w", "ɔʏ": "OY", "ɔɪ": "OY", "ɔø": "OY", "n̩": "n-",
        "l̩": "@l", "m̩": "@m", "æ": "E", "ʌ": "a", "ɹ": "r", "ɒ": "O", "əʊ": "o:", "oʊ": "o:",
        "eɪ": "e:", "θ": "s", "ð": "z", "w": "v",
    },
}  # fmt: skip
"""What is different in a language."""
_IPA_OF = {
    "A@": "ɑːɹ", "O@": "ɔːɹ", "o@": "ɔːɹ", "e@": "ɛɹ", "i@": "iə", "i@3": "ɪɹ", "U@": "ʊɹ",
    "aI@": "aɪə", "aI3": "aɪɚ", "aU@": "aʊɚ", "I2": "ɪ", "I#": "ᵻ", "@2": "ə", "@5": "ʊ",
    "@-": "ə", "@r": "ɚ", "E#": "ɛ", "E2": "ɛ", "a#": "ɐ", "r-": "ɹ", "R": "r", "t2": "t",
    "OY": "ɔʏ", "y": "ʏ", "2": "ø", "2:": "øː", "V:": "ʌː", "L": "l",
    "''": "ˈ", "'": "ˈ", ",": "ˌ", "%": "", "=": "", "|": "", "_": "", ":": "", ";": "", "!": "",
    "-": "", " ": " ",
}  # fmt: skip
"""Mnemonics that are only read: variants, separators and pauses."""

_MARKED = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_TIES = re.compile("[\u0361\u035c‿]")


class Span(NamedTuple):
    """A part of a text in which words are given in IPA."""

    text: str
    is_ipa: bool


def parts(text: str) -> list[Span]:
    """Split a text at its double brackets, whose contents are IPA: "[[kloʊz]] your eyes"."""
    split = enumerate(_MARKED.split(text))
    return [Span(part, bool(index % 2)) for index, part in split if part]


def marked(ipa: str) -> str:
    """Return IPA as it stands in a text."""
    return f"[[{ipa}]]"


def unknown(ipa: str) -> str:
    """Return the signs in ``ipa`` that are none of IPA, or that are not supported."""
    return "".join(sign for sign, known in _read(ipa, _signs("")) if known is None)


def for_espeak(text: str, language: str) -> str:
    """Return a text with IPA in double brackets with espeak-ng's mnemonics there instead.

    Signs that are unknown are left out.
    """
    signs = _signs(primary(language))

    def mnemonics(match: re.Match[str]) -> str:
        known = [one for _, one in _read(match[1], signs) if one]
        return marked("|".join(known).replace("| |", " "))  # the | keeps "t" and "S" apart

    return _MARKED.sub(mnemonics, text)


def from_espeak(mnemonics: str, language: str) -> str | None:
    """Return espeak-ng's mnemonics in IPA; None if one of them is unknown."""
    ipa = [one for _, one in _read(mnemonics, _mnemonics(primary(language)))]
    return None if None in ipa else "".join(filter(None, ipa))


def _read(text: str, signs: dict[str, str]) -> list[tuple[str, str | None]]:
    """Split a text into signs, the longest that are known; return each with its counterpart."""
    text = _TIES.sub("", unicodedata.normalize("NFC", text))
    longest = max(map(len, signs))
    found: list[tuple[str, str | None]] = []
    at = 0
    while at < len(text):
        for length in range(longest, 0, -1):
            sign = text[at : at + length]
            if sign in signs or length == 1:
                found.append((sign, signs.get(sign)))
                at += len(sign)
                break
    return found


@functools.cache
def _signs(language: str) -> dict[str, str]:
    every = {sign: one for of in _ESPEAK_OF.values() for sign, one in of.items()}
    known = _ESPEAK | _ESPEAK_OF[language] if language in _ESPEAK_OF else every | _ESPEAK
    return {unicodedata.normalize("NFC", sign): one for sign, one in known.items()}


@functools.cache
def _mnemonics(language: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for sign, mnemonic in (*_ESPEAK.items(), *_ESPEAK_OF.get(language, {}).items()):
        known.setdefault(mnemonic, sign)
    usual = {"a": "æ", "r": "ɹ", "oU": "oʊ", "A:": "ɑː", "3": "ɚ", "3:": "ɜː", "E": "ɛ"}
    return known | _IPA_OF | (usual if language == "en" else {"r": "ʁ"} if language == "de" else {})
