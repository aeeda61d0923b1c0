"""Words of any language -> how they sound and are spelled in English, which the models know.

Both come from what espeak-ng makes of a word in IPA, sign by sign. Of German commands in made-up
rooms, 94 to 97 % are understood so in silence; with one way to say each sign, and the spelling of
German, it was 78 to 81 % (tests/benchmarks/bench_listen.py).
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from voiceguide.voices.espeak import Espeak

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENGLISH = {
    "b": "b B", "d": "d D", "f": "f F", "h": "h HH", "j": "y Y", "k": "k K|G", "l": "l L|OY",
    "m": "m M", "n": "n N", "p": "p P", "s": "s S", "t": "t T|D", "v": "v V", "w": "w W",
    "x": "ck HH|K", "z": "z Z", "ɡ": "g G", "ŋ": "ng NG", "ʃ": "sh SH|CH", "ʒ": "zh ZH",
    "θ": "th TH", "ð": "th DH", "ç": "sh SH|HH", "tʃ": "ch CH", "dʒ": "j JH", "ɹ": "r R",
    "r": "r R|W", "ʁ": "r R|W", "ɾ": "r D|R", "pf": "pf P F", "ts": "ts T S",
    "a": "a AA", "aː": "ah AA", "ɑ": "a AA", "ɑː": "ah AA", "æ": "a AE", "ɐ": "a AH", "e": "ay EY",
    "eː": "ay EY", "ɛ": "e EH|IH", "ɛː": "e EH", "ə": "a AH|AH T", "ɜ": "a AH|AA", "ɜː": "er ER",
    "ɚ": "er ER", "i": "ee IY", "iː": "ee IY", "ɪ": "i IH|IY", "ᵻ": "i IH", "o": "o OW",
    "oː": "o OW", "ɔ": "o AO|OW", "ɔː": "o AO", "ɒ": "o AO", "u": "oo UW", "uː": "oo UW",
    "ʊ": "oo UH", "ʌ": "u AH", "y": "oo IY", "yː": "oo UW", "ʏ": "u IH|Y UW", "ø": "er ER",
    "øː": "er ER", "œ": "er EH", "œː": "er ER", "aɪ": "i AY", "aʊ": "ou AW", "ɔɪ": "oy OY",
    "ɔʏ": "oy OY", "ɔø": "oy OY", "eɪ": "ay EY", "oʊ": "o OW", "əʊ": "o OW",
}  # fmt: skip
"""How each sign of IPA is spelled, and the phonemes (of CMUdict) that it is taken for.

Of those that English lacks, the nearest. The second ways were found one sign at a time, with the
voices of the benchmark; those that half of them would choose help the other half as much."""
_SIGN = re.compile("|".join(sorted(_ENGLISH, key=len, reverse=True)))


def sounds(words: str, language: str, most: int) -> list[str]:
    """Return so many ways at most in which words are heard, in phonemes of CMUdict.

    The likeliest is the first; there is none if the words have no sound. Raises VoiceError if
    espeak-ng does not know the language (BCP 47).
    """
    ways = [_ENGLISH[sign].partition(" ")[2].split("|") for sign in _signs(words, language)]
    return list(dict.fromkeys(itertools.islice(_ways(ways), most))) if ways else []


def _ways(ways: list[list[str]]) -> Iterator[str]:
    """Yield each choice of one way for each sign, those first that have most of the first ones."""
    unsure = [at for at, way in enumerate(ways) if len(way) > 1]
    for others in range(len(unsure) + 1):
        for places in itertools.combinations(unsure, others):
            yield " ".join(way[at in places] for at, way in enumerate(ways))


def spelled(words: str, language: str) -> str:
    """Return words as somebody would spell them who hears them, and knows English only.

    It is "" if they have no sound. Raises VoiceError if espeak-ng does not know the language
    (BCP 47).
    """
    parts = (
        "".join(_ENGLISH[sign].partition(" ")[0] for sign in _signs(word, language))
        for word in words.split()
    )
    return " ".join(filter(None, parts))


def _signs(words: str, language: str) -> list[str]:
    return _SIGN.findall(Espeak().ipa(words, language))
