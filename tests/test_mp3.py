"""MP3s are as long as what was written, each sample at its place, as other programs read them."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import lameenc
import miniaudio
import numpy as np
import pytest
from conftest import needs
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutagen.mp3 import MP3
from pedalboard.io import AudioFile

from voiceguide.export import formats, frames, mp3, segments
from voiceguide.export.mp3 import Encoder, checksum
from voiceguide.files import Store
from voiceguide.timeline import End

RATE_HZ = 48_000


def noise(count: int, channels: int) -> np.ndarray:
    """Return noise in the band of speech at −20 dBFS, shape (samples, channels), 16 bit."""
    random = np.random.default_rng(count)
    spectrum = np.fft.rfft(random.normal(size=(count, channels)), axis=0)
    spectrum[np.fft.rfftfreq(count, 1 / RATE_HZ) > 6000] = 0
    sound = np.fft.irfft(spectrum, count, axis=0)
    return (sound / max(1e-9, sound.std()) * 3277).clip(-32768, 32767).astype("<i2")


def encoded(samples: np.ndarray, cuts: list[int], kept: Path | None = None) -> bytes:
    """Encode in blocks that end at ``cuts``; with a folder, keep there what was encoded."""
    file = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        encoder = Encoder(file, samples.shape[1], Store(kept or Path(folder)))
        for block in np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts)):
            encoder.write(block.tobytes())
        encoder.close()
    return file.getvalue()


def by_lame(samples: np.ndarray) -> bytes:
    """Return what LAME makes of samples in one go."""
    channels = samples.shape[1]
    lame = lameenc.Encoder()
    lame.silence()
    lame.set_in_sample_rate(RATE_HZ)
    lame.set_out_sample_rate(RATE_HZ)
    lame.set_channels(channels)
    lame.set_bit_rate({1: 96, 2: 112}[channels])
    lame.set_quality(7)
    return bytes(lame.encode(samples.tobytes()) + lame.flush())


def straight(samples: np.ndarray, delay: int = 0) -> np.ndarray:
    """Return what is heard of samples that LAME encodes in one go, behind so much silence."""
    channels = samples.shape[1]
    heard = decoded(by_lame(np.pad(samples, ((delay, 0), (0, 0)))), channels)
    begin = 576 + 529 + delay  # LAME's delay and the decoder's
    return heard[begin : begin + len(samples)]


def decoded(content: bytes, channels: int) -> np.ndarray:
    """Return the samples of an MP3 as miniaudio plays it, shape (samples, channels)."""
    heard = miniaudio.decode(content, nchannels=channels, sample_rate=RATE_HZ)
    return np.frombuffer(heard.samples, "<i2").reshape(-1, channels).astype(float)


def by_ffmpeg(content: bytes, channels: int) -> np.ndarray:
    """Return the samples of an MP3 as ffmpeg plays it; it has nothing to complain about."""
    needs("ffmpeg")
    with tempfile.NamedTemporaryFile(suffix=".mp3") as file:
        file.write(content)
        file.flush()
        command = ["ffmpeg", "-v", "warning", "-i", file.name, "-f", "s16le", "-"]
        done = subprocess.run(command, capture_output=True, check=True)
    assert not done.stderr
    return np.frombuffer(done.stdout, "<i2").reshape(-1, channels).astype(float)


def phrases(seed: int, count: int, channels: int) -> np.ndarray:
    """Return sounds with hard and soft edges, with no, short and long silence between them."""
    random = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        size = 48 * int(random.integers(20, 700))
        sound = noise(size, channels) * random.uniform(0.05, 2)
        if random.random() < 0.5:
            sound = sound * np.hanning(size)[:, None]
        if random.random() < 0.3:
            sound = np.repeat(sound[:, :1], channels, axis=1)
        silence = 48 * int(random.choice([0, 40, 100, 150, 400]) * random.uniform(0.5, 1))
        parts += [sound, np.zeros((silence, channels))]
    return np.concatenate(parts).round().astype("<i2")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60_000), st.sampled_from([1, 2]), st.lists(st.integers(0, 60_000)))
@example(1, 1, [])
@example(1105, 2, [])
@example(1152 * 7, 1, [])
@example(1152 * 7 - 1, 2, [1, 2, 3])
def test_an_mp3_is_as_long_as_what_was_written(count: int, channels: int, cuts: list[int]) -> None:
    content = encoded(noise(count, channels), cuts)
    info = MP3(io.BytesIO(content)).info
    assert round(info.length * RATE_HZ) == count
    assert (info.sample_rate, info.channels) == (RATE_HZ, channels)
    heard = miniaudio.decode(content, nchannels=channels, sample_rate=RATE_HZ)
    assert heard.num_frames == count


@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample_is_at_its_place(channels: int, tmp_path: Path) -> None:
    needs("ffmpeg")
    samples = noise(200_001, channels)
    path = tmp_path / "a.mp3"
    path.write_bytes(encoded(samples, [24_000, 48_000]))
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert not done.stderr
    heard = np.frombuffer(done.stdout, "<i2").reshape(-1, channels)
    assert heard.shape == samples.shape
    for channel in range(channels):
        products = np.fft.irfft(
            np.fft.rfft(heard[:, channel].astype(float))
            * np.conj(np.fft.rfft(samples[:, channel].astype(float)))
        )
        assert np.argmax(products) == 0  # not a sample early or late


@pytest.mark.parametrize(("channels", "begin"), [(1, 21), (2, 36)])
def test_the_info_frame_is_as_lame_itself_writes_it(channels: int, begin: int) -> None:
    samples = noise(1_000_000, channels)
    file = io.BytesIO()
    rate = {1: 96, 2: 112}[channels]
    with AudioFile(
        file, "w", samplerate=RATE_HZ, num_channels=channels, quality=rate, format="mp3"
    ) as lame:
        lame.write(samples.T)
    ours, theirs = (content[: begin + 156] for content in (encoded(samples, []), file.getvalue()))
    told = [
        range(3),  # the frame's header, but for which channels go together
        range(4, begin + 16),  # what is told, length in frames and bytes
        range(begin + 120, begin + 130),  # version, and how the rate varies
        range(begin + 140, begin + 144),  # rate, samples before and behind
        range(begin + 148, begin + 152),  # length in bytes
    ]
    stereo_mode = 0b11100
    assert ours[begin + 144] & stereo_mode == theirs[begin + 144] & stereo_mode
    for fields in told:
        assert [ours[at] for at in fields] == [theirs[at] for at in fields]
    places = [np.array(list(frame[begin + 16 : begin + 116])) for frame in (ours, theirs)]
    assert np.abs(places[0] - places[1]).max() <= 1  # of 256: LAME knows them by the frame
    for frame in (theirs, ours):
        assert checksum(frame[:-2]) == int.from_bytes(frame[-2:], "big")


# Segments, encoded alone and joined


def noise_of(heard: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the power of what is wrong in each half of a frame; nothing is missing."""
    assert heard.shape == samples.shape
    halves = len(samples) // 576
    wrong = (heard - samples)[: halves * 576]
    return (wrong.reshape(halves, -1) ** 2).mean(axis=1)


def assert_like_another_encoding(content: bytes, samples: np.ndarray) -> None:
    """Two decoders play the samples as exactly as an MP3 that was encoded in one go.

    That is judged by the noise, all of it and in each half of a frame, where a click would be.
    """
    one, another = (noise_of(straight(samples, delay), samples) for delay in (0, 331))
    most = np.maximum(one, another)
    near = np.maximum.reduce([np.roll(most, by) for by in (-1, 0, 1)])
    for decode in (decoded, by_ffmpeg):
        ours = noise_of(decode(content, samples.shape[1]), samples)
        assert ours.mean() < 1.05 * most.mean()
        assert (ours <= 10 * near + 100).all()  # a click is some hundred times as strong


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seed", range(2))
def test_a_hundred_joins_sound_like_one_encoding(seed: int, channels: int) -> None:
    needs("ffmpeg")
    samples = phrases(seed, 100, channels)
    assert_like_another_encoding(encoded(samples, [24_000 * n for n in range(1, 100)]), samples)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_without_silence_is_joined_where_it_is_cut(channels: int) -> None:
    needs("ffmpeg")
    samples = phrases(3, 40, channels)
    samples += (noise(len(samples), channels) // 50).clip(1).astype("<i2")
    assert_like_another_encoding(cut(samples, longest=80, shared=24), samples)


def cut(samples: np.ndarray, longest: int, shared: int) -> bytes:
    """Encode samples that are cut after so many frames; the parts share so many."""
    with (
        mock.patch.multiple(segments, LONGEST=longest, OVERLAP=shared),
        mock.patch.object(mp3, "OVERLAP", shared),
    ):
        return encoded(samples, [])


@pytest.mark.parametrize("channels", [1, 2])
def test_parts_that_cannot_be_joined_are_encoded_as_one(channels: int) -> None:
    samples = noise(1152 * 200, channels).clip(1)
    no_place_to_join = 4
    assert cut(samples, 80, no_place_to_join) == cut(samples, 1000, 24)
    assert cut(samples, 80, 24) != cut(samples, 1000, 24)


@pytest.mark.parametrize("channels", [1, 2])
def test_frames_are_joined_where_their_windows_overlap(channels: int) -> None:
    steady = noise(1152 * 60, channels) // 16
    with_attacks = steady.copy()
    with_attacks[::5000] = 20_000
    one, other = (
        frames.read(by_lame(samples), channels, {1: 96, 2: 112}[channels])
        for samples in (with_attacks, steady)
    )
    places = range(1, 60)
    assert all(frames.meet(one.part(0, at), one.part(at)) for at in places)
    clashes = [at for at in places if not frames.meet(one.part(0, at), other.part(at))]
    assert 5 < len(clashes) < 40


@pytest.mark.parametrize("channels", [1, 2])
def test_what_was_encoded_is_not_encoded_again(channels: int, tmp_path: Path) -> None:
    padding = ((1152 * 5, 1152 * 5), (0, 0))
    first, second = (np.pad(noise(1152 * count, channels), padding) for count in (9, 7))
    content = encoded(np.concatenate((first, second)), [], tmp_path)
    assert encoded(np.concatenate((first, second)), [4321], tmp_path) == content
    kept = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    assert len(kept) == 2
    other_order = np.concatenate((second, first[1152:], second))
    assert_like_another_encoding(encoded(other_order, [], tmp_path), other_order)
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*")} == kept


def test_it_makes_no_difference_what_was_encoded_before(tmp_path: Path) -> None:
    samples = phrases(4, 12, 2)
    content = encoded(samples, [], tmp_path)
    for number, path in enumerate(sorted(tmp_path.glob("*/*"))):
        if number % 3 == 0:
            path.unlink()
        elif number % 3 == 1:
            path.write_bytes(path.read_bytes()[:-1] + b"x")  # damaged
    assert encoded(samples, [], tmp_path) == content


def test_what_is_heard_in_the_middle_is_encoded_as_in_mono(tmp_path: Path) -> None:
    mono = phrases(5, 12, 1)
    of_mono = decoded(encoded(mono, [], tmp_path), 1)
    kept = sorted(tmp_path.glob("*/*"))
    left, right = decoded(encoded(np.repeat(mono, 2, axis=1), [], tmp_path), 2).T
    assert sorted(tmp_path.glob("*/*")) == kept
    assert np.abs(left - right).max() == 0
    assert np.abs(left - of_mono[:, 0]).max() <= 2  # of rounding


def test_silence_takes_nothing_to_encode(tmp_path: Path) -> None:
    content = encoded(np.zeros((RATE_HZ * 60, 2), "<i2"), [], tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not decoded(content, 2).any()


def test_a_disk_that_becomes_full_is_reported_and_nothing_more_is_written(tmp_path: Path) -> None:
    class Disk(io.BytesIO):
        def write(self, data: object) -> int:
            if self.tell() > 100_000:
                raise OSError("full")
            return super().write(data)

    encoder = Encoder(Disk(), 1, Store(tmp_path))
    four_minutes = np.tile(noise(RATE_HZ, 1).clip(1), (240, 1)).tobytes()
    with pytest.raises(OSError, match="full"):
        encoder.write(four_minutes)
    encoder.abandon()
    encoder.close()


@pytest.mark.parametrize("bed", [None, "rain"])
def test_what_breaks_off_in_mixing_ends_at_once(tmp_path: Path, monkeypatch, bed) -> None:
    class Mix:
        def passages(self, _apart_ms: int) -> Iterator[End]:
            yield End(60_000)
            raise KeyboardInterrupt

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(120):
                yield bytes(48_000)
            raise KeyboardInterrupt

    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path))
    mix, file = Mix(), io.BytesIO()
    mix.bed = bed
    with pytest.raises(KeyboardInterrupt):
        formats._encode(mp3.encoder(file, 1), mix, lambda _: None)
    assert len(file.getvalue()) == 288, "the place of the Info frame"


def test_nothing_written_is_still_a_file() -> None:
    content = encoded(np.zeros((0, 1), "<i2"), [])
    assert MP3(io.BytesIO(content)).info.length == 0
