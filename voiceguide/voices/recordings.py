"""A human voice: a folder of recordings, a file a phrase; another engine speaks what is missing.

A file belongs to the phrase whose digest stands at the end of its name; what stands before that is
for people: stay-with-the-pressure-1f0c2a9b.wav.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pedalboard import HighpassFilter, Pedalboard

from voiceguide.audio.reader import mono_weights, open_audio, products
from voiceguide.errors import LibraryError, VoiceError
from voiceguide.voices import cache
from voiceguide.voices.engine import DEFAULT_RATE_WPM, Spoken, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine

LIST = "phrases.csv"
"""What a folder of recordings is to hold; see ``voiceguide.recording.phrases``."""
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".aiff", ".aif")
"""Of recordings; where a phrase has several, the first of these that can be heard counts."""
SHORTEST_MS = 100
"""Of a recording that was trimmed: “ja” lasts 200."""
LONGEST_S = 180
"""Of a file: 2,000 characters, the longest run of speech, read slowly."""

_SLUG_CHARACTERS = 48
_DIGEST = re.compile(r"(?:^|.*[^0-9a-z])([0-9a-f]{8})", re.IGNORECASE)
_MOST_SHOWN = 6

_WINDOW_MS = 10
_RUMBLE_HZ, _RUMBLE_POLES = 120, 4  # mains hum, 33 dB down; voices have enough above
_FLOOR_PERCENTILE = 5  # of the windows' levels: even between words there is that much silence
_SPEECH_DB, _SOUND_DB, _EDGE_DB = 15.0, 8.0, 4.0
"""Above the floor: what is speech for sure; a soft consonant, near speech; where each begins. The
level of white noise varies by 0.3 dB from window to window."""
_FLOOR_DBFS = -70.0  # quieter rooms are not told apart: breath is heard in them
_SILENT_DBFS = -45.0  # a steady sound below comes from the room; above, speech without a pause
_CLICK_MS, _APART_MS = 60, 150
"""What is shorter, and further from all else at the edge, is a click; else the t of “spot”."""
_BEFORE_MS, _BEHIND_MS = 10, 60
"""Kept around what is heard, fading: soft consonants that begin and end below the room's noise."""
_CLIPPED_AT = 0.985
_CLIPPED_FRAMES, _CLIPPED_RUNS = 3, 3
"""So many frames in a row at the top, so many times: a wave that was cut off."""


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
    tag = language.lower().partition("-")[0]
    digest = hashlib.blake2b(f"{tag}\n{text}".encode(), digest_size=4).hexdigest()
    return f"{slug}{digest}"


class Take(NamedTuple):
    """A recording that was read, and what is to be known of it."""

    samples: NDArray[np.float32]
    """Mono, shape (frames,), within ±1, from the first word to the last; empty if there is none."""
    rate_hz: int
    speech_dbfs: float
    """The level of its louder parts."""
    floor_dbfs: float
    """The level of the room, where it is heard."""
    clipped: bool


def take(samples: NDArray[np.float32], rate_hz: int) -> Take:
    """Judge and trim a recording; ``samples`` are of shape (channels, frames), within ±1."""
    window = rate_hz * _WINDOW_MS // 1000
    if samples.shape[1] < window:
        return Take(np.zeros(0, np.float32), rate_hz, -np.inf, -np.inf, clipped=False)
    mono = mono_weights(products(samples)) @ samples
    clipped = any(_is_clipped(channel) for channel in samples)
    mono = mono - mono.mean()
    heard = Pedalboard([HighpassFilter(_RUMBLE_HZ) for _ in range(_RUMBLE_POLES)])(mono, rate_hz)
    whole = heard[: heard.size // window * window].reshape(-1, window)
    levels = 10 * np.log10(np.maximum((whole.astype(np.float64) ** 2).mean(axis=1), 1e-12))
    floor = max(_FLOOR_DBFS, float(np.percentile(levels, _FLOOR_PERCENTILE)))
    if levels.max() > floor + _SPEECH_DB:
        first, last = _edges(levels, floor)
        before, behind = (ms * rate_hz // 1000 for ms in (_BEFORE_MS, _BEHIND_MS))
        begin, end = max(0, first * window - before), last * window + behind
        mono = _faded(mono[begin:end], before, behind) if last else mono[:0]
        levels = levels[first:last]
    elif levels.max() < _SILENT_DBFS:
        mono = mono[:0]
    louder = float(np.percentile(levels, 90)) if mono.size else -np.inf
    return Take(mono, rate_hz, louder, floor, clipped)


def read(path: Path) -> Take:
    """Read a recording of any format, rate and number of channels; raises VoiceError."""
    try:
        with contextlib.closing(open_audio(path)) as file:
            if file.frames > LONGEST_S * file.samplerate:
                raise VoiceError(f"is longer than {LONGEST_S} s: that is no phrase")
            if not file.frames:
                raise VoiceError("is empty")
            samples, rate_hz = np.nan_to_num(file.read(file.frames)), round(file.samplerate)
    except (OSError, ValueError, RuntimeError) as error:
        what = "is empty" if path.is_file() and not path.stat().st_size else "cannot be read"
        raise VoiceError(what) from error
    return take(samples, rate_hz)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a recording, and whether it is heard nevertheless."""

    says: str
    heard: bool


class Recordings:
    """A folder of recordings, as it was when it was looked at."""

    def __init__(self, voice: str) -> None:
        """Look at a folder; ``voice`` is its path, and what utterances call it."""
        self.voice = voice
        self.folder = folder = Path(voice)
        self.files: dict[str, Path] = {}
        """By the digest of their phrases."""
        self.strangers: list[Path] = []
        """Sound files that no phrase is named after."""
        self.doubles: list[tuple[Path, Path]] = []
        """Files for one phrase: the one that is used, and another."""
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
        """A digest of which files there are, their sizes and times of change."""
        stats = [(path, path.stat()) for path in self.files.values()]
        return cache.key([(path.name, stat.st_size, stat.st_mtime_ns) for path, stat in stats])

    def of(self, utterance: Utterance) -> Path | None:
        """Return the recording of an utterance; None where there is none that can be heard."""
        path = self.files.get(_digest_of(utterance))
        if path is None:
            return None
        return path if self._is_heard(path) else None

    def verdict(self, path: Path) -> Verdict | None:
        """Return what is wrong with a recording, if something is."""
        if path.name not in self._verdicts:
            self._verdicts[path.name] = _judge(path)
        return self._verdicts[path.name]

    def _is_heard(self, path: Path) -> bool:
        verdict = self.verdict(path)
        return verdict is None or verdict.heard


class Recorded:
    """An engine that gives recordings, and has another one speak what is missing."""

    def __init__(self, recordings: Recordings, default: Engine) -> None:
        self.id = f"recorded {recordings.id} {default.id}"
        self._recordings = recordings
        self._default = default

    def speak(self, utterance: Utterance) -> Spoken:
        """Return the recording, trimmed, or speak; raises VoiceError."""
        path = self._recordings.of(utterance)
        if path is None:
            return self._default.speak(self._for_default(utterance))
        try:
            found = read(path)
        except VoiceError as error:  # since it was looked at
            raise VoiceError(f"{path}: {error}") from error
        return Spoken(found.samples, found.rate_hz)

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the other engine's voice, for what is not recorded."""
        return self._default.choose(wanted, language)

    def remarks(self, utterances: Iterable[Utterance]) -> list[str]:
        """Return how much is recorded, and name what is missing or wrong in the folder."""
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
            helps = f"“voiceguide record {folder}” helps"
            if not {_digest_of(one) for one in absent} <= known:
                helps = f"“voiceguide phrases … -o {folder}” lists them, then {helps}"
            found.append(f"{folder}: missing: {_listed(names)}; {helps}")
        for path in there.values():
            verdict = self._recordings.verdict(path)
            if verdict is not None:
                then = "record it again" if verdict.heard else "another voice speaks it"
                found.append(f"{path} {verdict.says}; {then}")
        found += self._strangers({*needed, *known})
        paces = {(needed[digest].rate_wpm, needed[digest].pitch_st) for digest in covered}
        if paces - {(DEFAULT_RATE_WPM, 0.0)}:
            found.append(f"{folder}: recordings keep their own pace and pitch")
        missing = [one for digest, one in needed.items() if digest not in covered]
        return found + self._default.remarks(map(self._for_default, missing))

    def restart(self) -> None:
        """Begin afresh with the next phrase."""
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
        found = []
        if strangers:
            names = _listed([path.name for path in sorted(strangers)])
            found.append(f"{recordings.folder}: not the recording of any phrase: {names}")
        for used, other in recordings.doubles:
            verdict = recordings.verdict(other)
            says = "is not used" if verdict is None or verdict.heard else verdict.says
            found.append(f"{other} {says}: {used.name} is the same phrase")
        return found


def is_folder(voice: str) -> bool:
    """Whether a voice is a folder with recordings, or with a list of them."""
    folder = Path(voice)
    return folder.is_dir() and ((folder / LIST).is_file() or bool(_sound_files(folder)))


def digest_in(stem: str) -> str | None:
    """Return the digest in a file's name, without suffix."""
    found = _DIGEST.fullmatch(stem)
    return found[1].lower() if found else None


def rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's list, with commas or semicolons, as spreadsheets save it.

    Raises FileNotFoundError if there is no list, LibraryError if it cannot be read as one.
    """
    path = folder / LIST
    mend = f"delete it, then “voiceguide phrases … -o {folder}” makes it anew"
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
        raise LibraryError(f"{what}; save it as UTF-8, or {mend}") from error
    for column in ("name", "text", "language"):
        if column not in (reader.fieldnames or ()):
            raise LibraryError(f"{path}: is no list of phrases: lacks “{column}”; {mend}")
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
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")  # macOS: ._x.wav, with what is known of x.wav
        and path.is_file()
    ]
    return sorted(files, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name))


def _judge(path: Path) -> Verdict | None:
    try:
        found = read(path)
    except VoiceError as error:
        return Verdict(str(error), heard=False)
    if not found.samples.size:
        return Verdict("is silent", heard=False)
    if found.samples.size < SHORTEST_MS * found.rate_hz // 1000:
        return Verdict("is too short", heard=False)
    return Verdict("is clipped", heard=True) if found.clipped else None


def _coverage(recorded: int, needed: int) -> str:
    if recorded == needed:
        return f"all {needed} phrases are recorded"
    return f"{recorded} of {needed} phrases are recorded; another voice speaks the rest"


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _is_clipped(channel: NDArray[np.float32]) -> bool:
    top = np.abs(channel) >= _CLIPPED_AT
    edges = np.flatnonzero(np.diff(np.pad(top.astype(np.int8), 1)))
    lengths = edges[1::2] - edges[::2]
    return int((lengths >= _CLIPPED_FRAMES).sum()) >= _CLIPPED_RUNS


def _edges(levels: NDArray[np.float64], floor: float) -> tuple[int, int]:
    """Return the first window of speech, and the one behind the last; the same if there is none."""
    bounds = np.flatnonzero(np.diff(np.pad((levels > floor + _EDGE_DB).astype(np.int8), 1)))
    parts = [
        (int(begin), int(end))
        for begin, end in zip(bounds[::2], bounds[1::2], strict=True)
        if levels[begin:end].max() > floor + _SOUND_DB
    ]
    words = [
        number
        for number, (begin, end) in enumerate(parts)
        if levels[begin:end].max() > floor + _SPEECH_DB and end - begin >= _CLICK_MS // _WINDOW_MS
    ]
    if not words:
        return 0, 0
    first, last = words[0], words[-1]
    apart = _APART_MS // _WINDOW_MS
    while first > 0 and parts[first][0] - parts[first - 1][1] <= apart:
        first -= 1
    while last + 1 < len(parts) and parts[last + 1][0] - parts[last][1] <= apart:
        last += 1
    return parts[first][0], parts[last][1]


def _faded(samples: NDArray[np.float32], before: int, behind: int) -> NDArray[np.float32]:
    """Let the room's noise at both ends come and go softly."""
    faded = samples.copy()
    before, behind = min(before, faded.size), min(behind, faded.size)
    faded[:before] *= np.linspace(0, 1, before, dtype=np.float32)
    faded[faded.size - behind :] *= np.linspace(1, 0, behind, dtype=np.float32) ** 2
    return faded
