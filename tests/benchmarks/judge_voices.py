"""How people would mark each voice, raw and finished: sentences, and phrases of one to three words.

    pip install distillmos speechmos        (in an environment of its own: torch is large)
    python tests/benchmarks/judge_voices.py pyttsx3 en_US-joe-medium kokoro
    python tests/benchmarks/judge_voices.py --language de pyttsx3 de_DE-thorsten-medium

Distill-MOS and DNSMOS (OVRL) estimate the marks of listeners, from 1 to 5, at 16 kHz. Finished is
what a session has: trimmed, at -16 LUFS, limited. With ``--check``, it fails where the finished
voice loses more than 0.05 by Distill-MOS. DNSMOS falls by 0.2 with the level alone.
"""

from __future__ import annotations

import argparse
import sys

import distillmos
import numpy as np
import soxr
import torch
from speechmos import dnsmos

from voiceguide.voices import Utterance, engines
from voiceguide.voices.clip import finish

RATE_HZ = 16_000
MOST_LOST = 0.05
TEXTS = {
    "en": (
        (
            "Sit on the floor, lean back on your hands, and let your leg rest on the ball.",
            "Find the tender spot with your fingers, and place the ball beneath it.",
            "Stay where it is strong but bearable, about six out of ten.",
            "Breathe in through the nose, and out slowly through the mouth.",
            "If it tingles or goes numb, let go at once.",
        ),
        ("Breathe in.", "And out.", "Hold.", "Let go slowly.", "Halfway."),
    ),
    "de": (
        (
            "Setz dich hin, stütz dich auf die Hände, und lass das Bein auf dem Ball ruhen.",
            "Such mit den Fingern die empfindliche Stelle, und leg den Ball darunter.",
            "Bleib, wo es kräftig, aber erträglich ist, etwa bei sechs von zehn.",
            "Atme durch die Nase ein, und langsam durch den Mund wieder aus.",
            "Wenn es kribbelt oder taub wird, lass sofort los.",
        ),
        ("Einatmen.", "Und aus.", "Halten.", "Lass langsam los.", "Die Hälfte."),
    ),
}


def marks(judge: torch.nn.Module, sounds: list[tuple[np.ndarray, int]]) -> tuple[float, float]:
    """Return the means of Distill-MOS and of DNSMOS for mono speech at its rates in Hz."""
    distilled, overall = [], []
    for samples, rate_hz in sounds:
        resampled = soxr.resample(samples.astype(np.float32), rate_hz, RATE_HZ)
        with torch.no_grad():
            distilled.append(float(judge(torch.from_numpy(resampled)[None])[0, 0]))
        repeats = -(-RATE_HZ // resampled.size)  # it wants a second at least
        long = np.clip(np.tile(resampled, repeats), -1, 1)
        overall.append(float(dnsmos.run(long, RATE_HZ)["ovrl_mos"]))
    return float(np.mean(distilled)), float(np.mean(overall))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", nargs="+")
    parser.add_argument("--language", choices=TEXTS, default="en")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    judge = distillmos.ConvTransformerSQAModel().eval()
    lost = False
    print("Distill-MOS, DNSMOS".rjust(60))
    for voice in given.voices:
        engine = engines(voice)()
        rate_wpm = engine.calm_wpm(given.language)
        for texts, what in zip(TEXTS[given.language], ("sentences", "short"), strict=True):
            spoken = [
                engine.speak(Utterance(text, given.language, None, rate_wpm, 0.0)) for text in texts
            ]
            raw = marks(judge, [(one.samples, one.rate_hz) for one in spoken])
            clips = [finish(one) for one in spoken]
            finished = marks(judge, [(one.samples / 32768, 48_000) for one in clips if one])
            lost |= finished[0] < raw[0] - MOST_LOST
            print(f"{voice[-24:]:24} {what:10} raw {raw[0]:.2f}, {raw[1]:.2f}", end="")
            print(f"   finished {finished[0]:.2f}, {finished[1]:.2f}", flush=True)
        engine.close()
    if given.check and lost:
        sys.exit("a voice loses by its finish")


if __name__ == "__main__":
    main()
