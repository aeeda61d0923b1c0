"""An MP3 of a session sounds like its mix, whatever was encoded before, and knows what was."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import miniaudio
import numpy as np
import pytest
from conftest import needs
from hypothesis import given, settings
from hypothesis import strategies as st
from pedalboard.io import AudioFile

from voiceguide.errors import Position
from voiceguide.export import frames
from voiceguide.export.formats import _encode
from voiceguide.export.mp3 import Encoder
from voiceguide.files import Store
from voiceguide.mixer import Mix
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
    _encode(Encoder(file, channels, Store(kept)), mix, lambda: None)
    return file.getvalue()


def mixed(items: Sequence[Item], channels: int = 2) -> np.ndarray:
    """Return the mix, shape (samples, channels)."""
    blocks = b"".join(Mix(items, Spoken(), channels))
    return np.frombuffer(blocks, "<i2").reshape(-1, channels).astype(float)


def by_miniaudio(content: bytes, channels: int = 2) -> np.ndarray:
    heard = miniaudio.decode(content, nchannels=channels, sample_rate=RATE_HZ)
    return np.frombuffer(heard.samples, "<i2").reshape(-1, channels).astype(float)


def by_program(content: bytes, *command: str) -> np.ndarray:
    """Return what a program plays of an MP3 that it is given in a file."""
    needs(command[0])
    with tempfile.NamedTemporaryFile(suffix=".mp3") as file:
        file.write(content)
        file.flush()
        made = [file.name if part == "FILE" else part for part in command]
        done = subprocess.run(made, capture_output=True, check=True)
    assert not done.stderr
    return np.frombuffer(done.stdout, "<i2").reshape(-1, 2).astype(float)


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


def modes(content: bytes) -> set[int]:
    """Return the modes of an MP3's frames with sound: 0 for left and right, 1 for intensity."""
    rows = np.frombuffer(content, np.uint8).reshape(-1, frames.frame_bytes(112))[1:]
    with_sound = rows[rows[:, 6:36].any(axis=1)]
    return set((with_sound[:, 3] >> 4 & 3).tolist())


DECODERS = {
    "miniaudio": by_miniaudio,
    "ffmpeg": lambda content: by_program(
        content, "ffmpeg", "-v", "warning", "-i", "FILE", "-f", "s16le", "-"
    ),
    "mpg123": lambda content: by_program(content, "mpg123", "-q", "-s", "FILE"),
}


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("pan", [-1, -0.6667, -0.3333, 0, 0.3333, 2 / 3, 1])
def test_sound_from_one_place_is_encoded_in_one_channel(pan, decoder, tmp_path):
    items = [*(said(500 + 1500 * n, word=f"word{n}", pan=pan) for n in range(6)), End(9700)]
    content = mp3(items, tmp_path)
    heard, mix = DECODERS[decoder](content), mixed(items)
    assert_alike(heard, mix, most_db=-18)
    left, right = (np.sqrt((heard**2).sum(axis=0)) / np.sqrt((mix**2).sum(axis=0) + 1)).tolist()
    assert pan == 1 or 0.93 < left < 1.01, "of each channel, 0.1 dB at most from the other"
    assert pan == -1 or 0.93 < right < 1.01
    assert abs(pan) == 1 or abs(left - right) < 0.012
    assert modes(content) == {2 if pan == 0 else 1}


def test_left_and_right_are_encoded_once(tmp_path):
    mp3([said(480, pan=-0.3333), End(3000)], tmp_path)
    kept = list(tmp_path.glob("*/*"))
    mp3([said(960, pan=0.3333), End(4000)], tmp_path)
    assert list(tmp_path.glob("*/*")) == kept


@pytest.mark.parametrize(
    "events",
    [
        [said(500, pan=0.25)],
        [said(500, pan=0.3333), said(1000, word="over", pan=0.3333)],
        [said(500, pan=0.3333, gain_db=6)],
        [said(500, pan=0.3333), said(1000, word="over")],
    ],
    ids=["between two places", "two at once at a side", "louder", "from two places"],
)
def test_other_sound_has_two_channels(events, tmp_path):
    content = mp3([*events, End(3000)], tmp_path)
    assert 1 not in modes(content)
    assert_alike(by_miniaudio(content), mixed([*events, End(3000)]), most_db=-12)


EVENTS = st.builds(
    lambda begin, length, word, pan, gain, ramps, rising: said(
        begin,
        length,
        word,
        pan=pan,
        gain_db=gain,
        ramps=tuple(
            Ramp(begin, begin + ms, rising=True)
            if rising
            else Ramp(begin + length - ms, begin + length, rising=False)
            for ms in ramps
        ),
    ),
    st.integers(0, 25_000),
    st.sampled_from([40, 300, 900, 12_000]),
    st.sampled_from(["one", "two"]),
    st.sampled_from([-1.0, -0.3333, 0.0, 0.2, 0.3333]),
    st.sampled_from([-12.0, 0.0, 6.0]),
    st.sampled_from([(), (30,)]),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=8), st.sampled_from([1, 2]), st.integers(0, 3000))
def test_it_sounds_like_the_mix_whatever_was_encoded_before(events, channels, rest_ms):
    ends_ms = max(event.end_ms for event in events) + rest_ms
    items = [*sorted(events, key=lambda event: event.begin_ms), End(ends_ms)]
    with tempfile.TemporaryDirectory() as empty:
        alone = mp3(items, Path(empty), channels)
    assert mp3(items, KEPT, channels) == alone
    assert_alike(by_miniaudio(alone, channels), mixed(items, channels), most_db=-8)


KEPT = Path(tempfile.mkdtemp())
"""What all examples encode: a digest that forgets something gives another one's sound."""


@pytest.fixture(autouse=True, scope="module")
def _emptied():
    yield
    for path in sorted(KEPT.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    KEPT.rmdir()


def test_what_was_encoded_is_neither_spoken_nor_mixed_again(tmp_path):
    items = [said(500 + 1500 * n, word=f"word{n}", pan=0.3333 * (n % 2)) for n in range(6)]
    first, second = Spoken(), Spoken()
    content = mp3([*items, End(9700)], tmp_path, voice=first)
    assert mp3([*items, End(9700)], tmp_path, voice=second) == content
    assert (first.asked, second.asked) == (6, 0)
    later = [said(one.begin_ms + 240 * n, word=f"word{n}") for n, one in enumerate(items)]
    third = Spoken()
    mp3([*later, End(12_000)], tmp_path, voice=third)
    assert third.asked == 3, "those at the side are in the middle now; the others are known"


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
