"""Compares ways to make an MP3 of a session: time, and how much of the noise may be heard.

    python tests/benchmarks/compare_encoders.py [TARGET] [--minutes M]

Noise is what differs from the sound before. It may be heard where, in one of 24 critical bands
(Zwicker) of a moment of 21 ms, it is above the mask: 13 dB below the sound, which reaches 27 dB a
band down and 10 dB a band up, or the threshold in quiet (Terhardt) with full scale at 94 dB SPL.
That is stricter than ears are; it compares encoders, and says nothing of a listener.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import miniaudio
import numpy as np
from pedalboard.io import AudioFile

from voiceguide import Session
from voiceguide.export import mp3
from voiceguide.files import Store

RATE_HZ, WINDOW, BANDS = 48_000, 1024, 24


def main() -> None:
    """Print a line for each encoder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", nargs="?", default="calf")
    parser.add_argument("--minutes", type=float, help="as for “render”")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Session(options.target, minutes=options.minutes).export(Path(folder) / "a.wav")
        with AudioFile(str(path)) as file:
            stereo = file.read(file.frames)
    print("| channels | encoder | kbit/s | s a minute | noise / sound | may be heard |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    for sound, rates in ((stereo.mean(axis=0, keepdims=True), (96, 112)), (stereo, (112, 128))):
        samples = (sound.T * 32767).round().astype("<i2")
        minutes = len(samples) / RATE_HZ / 60
        ways = [("pedalboard", None), ("LAME 5", 5), ("LAME 7", 7)]
        for kbit_per_s in rates:
            for name, quality in ways:
                begin = time.process_time()
                content = encode(samples, kbit_per_s, quality)
                took = (time.process_time() - begin) / minutes
                ratio, heard = noise(samples, content)
                print(
                    f"| {len(sound)} | {name} | {kbit_per_s} | {took:.3f} | {ratio:.1f} dB "
                    f"| {heard:.1%} |",
                    flush=True,
                )


def encode(samples: np.ndarray, kbit_per_s: int, quality: int | None) -> bytes:
    """Encode with LAME's ``quality``; None: with pedalboard."""
    file = io.BytesIO()
    channels = samples.shape[1]
    blocks = np.split(samples, range(RATE_HZ, len(samples), RATE_HZ))
    if quality is None:
        with AudioFile(
            file, "w", samplerate=RATE_HZ, num_channels=channels, quality=kbit_per_s, format="mp3"
        ) as pedalboard:
            for block in blocks:
                pedalboard.write(block.T)
        return file.getvalue()
    rates = {1: 96, channels: kbit_per_s}
    with (
        mock.patch.multiple(mp3, _QUALITY=quality, KBIT_PER_S=rates),
        tempfile.TemporaryDirectory() as folder,
    ):
        encoder = mp3.Encoder(file, channels, Store(Path(folder)))
        for block in blocks:
            encoder.write(block.tobytes())
        encoder.close()
    return file.getvalue()


def noise(samples: np.ndarray, content: bytes) -> tuple[float, float]:
    """Tell noise against sound in dB, and in which share of bands and moments it may be heard."""
    channels = samples.shape[1]
    heard = miniaudio.decode(content, nchannels=channels, sample_rate=RATE_HZ)
    after = np.frombuffer(heard.samples, "<i2").reshape(-1, channels) / 32768
    before = samples / 32768
    hz = np.maximum(np.fft.rfftfreq(WINDOW, 1 / RATE_HZ), 60)
    bark = 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)
    band = np.minimum(bark.astype(int), BANDS - 1)
    into_bands = (band[:, None] == np.arange(BANDS)).astype(float)
    above = np.subtract.outer(np.arange(BANDS), np.arange(BANDS))
    spread = 10 ** (np.where(above > 0, -10 * above, 27 * above) / 10 - 1.3)
    quiet_db = 3.64 * (hz / 1000) ** -0.8 - 6.5 * np.exp(-0.6 * (hz / 1000 - 3.3) ** 2)
    quiet = 10 ** ((quiet_db + 1e-3 * (hz / 1000) ** 4 - 94) / 10) * WINDOW**2 / 16
    threshold = np.array([quiet[band == number].min() for number in range(BANDS)])
    count = audible = 0
    for channel in range(channels):
        moments = np.lib.stride_tricks.sliding_window_view(before[:, channel], WINDOW)
        changed = np.lib.stride_tricks.sliding_window_view(after[:, channel], WINDOW)
        for first in range(0, len(moments), 100 * WINDOW):
            sound = moments[first : first + 100 * WINDOW : WINDOW // 2]
            other = changed[first : first + 100 * WINDOW : WINDOW // 2]
            loud = (sound**2).mean(axis=1) > 1e-6
            sound, other = sound[loud], other[loud]
            power = np.abs(np.fft.rfft(sound * np.hanning(WINDOW))) ** 2 @ into_bands
            error = np.abs(np.fft.rfft((sound - other) * np.hanning(WINDOW))) ** 2 @ into_bands
            audible += int((error > np.maximum(power @ spread.T, threshold)).sum())
            count += error.size
    ratio = 10 * np.log10(((before - after) ** 2).sum() / (before**2).sum())
    return float(ratio), audible / count


if __name__ == "__main__":
    sys.exit(main())
