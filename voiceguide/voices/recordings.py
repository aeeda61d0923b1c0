"""A human voice: a folder with a recording of each phrase; another engine speaks what is missing.

A file belongs to the phrase whose digest is at the end of its name; the words before it are for
people: stay-with-the-pressure-1f0c2a9b.wav.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import LibraryError, VoiceError
from voiceguide.languages import primary
from voiceguide.voices import best, cache
from voiceguide.voices.engine import Spoken, Utterance, VoiceInfo
from voiceguide.voices.takes import Verdict, judge, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine

LIST = "phrases.csv"
"""The list of phrases in a folder of recordings; see ``voiceguide.recording.phrases``."""
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".aiff", ".aif")
"""Formats of recordings; if a phrase has several, the first usable one counts."""
_SLUG_CHARACTERS = 48
_DIGEST = re.compile(r"(?:^|.*[^0-9a-z])([0-9a-f]{8})", re.IGNORECASE)
_MOST_SHOWN = 6


def name_of(text: str, language: str) -> str:
    """Return the name of a phrase, without suffix: its words, and a digest of text and language."""
    text = " ".join(text.split())
    ascii_text = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore")
    words = re.findall(r"[a-z0-9]+", ascii_text.decode().lower().replace("'", ""))
    slug = ""
    for word in words:
        if len(slug) + len(word) > _SLUG_CHARACTERS:
            break
        slug += f"{word}-"
    tag = primary(language)
    digest = hashlib.blake2b(f"{tag}\n{text}".encode(), digest_size=4).hexdigest()
    return f"{slug}{digest}"


class Recordings:
    """A folder of recordings, as it was when it was scanned."""

    def __init__(self, voice: str) -> None:
        """Scan a folder; ``voice`` is its path, and its name in utterances."""
        self.voice = voice
        self.folder = folder = Path(voice)
        self.files: dict[str, Path] = {}
        """The recordings, by the digest of their phrase."""
        self.strangers: list[Path] = []
        """Sound files without a phrase's digest in their name."""
        self.doubles: list[tuple[Path, Path]] = []
        """Pairs of files for the same phrase: the one that is used, and another."""
        self._verdicts: dict[str, Verdict | None] = {}
        several: dict[str, list[Path]] = {}
        for path in _sound_files(folder):
            digest = digest_in(path.stem)
            if digest is None:
                self.strangers.append(path)
            else:
                several.setdefault(digest, []).append(path)
        for digest, paths in several.items():
            used = paths[0]
            if paths[1:]:
                used = next((path for path in paths if self._is_heard(path)), used)
            self.files[digest] = used
            self.doubles += [(used, path) for path in paths if path != used]

    @cached_property
    def id(self) -> str:
        """A digest of the files' names, sizes and times of modification."""
        stats = [(path, path.stat()) for path in self.files.values()]
        return cache.key([(path.name, stat.st_size, stat.st_mtime_ns) for path, stat in stats])

    def of(self, utterance: Utterance) -> Path | None:
        """Return the recording of an utterance; None if there is no usable one."""
        path = self.files.get(_digest_of(utterance))
        return path if path and self._is_heard(path) else None

    def verdict(self, path: Path) -> Verdict | None:
        """Return what is wrong with a recording, if anything."""
        if path.name not in self._verdicts:
            self._verdicts[path.name] = judge(path)
        return self._verdicts[path.name]

    def _is_heard(self, path: Path) -> bool:
        verdict = self.verdict(path)
        return verdict is None or verdict.heard


class Recorded:
    """An engine that returns recordings, and lets another one speak what is missing."""

    def __init__(self, recordings: Recordings, default: Engine) -> None:
        self.id = f"recorded {recordings.id} {default.id}"
        self._recordings = recordings
        self._default = default

    def speak(self, utterance: Utterance) -> Spoken:
        """Return the trimmed recording, or speech if there is none; raises VoiceError."""
        path = self._recordings.of(utterance)
        if path is None:
            return self._default.speak(self._for_default(utterance))
        try:
            recording = read(path)
        except VoiceError as error:  # it changed since it was scanned
            raise VoiceError(f"{path}: {error}") from error
        return Spoken(recording.samples, recording.rate_hz)

    def calm_wpm(self, language: str) -> int:
        """Return the other engine's calm pace."""
        return self._default.calm_wpm(language)

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the other engine's choice, for what is not recorded."""
        return self._default.choose(wanted, language)

    def remarks(self, utterances: Iterable[Utterance]) -> list[str]:
        """Return how much is recorded, and what is missing or wrong in the folder."""
        needed = {_digest_of(utterance): utterance for utterance in utterances}
        there = {
            digest: self._recordings.files[digest]
            for digest in needed
            if digest in self._recordings.files
        }
        covered = [digest for digest in needed if self._recordings.of(needed[digest])]
        folder = self._recordings.folder
        found = [f"{folder}: {_coverage(len(covered), len(needed))}"]
        try:
            known = listed(folder)
        except LibraryError as error:
            known = set()
            found.append(str(error))
        absent = [one for digest, one in needed.items() if digest not in there]
        if absent:
            names = [f"{name_of(one.text, one.language)}.wav" for one in absent]
            helps = f"“voiceguide record {folder}” records them"
            if not {_digest_of(one) for one in absent} <= known:
                helps = f"“voiceguide phrases … -o {folder}” lists them, then {helps}"
            found.append(f"{folder}: missing: {_listed(names)}; {helps}")
        for path in there.values():
            verdict = self._recordings.verdict(path)
            if verdict is not None:
                then = "record it again" if verdict.heard else "another voice speaks it"
                found.append(f"{path} {verdict.says}; {then}")
        found += self._strangers({*needed, *known})
        asked = [needed[digest] for digest in covered]
        if any(one.pitch_st or one.rate_wpm != self.calm_wpm(one.language) for one in asked):
            found.append(f"{folder}: recordings keep their own pace and pitch")
        missing = [one for digest, one in needed.items() if digest not in covered]
        return found + self._default.remarks(map(self._for_default, missing))

    def restart(self) -> None:
        """Start afresh with the next phrase."""
        self._default.restart()

    def close(self) -> None:
        """End the other engine."""
        self._default.close()

    def _for_default(self, utterance: Utterance) -> Utterance:
        own = utterance.voice == self._recordings.voice
        return replace(utterance, voice=None) if own else utterance

    def _strangers(self, known: set[str]) -> list[str]:
        recordings = self._recordings
        strangers = recordings.strangers + [
            path for digest, path in recordings.files.items() if digest not in known
        ]
        remarks = []
        if strangers:
            names = _listed([path.name for path in sorted(strangers)])
            remarks.append(f"{recordings.folder}: not a recording of any phrase: {names}")
        for used, other in recordings.doubles:
            verdict = recordings.verdict(other)
            says = "is not used" if verdict is None or verdict.heard else verdict.says
            remarks.append(f"{other} {says}: {used.name} is the same phrase")
        return remarks


def is_folder(voice: str) -> bool:
    """Whether a voice is a folder with recordings, or with a list of them."""
    folder = Path(voice)
    return files.is_folder(folder) and ((folder / LIST).is_file() or bool(_sound_files(folder)))


def voices() -> list[VoiceInfo]:
    """Return no voices: a folder is given by its path."""
    return []


def find(voice: str) -> Callable[[], Engine] | None:
    """Return a function that makes engines for a folder of recordings; None for other voices."""
    if not is_folder(voice):
        return None
    folder, speaks_missing = Recordings(voice), best.engines()
    return lambda: Recorded(folder, speaks_missing())


def digest_in(stem: str) -> str | None:
    """Return the digest in a file's name, without suffix."""
    match = _DIGEST.fullmatch(stem)
    return match[1].lower() if match else None


def rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's list, separated by commas or semicolons.

    Raises FileNotFoundError if there is no list, LibraryError if it cannot be read as one.
    """
    path = folder / LIST
    fix = f"delete it, then “voiceguide phrases … -o {folder}” creates it again"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
        header = text.partition("\n")[0]
        delimiter = ";" if header.count(";") > header.count(",") else ","
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", delimiter=delimiter)
        found = [row for row in reader if any(row.values())]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        what = f"{path}: cannot be read: {error}"
        raise LibraryError(f"{what}; save it as UTF-8, or {fix}") from error
    for column in ("name", "text", "language"):
        if column not in (reader.fieldnames or ()):
            what = f"{path}: is not a list of phrases: it has no column “{column}”"
            raise LibraryError(f"{what}; {fix}")
    return found


def listed(folder: Path) -> set[str]:
    """Return the digests of the phrases that a folder's list names; none if there is no list.

    Raises LibraryError.
    """
    try:
        digests = [digest_in(row["name"]) for row in rows(folder)]
    except FileNotFoundError:
        return set()
    return {digest for digest in digests if digest}


def _digest_of(utterance: Utterance) -> str:
    return name_of(utterance.text, utterance.language)[-8:]


def _sound_files(folder: Path) -> list[Path]:
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")  # macOS: ._x.wav, with what is known of x.wav
        and path.is_file()
    ]
    return sorted(found, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name))


def _coverage(recorded: int, needed: int) -> str:
    if recorded == needed:
        return f"all {needed} phrases are recorded"
    return f"{recorded} of {needed} phrases are recorded; another voice speaks the rest"


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
