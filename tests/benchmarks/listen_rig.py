"""Rooms for the benchmarks of listening: people, music and talk near a microphone, and a session.

All is made here, mono at 16 kHz, and faster than it would last. A loudspeaker's clock and that of
the microphone differ. Speakers are those of espeak-ng and flite, and every voice of voiceguide; in
German, those of MBROLA and SVOX Pico too (Debian: mbrola-de1 to 8 and libttspico-utils, non-free).
Those that nothing was chosen with need mbrola-en1 and mbrola-us1 to 3.
"""

from __future__ import annotations

import functools
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soxr

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_listen import BLOCK, HZ, room, speaker

from voiceguide import Session
from voiceguide.listen.hands_free import _ROOM_S
from voiceguide.listen.listener import Heard, Listener
from voiceguide.listen.microphone import Played
from voiceguide.voices import Utterance, engines
from voiceguide.voices.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PERIOD = 48_000 * 60 // 1000
"""Frames that a loudspeaker asks for at a time, while a session listens."""
SOFT = np.float32(0.1)
LATE_S = 0.1
"""From what is given to the loudspeaker to what the microphone hears of it."""
VOICES = {
    "en": ("espeak:en-us", "espeak:en-us+m3", "espeak:en-gb-x-rp+f2", "espeak:en-gb-scotland",
           "flite:rms", "flite:slt", "flite:awb", "flite:kal16", "flite:slt@1.12",
           "en_US-joe-medium", "en_US-joe-medium@1.15", "en_US-joe-medium@0.9"),
    "de": ("espeak:de", "espeak:de+m1", "espeak:de+m3", "espeak:de+m7", "espeak:de+f1",
           "espeak:de+f2", "espeak:de+f4", "espeak:de+f5", "pico:de-DE",
           *(f"espeak:mb-de{number}" for number in range(1, 9))),
}  # fmt: skip
"""Men and women, accents, and voices that are made higher or lower (@)."""
UNSEEN = {
    "en": ("espeak:en-us+f3", "espeak:en-gb+m7", "espeak:mb-en1", "espeak:mb-us1", "espeak:mb-us2",
           "espeak:mb-us3"),
    "de": ("espeak:de+f3", "espeak:de+m2", "espeak:de+m4", "espeak:de+m6", "espeak:mb-de2@0.9",
           "espeak:mb-de7@1.12", "pico:de-DE@0.9"),
}  # fmt: skip
"""Voices that no limit and no sound of a word was chosen with."""
KOKORO = ("am_michael", "af_heart", "bf_emma", "bm_george")
"""The same of Kokoro, if a folder with its model is given."""
RATE_WPM = 140


def voices(language: str, kokoro: str = "", *, unseen: bool = False) -> tuple[str, ...]:
    """Return the speakers of a language, or those that nothing was chosen with.

    ``kokoro`` is a folder with its model, if there is one.
    """
    if unseen:
        return UNSEEN[language]
    more = KOKORO if kokoro and language == "en" else ()
    return (*VOICES[language], *(f"{kokoro}#{name}" for name in more))


@functools.cache
def said(text: str, voice: str, language: str) -> np.ndarray:
    """Return what a voice says, without silence around it, at a root mean square of 0.05."""
    kept = Path(tempfile.gettempdir()) / "voiceguide-listen-rig"
    kept.mkdir(exist_ok=True)
    name = hashlib.blake2b(f"{text}|{voice}|{language}".encode(), digest_size=12).hexdigest()
    path = kept / f"{name}.npy"
    if path.is_file():
        found: np.ndarray = np.load(path)
        return found
    name, _, pitch = voice.partition("@")
    samples = _said(text, name, language)
    if pitch:
        samples = soxr.resample(samples, HZ * float(pitch), HZ)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1] + 1]
    samples = (samples * 0.05 / np.sqrt(np.mean(samples**2))).astype(np.float32)
    np.save(path, samples)
    return samples


def _said(text: str, voice: str, language: str) -> np.ndarray:
    kind, _, name = voice.partition(":")
    if kind == "espeak":
        return speaker(text, name)
    if kind == "flite":
        with tempfile.NamedTemporaryFile(suffix=".raw") as file:
            command = ["flite", "-voice", name, "-t", text, "-o", file.name]
            subprocess.run([*command, "--setf", "duration_stretch=1.1"], check=True)
            header = 44
            content = Path(file.name).read_bytes()
            rate_hz = int.from_bytes(content[24:28], "little")
            samples = np.frombuffer(content[header:], "<i2").astype(np.float32) / 32768
            return soxr.resample(samples, rate_hz, HZ)
    if kind == "pico":
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            subprocess.run(["pico2wave", "-l", name, "-w", file.name, text], check=True)
            samples = np.frombuffer(Path(file.name).read_bytes()[44:], "<i2") / np.float32(32768)
            return samples.astype(np.float32)
    spoken = _engine(voice).speak(Utterance(text, language, None, RATE_WPM, 0.0))
    return soxr.resample(spoken.samples.astype(np.float32), spoken.rate_hz, HZ)


@functools.cache
def _engine(voice: str) -> Engine:
    return engines(voice)()


class Loudspeaker(NamedTuple):
    """A session as a loudspeaker plays it, and what a microphone hears of it."""

    pieces: np.ndarray
    """48,000 Hz, shape (periods, PERIOD): what the player gives."""
    echo: np.ndarray
    """By the microphone's clock."""
    drift_ppm: float
    """How much faster the loudspeaker's clock is."""

    @property
    def voice_level(self) -> float:
        """The root mean square of the session where something is heard."""
        return float(np.sqrt(np.mean(np.square(self.echo[np.abs(self.echo) > 0.003]))))


@functools.cache
def session(name: str, language: str, **options: str) -> np.ndarray:
    """Return a session: 48,000 Hz, within ±1."""
    made = Session(name, language=language, **options).samples()
    return made.mean(axis=1, dtype=np.float32) / np.float32(32768)


def loudspeaker(sound: np.ndarray, *, drift_ppm: float, seed: int = 1) -> Loudspeaker:
    """Return what is heard of a sound at 48,000 Hz in one of the rooms."""
    pieces = sound[: len(sound) // PERIOD * PERIOD].reshape(-1, PERIOD)
    clock_hz = 48_000 * (1 + drift_ppm / 1e6)
    heard = soxr.resample(pieces.reshape(-1), clock_hz, HZ).astype(np.float32)
    return Loudspeaker(pieces, room(heard, seed=seed), drift_ppm)


def hears(
    listener: Listener,
    near: np.ndarray,
    heard: Loudspeaker,
    then: Callable[[float], object] = lambda _: None,
) -> list[tuple[float, Heard]]:
    """Return what is heard, and when, in seconds; the session is soft while it listens.

    ``then`` is called after each block, with the time.
    """
    played, found, since_s, given = Played(), [], -_ROOM_S, 0
    late = np.zeros(int(LATE_S * HZ), np.float32)
    heard = heard._replace(echo=np.concatenate([late, heard.echo])[: len(heard.echo)])
    period_s = PERIOD / 48_000 / (1 + heard.drift_ppm / 1e6)
    for begin in range(0, min(len(near), len(heard.echo)) - BLOCK + 1, BLOCK):
        now_s = begin / HZ
        is_soft = now_s - since_s < _ROOM_S
        while given < len(heard.pieces) and given * period_s <= now_s:
            piece = heard.pieces[given] * (SOFT if is_soft else np.float32(1))
            played.add(np.rint(piece[:, None] * 32768).astype(np.int32))
            given += 1
        is_soft = LATE_S <= now_s - since_s < _ROOM_S + LATE_S
        echo = heard.echo[begin : begin + BLOCK] * (SOFT if is_soft else np.float32(1))
        for one in listener.take(echo + near[begin : begin + BLOCK], played.take(BLOCK)):
            found.append((now_s, one))
            since_s = now_s if one.is_begin else since_s
        then(now_s)
    return found


_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def clauses(language: str, without: set[str]) -> list[str]:
    """Return what the repository's texts say, as people do: up to a comma or the end.

    ``without`` are commands, which are left out where nothing else is said.
    """
    places = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if language == "en" else []
    texts = [re.sub(r"(?m)^( {4}|\||#).*$|<[^>]*>|\[|\]\([^)]*\)|`[^`]*`|[*_]", "",
                    one.read_text("utf-8")) for one in places]  # fmt: skip
    for one in sorted((ROOT / "scripts" / language).rglob("*.toml")):
        if one.name != "commands.toml":
            texts += re.findall(r'"([^"{}]+)"', one.read_text("utf-8"))
    found: dict[str, None] = {}
    for text in texts:
        for part in re.split(r"[.,;:!?()“”—–\n]\s", text + " "):
            words = _WORD.findall(part)
            if 1 <= len(words) <= 14 and " ".join(words).lower() not in without:
                found[" ".join(words)] = None
    return list(found)


def talk(language: str, seconds: float, without: set[str], seed: int) -> np.ndarray:
    """Return people who talk, in turn: clauses, with the pauses of speech."""
    random = np.random.default_rng(seed)
    texts, sound = clauses(language, without), np.zeros(int(seconds * HZ), np.float32)
    people = random.choice(VOICES[language], 3, replace=False)
    at, person = 0, people[0]
    while at < len(sound):
        if random.random() < 0.2:
            person, at = random.choice(people), at + int(random.uniform(0.3, 3) * HZ)
        spoken = said(str(random.choice(texts)), str(person), language)
        spoken = spoken * np.float32(10 ** (random.uniform(-4, 4) / 20))
        sound[at : at + len(spoken)] += spoken[: max(0, len(sound) - at)]
        at += len(spoken) + int(random.uniform(0.1, 0.9) ** 2 * 1.6 * HZ)
    return sound


def music(seconds: float, seed: int) -> np.ndarray:
    """Return songs of chords, a melody and drums, each now and then alone."""
    random = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * HZ), np.float32)
    begin = 0
    while begin < len(sound):
        song = _song(random)
        sound[begin : begin + len(song)] += song[: len(sound) - begin]
        begin += len(song) + int(random.uniform(0.5, 4) * HZ)
    return sound


def _song(random: np.random.Generator) -> np.ndarray:
    beat = int(60 / random.uniform(60, 150) * HZ)
    root, beats = 110 * 2 ** (random.integers(0, 12) / 12), 64
    sound = np.zeros((beats + 4) * beat, np.float32)
    scale = (0, 2, 4, 5, 7, 9, 11, 12) if random.random() < 0.5 else (0, 2, 3, 5, 7, 8, 10, 12)
    harmonics, decay_s = random.integers(1, 9), random.uniform(0.1, 0.8)

    def note(pitch: float, length: int, fades_s: float, level: float) -> np.ndarray:
        at = np.arange(length) / HZ
        wave = sum(np.sin(2 * np.pi * pitch * n * at) / n for n in range(1, harmonics + 1))
        edge = np.minimum(1, np.minimum(at, at[::-1]) / 0.01)
        return (level * wave * edge * np.exp(-at / fades_s)).astype(np.float32)

    def add(begin: int, one: np.ndarray) -> None:
        sound[begin : begin + len(one)] += one[: max(0, len(sound) - begin)]

    for bar in range(beats // 4):
        chord = (0, 3, 4, 5)[random.integers(0, 4)]
        plays = random.random(3) < (0.75, 0.75, 0.75)
        for step in (0, 2, 4) if plays[0] else ():
            pitch = root * 2 ** (scale[(chord + step) % 7] / 12)
            add(bar * 4 * beat, note(pitch, 4 * beat, 2.0, 0.05))
        for half in range(8) if plays[1] else ():
            if random.random() < 0.6:
                pitch = 2 * root * 2 ** (scale[random.integers(0, 8)] / 12)
                length = int(beat * random.choice((0.5, 1, 1.5)))
                add((bar * 8 + half) * beat // 2, note(pitch, length, decay_s, 0.1))
        for half in range(8) if plays[2] else ():
            at = np.arange(HZ // 5) / HZ
            hiss = random.standard_normal(len(at)).astype(np.float32)
            drum = 0.4 * np.sin(2 * np.pi * 50 * at) * np.exp(-at * 25)
            hit = (drum, 0.06 * hiss * np.exp(-at * 90), 0.2 * hiss * np.exp(-at * 30))[half % 3]
            if random.random() < 0.7:
                add((bar * 8 + half) * beat // 2, hit.astype(np.float32))
    level = np.sqrt(np.mean(np.square(sound))) + 1e-6
    return (sound * 0.05 / level).astype(np.float32)
