"""MP3s are as long as what was written, each sample at its place, as other programs read them."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import miniaudio
import numpy as np
import pytest
from conftest import needs
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutagen.mp3 import MP3
from pedalboard.io import AudioFile

from voiceguide.export.mp3 import Encoder, checksum

if TYPE_CHECKING:
    from pathlib import Path

RATE_HZ = 48_000


def noise(count: int, channels: int) -> np.ndarray:
    """Return noise in the band of speech at −20 dBFS, shape (samples, channels), 16 bit."""
    random = np.random.default_rng(count)
    spectrum = np.fft.rfft(random.normal(size=(count, channels)), axis=0)
    spectrum[np.fft.rfftfreq(count, 1 / RATE_HZ) > 6000] = 0
    sound = np.fft.irfft(spectrum, count, axis=0)
    return (sound / max(1e-9, sound.std()) * 3277).clip(-32768, 32767).astype("<i2")


def encoded(samples: np.ndarray, cuts: list[int]) -> bytes:
    """Encode in blocks that end at ``cuts``."""
    file = io.BytesIO()
    encoder = Encoder(file, samples.shape[1])
    for block in np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts)):
        encoder.write(block.tobytes())
    encoder.close()
    return file.getvalue()


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


def test_nothing_written_is_still_a_file() -> None:
    content = encoded(np.zeros((0, 1), "<i2"), [])
    assert MP3(io.BytesIO(content)).info.length == 0
