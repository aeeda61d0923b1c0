"""How a voice sounds before and after it is finished, as a page; how voices compare, as a table.

    python tests/benchmarks/compare_voices.py FOLDER [--language en] [--voice ID]...

Writes FOLDER/voices.html: sentences of the calf session as the engine gives them and as they are
heard, with spectrograms, levels and audio; then a row for each --voice. Needs the extras dev and
test.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import random
import sys
import wave
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import soxr
from numpy.typing import NDArray
from pystoi import stoi

from voiceguide import Session, files, ssml
from voiceguide.audio.grid import RATE_HZ
from voiceguide.voices import CALM_WPM
from voiceguide.voices.clip import finish, integrated_lufs
from voiceguide.voices.engine import Utterance
from voiceguide.voices.pyttsx3 import Pyttsx3

mpl.use("Agg")
from matplotlib import pyplot as plt

Signal = NDArray[np.float32]

SENTENCES = 40
SHOWN = 3
PHONE_HZ = (500.0, 8000.0)  # what a phone's loudspeaker gives back of a voice
ROOM_DBFS = -30.0  # pink noise in the room, against a voice at −15.4 LUFS
FRAME_MS = 50


class Taken(NamedTuple):
    """A sentence, at 48,000 Hz."""

    text: str
    raw: Signal
    finished: Signal


class Measured(NamedTuple):
    """Of many sentences."""

    words_a_minute: float
    lufs: float
    """Mean of the sentences."""
    spread_lu: float
    """Between the quietest and the loudest sentence."""
    peak_dbfs: float
    crest_db: float
    """Median."""
    range_db: float
    """Between soft and loud 50 ms, 10th and 90th percentile."""
    harsh_db: float
    """2 to 5 kHz against 300 to 2,000 Hz; people's speech: -13.7 (Byrne et al., 1994)."""
    centroid_hz: float
    pitch_hz: float
    melody_st: float
    """Span of the pitch, 10th to 90th percentile."""
    dc: float
    """The largest mean of a sentence."""
    edge: float
    """The largest first or last sample."""
    stoi: float
    """Through a phone's loudspeaker in a noisy room, against the same without noise."""
    estoi: float


def main() -> None:
    """Speak, measure, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--voice", action="append", help="a voice to compare; may be given again")
    parser.add_argument("--rate", type=int, default=CALM_WPM)
    options = parser.parse_args()
    texts = sentences(options.language)
    rows: list[tuple[str, Measured]] = []
    pictures = ""
    for voice in options.voice or [None]:
        taken = take(texts, options.language, voice, options.rate)
        name = voice or "calm default"
        if not rows:
            rows.append((f"{name}, raw", measure([t.raw for t in taken], texts)))
            pictures = "".join(map(shown, taken[:SHOWN]))
        rows.append((name, measure([t.finished for t in taken], texts)))
        sys.stderr.write(f"{name}\n")
    options.folder.mkdir(parents=True, exist_ok=True)
    page = options.folder / "voices.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><title>Voices, raw and finished</title>"
        "<style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em .6em;text-align:right}"
        f"img{{max-width:100%}}</style><h1>Voices ({options.language})</h1>"
        f"{table(rows)}{pictures}",
        encoding="utf-8",
    )
    print(page)


def sentences(language: str) -> list[str]:
    """Choose sentences that a session says."""
    script, folders = Session("calf", language=language).script, files.folders("sounds")
    root = ssml.parse(script, name="calf", folders=folders).root
    texts = {cue.text for cue in ssml.walk(root) if isinstance(cue, ssml.Speech)}
    return random.Random(1).sample(sorted(texts), SENTENCES)


def take(texts: list[str], language: str, voice: str | None, rate_wpm: int) -> list[Taken]:
    """Let a voice speak, and finish what it said."""
    engine = Pyttsx3()
    taken = []
    try:
        for text in texts:
            spoken = engine.speak(Utterance(text, language, voice, rate_wpm, 0.0))
            clip = finish(spoken)
            assert clip is not None
            raw = soxr.resample(spoken.samples, spoken.rate_hz, RATE_HZ)
            taken.append(Taken(text, raw, (clip.samples / 32768).astype(np.float32)))
    finally:
        engine.close()
    return taken


def measure(clips: list[Signal], texts: list[str]) -> Measured:
    """Measure sentences, spoken one by one."""
    whole = np.concatenate(clips)
    power = np.abs(np.fft.rfft(whole)) ** 2
    frequency_hz = np.fft.rfftfreq(len(whole), 1 / RATE_HZ)
    heard = frequency_hz < 10_000

    def band_db(low_hz: float, high_hz: float) -> float:
        return 10 * np.log10(power[(frequency_hz >= low_hz) & (frequency_hz < high_hz)].sum())

    lufs = [integrated_lufs(clip) for clip in clips]
    pitches = np.concatenate([pitches_hz(clip) for clip in clips])
    low, middle, high = np.percentile(pitches, (10, 50, 90))
    clear = [understood(clip, extended=False) for clip in clips]
    return Measured(
        sum(len(text.split()) for text in texts) / (len(whole) / RATE_HZ) * 60,
        float(np.mean(lufs)),
        float(np.ptp(lufs)),
        float(20 * np.log10(max(np.abs(clip).max() for clip in clips))),
        float(np.median([20 * np.log10(np.abs(c).max() / np.sqrt(np.mean(c**2))) for c in clips])),
        float(np.mean([soft_to_loud_db(clip) for clip in clips])),
        band_db(2000, 5000) - band_db(300, 2000),
        float((frequency_hz * power)[heard].sum() / power[heard].sum()),
        float(middle),
        float(12 * np.log2(high / low)),
        float(max(abs(clip.mean()) for clip in clips)),
        float(max(max(abs(clip[0]), abs(clip[-1])) for clip in clips)),
        float(np.mean(clear)),
        float(np.mean([understood(clip, extended=True) for clip in clips])),
    )


def frames(clip: Signal, length_ms: int) -> Signal:
    """Cut a clip into pieces, shape (pieces, samples)."""
    length = length_ms * RATE_HZ // 1000
    return clip[: len(clip) // length * length].reshape(-1, length)


def soft_to_loud_db(clip: Signal) -> float:
    """Return how far apart soft and loud moments of speech are."""
    levels = 10 * np.log10(np.mean(frames(clip, FRAME_MS) ** 2, axis=1) + 1e-9)
    low, high = np.percentile(levels[levels > levels.max() - 30], (10, 90))
    return float(high - low)


def pitches_hz(clip: Signal) -> NDArray[np.float64]:
    """Return the pitch of each voiced moment."""
    rate_hz = 16_000
    found = []
    for part in frames(clip, 40):
        low = soxr.resample(part, RATE_HZ, rate_hz)
        likeness = np.correlate(low, low, "full")[len(low) - 1 :]
        period = 40 + int(likeness[40:230].argmax())
        if likeness[0] > 1 and likeness[period] > likeness[0] / 2:
            found.append(rate_hz / period)
    return np.array(found)


def understood(clip: Signal, *, extended: bool) -> float:
    """Return how much is understood through a phone's loudspeaker in a noisy room (STOI)."""
    spectrum = np.fft.rfft(clip)
    frequency_hz = np.fft.rfftfreq(len(clip), 1 / RATE_HZ)
    low, high = PHONE_HZ
    gain = 1 / np.sqrt(1 + (low / np.maximum(frequency_hz, 1)) ** 8)
    gain /= np.sqrt(1 + (frequency_hz / high) ** 8)
    phone = np.fft.irfft(spectrum * gain, len(clip))
    phase = np.random.default_rng(1).uniform(0, 2 * np.pi, len(frequency_hz))
    pink = np.fft.irfft(np.exp(1j * phase) / np.sqrt(np.maximum(frequency_hz, 20)), len(clip))
    pink *= 10 ** (ROOM_DBFS / 20) / np.sqrt(np.mean(pink**2))
    return float(stoi(phone, phone + pink, RATE_HZ, extended=extended))


def table(rows: list[tuple[str, Measured]]) -> str:
    """Write the figures as a table, and to standard output."""
    names = [name.replace("_", " ") for name in Measured._fields]
    lines = [f"<tr><th>voice<th>{'<th>'.join(names)}"]
    print("| voice |", " | ".join(names), "|\n| --- |", "--- | " * len(names))
    for name, measured in rows:
        figures = [f"{one:.3g}" if abs(one) < 1 else f"{one:.1f}" for one in measured]
        lines.append(f"<tr><th>{html.escape(name)}<td>{'<td>'.join(figures)}")
        print(f"| {name} |", " | ".join(figures), "|")
    return f"<table>{''.join(lines)}</table>"


def shown(taken: Taken) -> str:
    """Draw a sentence, raw above finished, and let it be heard."""
    figure, axes = plt.subplots(2, 2, figsize=(14, 5), sharex="col", sharey="col")
    for row, (name, clip) in enumerate((("raw", taken.raw), ("finished", taken.finished))):
        spectrogram, levels = axes[row]
        spectrogram.specgram(
            clip + 1e-9, NFFT=1024, Fs=RATE_HZ, noverlap=768, vmin=-120, vmax=-40, scale="dB"
        )
        spectrogram.set(ylim=(0, 10_000), ylabel=f"{name}, Hz")
        level = 10 * np.log10(np.mean(frames(clip, 10) ** 2, axis=1) + 1e-9)
        levels.plot(np.arange(len(level)) / 100, level)
        levels.set(ylim=(-70, 0), ylabel="dBFS")
        levels.grid(visible=True)
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=80)
    plt.close(figure)
    sounds = "".join(
        f'<audio controls src="data:audio/wav;base64,{encoded(wav(clip))}"></audio>'
        for clip in (taken.raw, taken.finished)
    )
    image = f'<img src="data:image/png;base64,{encoded(picture.getvalue())}">'
    return f"<h2>{html.escape(taken.text)}</h2>{image}<p>{sounds}"


def wav(clip: Signal) -> bytes:
    """Write a clip as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(np.rint(np.clip(clip, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def encoded(content: bytes) -> str:
    """Write bytes so that a page can hold them."""
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    main()
