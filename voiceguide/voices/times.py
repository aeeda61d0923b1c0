"""When each word is said: from a voice's sounds to words as they are said, and as they are written.

An engine knows when each sound begins. Between the words that it was given and the sounds that it
made stands espeak-ng, which joins words (“of the”), splits others, and says numbers: so both are
compared, letter by letter, where they do not match word by word.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from voiceguide.voices.engine import Word
from voiceguide.voices.words import spoken as spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_TOKEN = re.compile(r"(?:\[\[.*?\]\]|\S)+")
"""What stands between spaces; phonemes in double brackets may have spaces."""
_SILENT = re.compile(r"\W|_")
_REACH_MS = 100
_CLOSING = string.punctuation + "…”’»"


class Sound(NamedTuple):
    """A phoneme as it is heard, from ``begin_s`` to ``end_s``; a space is between two words."""

    ipa: str
    begin_s: float
    end_s: float


def of_sounds(text: str, sounds: Iterable[Sound], ipa: Callable[[str], str]) -> list[Word]:
    """Return when each word of a text is said, from its sounds.

    ``text`` may have phonemes in double brackets. ``ipa`` returns how a word alone sounds; it is
    only asked where the words of the text and those of the sounds do not match one by one.
    """
    words = [match[0] for match in spoken(text)]
    groups = _groups(sounds)
    if not groups:
        return []
    if len(groups) != len(words):
        groups = _aligned([_SILENT.sub("", ipa(word)) for word in words], groups)
    return [
        Word(word, round(group[0].begin_s * 1000), round(group[-1].end_s * 1000))
        for word, group in zip(words, groups, strict=True)
        if group
    ]


def at_onsets(words: Iterable[Word], onsets_ms: Sequence[float]) -> list[Word]:
    """Return words that begin where sound begins after silence, if it does nearby.

    A model's pauses have the beginning of what follows in them: up to 75 ms of Kokoro's (measured).
    """
    moved: list[Word] = []
    for word in words:
        begin_ms = word.begin_ms
        far_ms, onset_ms = min(
            ((abs(ms - begin_ms), ms) for ms in onsets_ms), default=(math.inf, 0)
        )
        if far_ms <= _REACH_MS and onset_ms < word.end_ms:
            begin_ms = round(onset_ms)
        if moved:
            moved[-1] = moved[-1]._replace(end_ms=min(moved[-1].end_ms, begin_ms))
        moved.append(word._replace(begin_ms=begin_ms))
    return moved


def of_events(text: str, events: Sequence[tuple[int, int]]) -> list[Word]:
    """Return when each word of a text is said, from espeak-ng's events.

    Each is a place in the text and a time in ms, where a word begins or a clause ends.
    """
    groups: list[tuple[int, list[re.Match[str]]]] = []
    for word in spoken(text):
        begins = [ms for at, ms in events if word.start() <= at < word.end()]
        if begins:
            groups.append((begins[0], [word]))
        elif groups:  # said in one with the word before
            groups[-1][1].append(word)
    words: list[Word] = []
    for begin_ms, group in groups:
        begin = group[0].start()
        end = begin + len(text[begin : group[-1].end()].rstrip(_CLOSING))
        behind = [ms for at, ms in events if ms > begin_ms and not begin <= at < end]
        end_ms = behind[0] if behind else begin_ms
        words += _shared([word[0] for word in group], begin_ms, end_ms)
    return words


def spoken(text: str) -> Iterator[re.Match[str]]:
    """Return the words of a text that are said, with the signs that stand at them."""
    return (match for match in _TOKEN.finditer(text) if _SILENT.sub("", match[0]))


def as_written(text: str, words: Sequence[Word], language: str) -> tuple[Word, ...]:
    """Return when each word of a written text is said.

    ``words`` are those that were said for it: “three to five minutes” for “3–5 minutes”. Written
    words that are said otherwise share the time of what is said for them, by their length.
    """
    if not words:
        return ()
    written = [match[0] for match in spoken(text)]
    parts = [spelled(one, language).split() or [one] for one in written]
    timed = iter(_timed([one for said in parts for one in said], words))
    found = []
    for one, said in zip(written, parts, strict=True):
        own = [next(timed) for _ in said]
        found.append(Word(one, own[0].begin_ms, own[-1].end_ms))
    return tuple(found)


def _timed(texts: Sequence[str], words: Sequence[Word]) -> list[Word]:
    """Return when each text is said, by the words that were said for all of them."""
    matcher = SequenceMatcher(
        None, [_plain(word.text) for word in words], list(map(_plain, texts)), autojunk=False
    )
    timed: list[Word] = []
    for kind, begin, end, first, last in matcher.get_opcodes():
        if kind == "equal" or end - begin == last - first:
            timed += [
                word._replace(text=text)
                for word, text in zip(words[begin:end], texts[first:last], strict=True)
            ]
        elif begin == end:  # nothing is said for it
            at_ms = timed[-1].end_ms if timed else 0
            timed += [Word(text, at_ms, at_ms) for text in texts[first:last]]
        elif first < last:
            timed += _shared(texts[first:last], words[begin].begin_ms, words[end - 1].end_ms)
        elif timed:  # said in addition: to the word before
            timed[-1] = timed[-1]._replace(end_ms=words[end - 1].end_ms)
    return timed


def _shared(texts: Sequence[str], begin_ms: int, end_ms: int) -> list[Word]:
    """Return words that share a time, each as long as it has letters."""
    letters = sum(map(len, texts))
    edges = [begin_ms]
    done = 0
    for text in texts:
        done += len(text)
        edges.append(begin_ms + round((end_ms - begin_ms) * done / letters))
    return [Word(text, edges[at], edges[at + 1]) for at, text in enumerate(texts)]


def _groups(sounds: Iterable[Sound]) -> list[list[Sound]]:
    """Return the sounds of each word."""
    groups: list[list[Sound]] = [[]]
    for sound in sounds:
        if sound.ipa == " ":
            if groups[-1]:
                groups.append([])
        elif _SILENT.sub("", sound.ipa):  # no comma
            groups[-1].append(sound)
    return groups if groups[-1] else groups[:-1]


def _aligned(words: Sequence[str], groups: Sequence[Sequence[Sound]]) -> list[list[Sound]]:
    """Return the sounds of each word, given how each sounds alone; none for what is not heard."""
    sounds = [sound for group in groups for sound in group]
    letters = [(letter, at) for at, sound in enumerate(sounds) for letter in sound.ipa]
    owners = [number for number, word in enumerate(words) for _ in word]
    matcher = SequenceMatcher(
        None, "".join(words), "".join(letter for letter, _ in letters), autojunk=False
    )
    owner = [0] * len(sounds)
    for said, heard, size in matcher.get_matching_blocks():
        for step in range(size):
            owner[letters[heard + step][1]] = owners[said + step]
    found: list[list[Sound]] = [[] for _ in words]
    for latest, sound in zip(itertools.accumulate(owner, max), sounds, strict=True):
        found[latest].append(sound)
    return found


def _plain(word: str) -> str:
    return _SILENT.sub("", word).lower()
