"""Make the interval tones and ambient beds of this folder: ``python sounds/make_sounds.py``.

Every tone is computed, none is recorded, and each run writes the same bytes. A struck tone is a sum
of partials that decay; a breath is a gliding tone in filtered noise. The pitches are those of D
major pentatonic, so that no two tones clash. A bed is periodic in all that it is made of, so that
it is a loop without a seam. Signals are one-dimensional float64 arrays at 48 kHz, full scale 1.0.
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import NamedTuple

import loudness
import numpy as np
from numpy.typing import NDArray
from pedalboard.io import AudioFile

Signal = NDArray[np.float64]

RATE_HZ = 48_000  # 48 samples are 1 ms, the grid of the timeline
FULL_SCALE = 32_767  # of 16 bit

# Speech stands at -16 LUFS, and tones lie at least 6 LU below it (design, "Loudness").
STRUCK_LUFS = -25.0  # loudest 400 ms
BREATH_LUFS = -31.0  # loudest 400 ms; it sounds for seconds on end
PEAK_LIMIT_DBFS = -9.0
MOMENTARY_MS = 400  # the window of momentary loudness (EBU Tech 3341)
MOMENTARY_STEP_MS = 100

ATTACK_MS = 4  # heard at once, yet no click
RELEASE_SHARE = 0.25  # of a struck tone's length: its tail is faded to nothing

E3_HZ, A3_HZ, B3_HZ = 164.81, 220.00, 246.94
D4_HZ, FSHARP4_HZ, A4_HZ, D5_HZ = 293.66, 369.99, 440.00, 587.33

BREATH_PARTIALS = (1.0, 0.5, 0.3, 0.12)  # amplitudes of the harmonics 1, 2, 3, 4
BREATH_FLOOR_DB = -12.0  # level of an empty breath against a full one
BREATH_AIR = 0.6  # amplitude of the noise (RMS) against that of the tone (first partial)
EMPTY_AIR_HZ, FULL_AIR_HZ = 450.0, 900.0  # centre of the noise, lungs empty and full
AIR_WIDTH_OCTAVES = 0.7  # standard deviation of its spectrum
AIR_SEED = 1

BED_LUFS = -36.0  # integrated; players bring beds to their level, and a soft file is a small one
RAIN_MS, OCEAN_MS, DRONE_MS = 24_000, 40_000, 32_000
RAIN_DROPS_PER_S = 90
WAVES = (
    (0, 1.0, 2.2, 4.2),
    (11_200, 0.7, 1.8, 3.6),
    (19_800, 0.9, 2.6, 4.4),
    (31_000, 0.75, 2.0, 3.8),
)
"""Of the sea: when each breaks (ms), how high, and how fast it rises and falls (s)."""
DRONE_HZ = (73.42, 110.00, 146.83, 220.00, 293.66, 369.99, 440.00)  # D2 A2 D3 A3 D4 F#4 A4
DRONE_AMPLITUDES = (0.5, 0.6, 1.0, 0.7, 0.45, 0.16, 0.12)
DRONE_HARMONICS = (1.0, 0.35, 0.16, 0.07)


class Partial(NamedTuple):
    """One vibration of a struck body, against its fundamental."""

    ratio: float
    """Frequency."""
    amplitude: float
    decay: float
    """Time in which it falls to 1/e."""


# A bowl's modes lie near 1, 8/3 and 5 times the lowest. Each is a pair, as no bowl is quite round:
# the pair beats about once a second, and the tone shimmers.
BOWL = (
    Partial(1.0, 1.0, 1.0),
    Partial(1.004, 0.25, 1.0),
    Partial(2.667, 0.5, 0.7),
    Partial(2.672, 0.12, 0.7),
    Partial(5.05, 0.12, 0.35),
    Partial(8.1, 0.04, 0.15),
)
# Felt on a bar with a resonator: nearly harmonic, the upper partials gone first.
MALLET = (
    Partial(1.0, 1.0, 1.0),
    Partial(2.0, 0.4, 0.7),
    Partial(3.0, 0.15, 0.45),
    Partial(4.0, 0.05, 0.3),
)
# A plain wooden bar, free at both ends: (k_n / k_1)^2 with cos k cosh k = 1.
WOOD = (
    Partial(1.0, 1.0, 1.0),
    Partial(2.756, 0.4, 0.5),
    Partial(5.404, 0.08, 0.25),
)


def make_sounds() -> dict[str, Signal]:
    """Return every tone at its level, by the name of its file."""
    struck = {
        "bell": strikes([A3_HZ], BOWL, decay_ms=550, length_ms=2_500),
        "start": strikes([D4_HZ, A4_HZ], MALLET, decay_ms=180, length_ms=700, step_ms=150),
        "end": strikes([A4_HZ, D4_HZ], MALLET, decay_ms=230, length_ms=900, step_ms=200),
        "half": strikes([D5_HZ], MALLET, decay_ms=130, length_ms=500),
        "tick": strikes([D5_HZ], WOOD, decay_ms=22, length_ms=100),
        "chime": strikes(
            [FSHARP4_HZ, A4_HZ, D5_HZ], MALLET, decay_ms=380, length_ms=1_800, step_ms=230
        ),
    }
    breaths = {
        "inhale": breath(rise(4_000), attack_ms=200, release_ms=500),
        "exhale": breath(rise(6_000)[::-1], attack_ms=300, release_ms=1_000),
    }
    return {name: at_level(tone, STRUCK_LUFS) for name, tone in struck.items()} | {
        name: at_level(tone, BREATH_LUFS) for name, tone in breaths.items()
    }


def make_beds() -> dict[str, Signal]:
    """Return every bed at its level, by the name of its file."""
    return {
        name: bed * 10 ** ((BED_LUFS - integrated_lufs(bed)) / 20)
        for name, bed in (("rain", rain()), ("ocean", ocean()), ("drone", drone()))
    }


def rain() -> Signal:
    """Return steady rain: a soft hiss that comes and goes a little, and drops near by."""
    count = samples(RAIN_MS)
    rng = np.random.default_rng(2)
    hiss = noise(count, rng, low_hz=350, high_hz=5_500, slope_db=-4.5)
    hiss *= 10 ** (1.2 * swell(count, rng, cycles=7) / 20)
    drops = np.zeros(count)
    number = RAIN_DROPS_PER_S * RAIN_MS // 1_000
    at = rng.integers(0, count, number)
    loud = rng.lognormal(0, 0.5, number)
    pitches_hz = np.geomspace(700, 4_500, 60)  # so many that no pitch is heard
    for pitch_hz, part in zip(pitches_hz, np.arange(number).reshape(60, -1), strict=True):
        struck = np.bincount(at[part], weights=loud[part], minlength=count)
        time_s = np.arange(samples(40)) / RATE_HZ
        drop = np.sin(2 * np.pi * pitch_hz * time_s) * np.exp(-time_s * pitch_hz / 7)
        drop *= edges(len(drop), 1, 10)
        drops += np.fft.irfft(np.fft.rfft(struck) * np.fft.rfft(drop, count), count)
    return hiss + 0.35 * drops / np.sqrt(np.mean(drops**2))


def ocean() -> Signal:
    """Return waves that break and run out, over a far surf; the foam is brighter than the swell."""
    count = samples(OCEAN_MS)
    rng = np.random.default_rng(3)
    time_s = np.arange(count) / RATE_HZ
    period_s = OCEAN_MS / 1_000
    height = np.zeros(count)
    for at_ms, high, rise_s, fall_s in WAVES:
        since_s = (time_s - at_ms / 1_000 + period_s / 2) % period_s - period_s / 2
        spread_s = np.where(since_s < 0, rise_s, fall_s)
        height += high * np.exp(-((since_s / spread_s) ** 2))
    surf = noise(count, rng, low_hz=100, high_hz=900, slope_db=-6.0)
    foam = noise(count, rng, low_hz=300, high_hz=5_000, slope_db=-5.0)
    return surf * (0.25 + 0.75 * height) + 0.8 * foam * (0.06 + height**2)


def drone() -> Signal:
    """Return a chord of open fifths that shimmers: each tone is a pair, and swells by itself."""
    count = samples(DRONE_MS)
    rng = np.random.default_rng(4)
    whole = np.zeros(count)
    turn = 2 * np.pi * np.arange(count) / count
    for pitch_hz, amplitude in zip(DRONE_HZ, DRONE_AMPLITUDES, strict=True):
        level = amplitude * 10 ** (2.5 * swell(count, rng, cycles=4) / 20)
        for harmonic, strength in enumerate(DRONE_HARMONICS, start=1):
            turns = round(pitch_hz * harmonic * DRONE_MS / 1_000)  # whole ones: it is a loop
            for beside, part in ((0, 1.0), (rng.integers(3, 9), 0.6)):
                phase = rng.uniform(0, 2 * np.pi)
                whole += level * strength * part * np.sin((turns + beside) * turn + phase)
    return whole


def noise(
    count: int, rng: np.random.Generator, *, low_hz: float, high_hz: float, slope_db: float
) -> Signal:
    """Return periodic noise (RMS 1) between two frequencies, falling by dB an octave."""
    frequency_hz = np.fft.rfftfreq(count, 1 / RATE_HZ)[1:]
    magnitude = (frequency_hz / low_hz) ** (slope_db / 20 / np.log10(2))
    magnitude /= np.sqrt(1 + (low_hz / frequency_hz) ** 8) * np.sqrt(
        1 + (frequency_hz / high_hz) ** 6
    )
    phase = rng.uniform(0, 2 * np.pi, len(frequency_hz))
    made: Signal = np.fft.irfft(np.concatenate([[0], magnitude * np.exp(1j * phase)]), count)
    return made / np.sqrt(np.mean(made**2))


def swell(count: int, rng: np.random.Generator, *, cycles: int) -> Signal:
    """Return a slow, periodic, aimless motion between about -2 and 2, of up to so many cycles."""
    turn = 2 * np.pi * np.arange(count) / count
    motions = [np.sin(n * turn + rng.uniform(0, 2 * np.pi)) for n in range(1, cycles + 1)]
    return np.sum(motions, axis=0) * np.sqrt(2 / cycles)


def strikes(
    pitches_hz: list[float],
    partials: tuple[Partial, ...],
    *,
    decay_ms: float,
    length_ms: int,
    step_ms: int = 0,
) -> Signal:
    """Return notes struck ``step_ms`` apart that ring on into each other."""
    tone = np.zeros(samples(length_ms))
    for number, pitch_hz in enumerate(pitches_hz):
        begin = samples(number * step_ms)
        tone[begin:] += strike(pitch_hz, partials, decay_ms, len(tone) - begin)
    return tone * edges(len(tone), 0, round(RELEASE_SHARE * length_ms))


def strike(pitch_hz: float, partials: tuple[Partial, ...], decay_ms: float, count: int) -> Signal:
    """Return ``count`` samples of one note; its fundamental falls to 1/e in ``decay_ms``."""
    time_s = np.arange(count) / RATE_HZ
    note = np.zeros(count)
    for ratio, amplitude, decay in partials:
        ring = np.sin(2 * np.pi * pitch_hz * ratio * time_s)
        note += amplitude * ring * np.exp(-time_s / (decay * decay_ms / 1_000))
    return note * edges(count, ATTACK_MS, 0)


def rise(length_ms: int) -> Signal:
    """Return the filling of the lungs over an inhalation: 0 to 1, slow at both ends."""
    return (1 - np.cos(np.linspace(0, np.pi, samples(length_ms)))) / 2


def breath(fill: Signal, *, attack_ms: int, release_ms: int) -> Signal:
    """Return a breath: its pitch, brightness and level follow the filling of the lungs (0 to 1)."""
    pitch_hz = E3_HZ * (B3_HZ / E3_HZ) ** fill
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    harmonics = enumerate(BREATH_PARTIALS, start=1)
    tone = sum((amplitude * np.sin(n * phase) for n, amplitude in harmonics), np.zeros(len(fill)))
    empty, full = air(EMPTY_AIR_HZ, len(fill)), air(FULL_AIR_HZ, len(fill))
    noise = (1 - fill) * empty + fill * full  # one seed, so the same noise, opening
    level = 10 ** (BREATH_FLOOR_DB * (1 - fill) / 20)
    return (tone + BREATH_AIR * noise) * level * edges(len(fill), attack_ms, release_ms)


def air(centre_hz: float, count: int) -> Signal:
    """Return noise (RMS 1) around a frequency, built in the spectrum: no DC, no seam if looped."""
    frequency_hz = np.fft.rfftfreq(count, 1 / RATE_HZ)[1:]
    magnitude = np.exp(-((np.log2(frequency_hz / centre_hz) / AIR_WIDTH_OCTAVES) ** 2) / 2)
    phase = np.random.default_rng(AIR_SEED).uniform(0, 2 * np.pi, len(frequency_hz))
    noise: Signal = np.fft.irfft(np.concatenate([[0], magnitude * np.exp(1j * phase)]), count)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def edges(count: int, attack_ms: int, release_ms: int) -> Signal:
    """Return a window of ones whose ends fade from and to zero along half a cosine."""
    window = np.ones(count)
    attack, release = samples(attack_ms), samples(release_ms)
    window[:attack] = (1 - np.cos(np.linspace(0, np.pi, attack))) / 2
    window[count - release :] *= (1 + np.cos(np.linspace(0, np.pi, release))) / 2
    return window


def at_level(tone: Signal, level_lufs: float) -> Signal:
    """Return the tone with its loudest 400 ms at a level; a tone too sharp for it is an error."""
    scaled = tone * 10 ** ((level_lufs - loudest_lufs(tone)) / 20)
    if peak_dbfs(scaled) > PEAK_LIMIT_DBFS:
        raise ValueError(
            f"at {level_lufs} LUFS the tone peaks at {peak_dbfs(scaled):.1f} dBFS, over "
            f"{PEAK_LIMIT_DBFS}: give it a longer decay or a lower level"
        )
    return scaled


def integrated_lufs(bed: Signal) -> float:
    """Return the gated loudness of all of it."""
    return float(loudness.integrated_loudness(bed.astype(np.float32), RATE_HZ))


def loudest_lufs(tone: Signal) -> float:
    """Return the maximum momentary loudness; a tone shorter than the window is repeated to fill it.

    Silence in its place would call a tick quieter than it is heard, and so make it too loud.
    """
    window = samples(MOMENTARY_MS)
    filled = np.resize(tone, max(window, len(tone))).astype(np.float32)
    begins = range(0, len(filled) - window + 1, samples(MOMENTARY_STEP_MS))
    return max(float(loudness.integrated_loudness(filled[b : b + window], RATE_HZ)) for b in begins)


def peak_dbfs(tone: Signal) -> float:
    """Return the highest sample."""
    return float(20 * np.log10(np.abs(tone).max()))


def samples(length_ms: int) -> int:
    """Return a length in samples."""
    return length_ms * RATE_HZ // 1_000


def write_wav(path: Path, tone: Signal) -> None:
    """Write a tone as a mono WAV file, 48 kHz, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.rint(tone * FULL_SCALE).astype("<i2").tobytes())


def write_flac(path: Path, bed: Signal) -> None:
    """Write a bed as a mono FLAC file, 48 kHz, 16 bit."""
    with AudioFile(str(path), "w", RATE_HZ, 1, bit_depth=16) as file:
        file.write(np.rint(bed * FULL_SCALE).astype(np.int16))


def main() -> None:
    """Write tones and beds beside this program and say how long and how loud each is."""
    for name, tone in make_sounds().items():
        write_wav(Path(__file__).with_name(f"{name}.wav"), tone)
        length_ms = len(tone) * 1_000 // RATE_HZ
        print(f"{name}.wav {length_ms} ms {loudest_lufs(tone):.1f} LUFS {peak_dbfs(tone):.1f} dBFS")
    for name, bed in make_beds().items():
        write_flac(Path(__file__).with_name(f"{name}.flac"), bed)
        length_ms = len(bed) * 1_000 // RATE_HZ
        print(
            f"{name}.flac {length_ms} ms {integrated_lufs(bed):.1f} LUFS {peak_dbfs(bed):.1f} dBFS"
        )


if __name__ == "__main__":
    main()
