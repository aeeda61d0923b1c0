"""An MP3 of a session sounds like its mix, whatever was encoded before, and knows what was."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import miniaudio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pedalboard.io import AudioFile

from voiceguide.errors import Position
from voiceguide.export.formats import _encode
from voiceguide.export.mp3 import Encoder
from voiceguide.files import Store
from voiceguide.mixer import VERSION, Mix
from voiceguide.ssml import Sound
from voiceguide.timeline import End, Event, Item, Ramp
from voiceguide.voices import Utterance

RATE_HZ = 48_000
FRAME = 1152


class Spoken:
    """A voice whose clips are noise; it counts how often one is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def clip(self, utterance: Utterance) -> np.ndarray:
        self.asked += 1
        return noise(utterance.text, int(utterance.text.split()[1]))

    def name(self, utterance: Utterance) -> str:
        return utterance.text


def noise(seed: str, length_ms: int) -> np.ndarray:
    """Return noise that rises and falls as speech does, with two clicks, 16 bit."""
    random = np.random.default_rng(list(seed.encode()))
    count = 48 * length_ms
    spectrum = np.fft.rfft(random.normal(size=count))
    heights = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum[heights > 7000] = 0
    sound = np.fft.irfft(spectrum / np.maximum(1, heights / 500), count)
    sound *= 2500 / max(1e-9, sound.std()) * (1.1 + np.sin(np.arange(count) / 3000))
    sound[random.integers(0, count, 2)] += 9000
    return sound.clip(-27_000, 27_000).astype(np.int16)


def said(begin_ms: int, length_ms: int = 700, word: str = "word", **how: object) -> Event:
    utterance = Utterance(f"{word} {length_ms}", "en", None, 120, 0.0)
    return Event(begin_ms, begin_ms + length_ms, utterance, how.pop("gain_db", 0.0), **how)


def mp3(items: Sequence[Item], kept: Path, channels: int = 2, voice: Spoken | None = None) -> bytes:
    file = io.BytesIO()
    mix = Mix(items, voice or Spoken(), channels)
    _encode(Encoder(file, channels, Store(kept)), mix, lambda _: None)
    return file.getvalue()


def mixed(items: Sequence[Item], channels: int = 2) -> np.ndarray:
    """Return the mix, shape (samples, channels)."""
    blocks = b"".join(Mix(items, Spoken(), channels))
    return np.frombuffer(blocks, "<i2").reshape(-1, channels).astype(float)


def by_miniaudio(content: bytes, channels: int = 2) -> np.ndarray:
    heard = miniaudio.decode(content, nchannels=channels, sample_rate=RATE_HZ)
    return np.frombuffer(heard.samples, "<i2").reshape(-1, channels).astype(float)


def assert_alike(heard: np.ndarray, mix: np.ndarray, most_db: float = -15) -> None:
    """Each channel is what was mixed but for the noise of an MP3, all of it and in each moment."""
    assert heard.shape == mix.shape
    wrong = heard - mix
    for channel in range(mix.shape[1]):
        noise_db = 10 * np.log10((wrong[:, channel] ** 2).sum() + 1)
        assert noise_db < 10 * np.log10((mix[:, channel] ** 2).sum() + 1e8) + most_db
    half_s = np.add.reduceat((wrong**2).sum(axis=1), range(0, len(mix), RATE_HZ // 2))
    there = np.add.reduceat((mix**2).sum(axis=1), range(0, len(mix), RATE_HZ // 2))
    assert (half_s <= there / 10 + 2e8).all()  # a sound in the wrong place is all wrong


def test_sound_in_the_middle_is_encoded_in_one_channel(tmp_path):
    items = [*(said(500 + 1500 * n, word=f"word{n}") for n in range(6)), End(9700)]
    one, two = tmp_path / "one", tmp_path / "two"
    mp3(items, one, 1)
    heard = by_miniaudio(mp3(items, two))
    assert_alike(heard, mixed(items), most_db=-18)
    assert (heard[:, 0] == heard[:, 1]).all()
    kept = [[path.stat().st_size for path in folder.glob("*/*")] for folder in (one, two)]
    assert sorted(kept[0]) == sorted(kept[1]), "as large as those of a session in mono"


@pytest.mark.parametrize("pan", [-1, -0.25, 0.3333, 1])
def test_a_loud_sound_at_a_side_is_limited_as_in_the_mix(pan, tmp_path):
    path = tmp_path / "loud.wav"
    with AudioFile(str(path), "w", RATE_HZ, 1) as file:
        file.write((noise("loud", 3000).astype(np.float32) / 9000).clip(-1, 1))
    items = [Event(500, 3500, Sound(path, "loud.wav", Position(1, 1)), 0.0, pan), End(4000)]
    heard, mix = by_miniaudio(mp3(items, tmp_path / "kept")), mixed(items)
    assert_alike(heard, mix, most_db=-12)
    loudest = np.sqrt((heard**2).mean(axis=0)).max() / np.sqrt((mix**2).mean(axis=0)).max()
    assert 0.93 < loudest < 1.03


def tones() -> list[Path]:
    """Write two sounds into the folder of what is kept."""
    paths = [KEPT / "tones" / f"{name}.wav" for name in ("one", "two")]
    for path in paths:
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            with AudioFile(str(path), "w", RATE_HZ, 1) as file:
                file.write(noise(path.stem, 3000).astype(np.float32) / 32768)
    return paths


@st.composite
def sessions(draw):
    """Return the items of a session: few kinds of events, so that many sound nearly the same."""
    at_ms = draw(st.sampled_from([0, 7, 480]))
    events = []
    for _ in range(draw(st.integers(1, 4))):
        length_ms = draw(st.sampled_from([480, 500, 12_000]))
        ramps = tuple(
            Ramp(at_ms, at_ms + 200, rising=True)
            if rising
            else Ramp(at_ms + length_ms - 200, at_ms + length_ms, rising=False)
            for rising in draw(st.sampled_from([(), (True,), (False,), (True, False)]))
        )
        how = {
            "gain_db": draw(st.sampled_from([0.0, 6.0, -6.0])),
            "pan": draw(st.sampled_from([-1.0, 0.0, 0.0, 0.25])),
            "ramps": ramps,
        }
        if draw(st.booleans()):
            events.append(said(at_ms, length_ms, draw(st.sampled_from("xy")), **how))
        else:
            path = draw(st.sampled_from(tones()))
            begin_ms = draw(st.sampled_from([0, 480]))
            end_ms = draw(st.sampled_from([None, begin_ms + 700]))
            speed = draw(st.sampled_from([1.0, 1.25]))
            sound = Sound(path, path.name, Position(1, 1), speed, begin_ms, end_ms)
            events.append(Event(at_ms, at_ms + length_ms, sound, **how))
        at_ms += length_ms + draw(st.sampled_from([-200, 0, 144, 480]))
    ends_ms = max(event.end_ms for event in events) + draw(st.sampled_from([0, 10]))
    return [*sorted(events, key=lambda event: event.begin_ms), End(ends_ms)]


@settings(max_examples=80, deadline=None)
@given(sessions(), st.sampled_from([1, 2]))
def test_it_sounds_like_the_mix_whatever_was_encoded_before(items, channels):
    with tempfile.TemporaryDirectory() as empty:
        alone = mp3(items, Path(empty), channels)
    assert mp3(items, KEPT / "encoded", channels) == alone
    assert_alike(by_miniaudio(alone, channels), mixed(items, channels), most_db=-8)


KEPT = Path(tempfile.mkdtemp())
"""What all examples encode: a digest that forgets something gives another one's sound."""


@pytest.fixture(autouse=True, scope="module")
def _emptied():
    yield
    shutil.rmtree(KEPT)


def test_what_the_mixer_changes_is_encoded_again(tmp_path, monkeypatch):
    items = [said(500), End(2000)]
    mp3(items, tmp_path)
    monkeypatch.setattr("voiceguide.mixer.passages.VERSION", VERSION + 1)
    voice = Spoken()
    mp3(items, tmp_path, voice=voice)
    assert voice.asked == 1


def test_what_was_encoded_is_neither_spoken_nor_mixed_again(tmp_path):
    items = [said(500 + 1500 * n, word=f"word{n}", pan=0.25 * (n % 2)) for n in range(6)]
    first, second = Spoken(), Spoken()
    content = mp3([*items, End(9700)], tmp_path, voice=first)
    assert mp3([*items, End(9700)], tmp_path, voice=second) == content
    assert (first.asked, second.asked) == (6, 0)
    later = [said(one.begin_ms + 240 * n, word=f"word{n}") for n, one in enumerate(items)]
    third = Spoken()
    mp3([*later, End(12_000)], tmp_path, voice=third)
    assert third.asked == 3, "those at the side are in the middle now; the others are known"


def test_progress_goes_on_where_there_is_no_silence(tmp_path):
    items = [*(said(400 * n, 500, word=f"word{n}") for n in range(70)), End(29_000)]
    said_ms = []
    _encode(Encoder(io.BytesIO(), 2, Store(tmp_path)), Mix(items, Spoken(), 2), said_ms.append)
    assert len(said_ms) > 2
    assert said_ms == sorted(said_ms)
    assert 28_000 < said_ms[-1] < 29_000


def test_another_sound_under_the_same_name_is_heard(tmp_path):
    path = tmp_path / "tone.wav"
    event = Event(500, 1500, Sound(path, "tone.wav", Position(1, 1)), 0.0)
    for seed in ("one", "two"):
        with AudioFile(str(path), "w", RATE_HZ, 1) as file:
            file.write(noise(seed, 1000).astype(np.float32) / 32768)
        items = [event, End(2500)]
        assert_alike(by_miniaudio(mp3(items, tmp_path / "kept")), mixed(items))


def test_a_long_passage_is_cut_and_joined(tmp_path):
    items = [*(said(400 * n, 500, word=f"word{n}") for n in range(70)), End(30_000)]
    content = mp3(items, tmp_path)
    assert len(list(tmp_path.glob("*/*"))) > 2
    assert_alike(by_miniaudio(content), mixed(items))


def test_silence_at_both_ends_and_nothing_else(tmp_path):
    assert by_miniaudio(mp3([End(3000)], tmp_path)).shape == (3 * RATE_HZ, 2)
    items = [said(0, 300), End(30_000)]
    assert_alike(by_miniaudio(mp3(items, tmp_path)), mixed(items))
    assert len(mp3(items, tmp_path)) == (-(-(30 * RATE_HZ + FRAME) // FRAME) + 1) * 336
