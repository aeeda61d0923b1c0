"""How well a session hears what is said near it, in made-up rooms: right and false commands.

    python tests/benchmarks/bench_listen.py [en|de] [every Nth sentence, such as 4]

A session of the calf is heard by a microphone through a short reverberation. Somebody, in several
voices of espeak-ng, says each command in its silences (3 and 9 dB above the session's voice) and
while its voice speaks (6 dB above it); the session becomes soft 100 ms after it hears somebody. It
prints how many were right, how many were taken for another command, how soon a near sound was
noticed, what the session took for a command of its own accord, and which part of a core it needs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import soxr

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_listen import BLOCK, HZ, room, speaker

from voiceguide import Session
from voiceguide.listen.listener import Heard, Listener
from voiceguide.listen.spotter import Spotter
from voiceguide.listen.words import words

VOICES = {
    "en": ("en-us", "en-us+m1", "en-us+m3", "en-us+m7", "en-us+f1", "en-us+f2", "en-gb",
           "en-gb+f5"),
    "de": ("de", "de+m1", "de+m3", "de+m7", "de+f1", "de+f2", "de+f4", "de+f5"),
}  # fmt: skip
SOFT = np.float32(0.1)
OBEYS_S, ROOM_S = 0.1, 2.0
WHERE = (("silence", False, 9), ("silence", False, 3), ("voice", True, 6))
EVERY_S = 2.5
"""From one command to the next."""


def hears(
    spotter: Spotter, said: np.ndarray, echo: np.ndarray, played: np.ndarray
) -> list[tuple[float, Heard]]:
    """Return what is heard, and when, in seconds; the session is soft while it listens."""
    listener, found, since_s = Listener(spotter.spot), [], -ROOM_S
    for begin in range(0, len(played) - BLOCK + 1, BLOCK):
        block, now_s = slice(begin, begin + BLOCK), begin / HZ
        gain = SOFT if OBEYS_S < now_s - since_s < ROOM_S else np.float32(1)
        for one in listener.take(gain * echo[block] + said[block], gain * played[block]):
            found.append((now_s, one))
            since_s = now_s if one.is_begin else since_s
    return found


def places(played: np.ndarray, *, loud: bool) -> list[int]:
    """Return where somebody can speak: in silences, or where the voice has just begun."""
    peaks = np.abs(played[: len(played) // 1600 * 1600]).reshape(-1, 1600).max(axis=1)
    found: list[int] = []
    for tenth in range(50, len(peaks) - 30):
        fits = (peaks[tenth - 2 : tenth + 10] > 0.1).mean() > 0.7 if loud else (
            peaks[tenth - 3 : tenth + 20].max() < 0.05
        )  # fmt: skip
        if fits and (not found or tenth * 1600 - found[-1] > EVERY_S * HZ):
            found.append(tenth * 1600)
    return found


def main(language: str, step: int) -> None:
    """Print how well a language is understood."""
    known = words(language)
    spotter = Spotter(language, known.commands, known.others)
    session = Session("calf", language=language, side="left").samples().mean(axis=1) / 32768
    played = soxr.resample(session, 48_000, HZ).astype(np.float32)
    echo = room(played)
    level = np.sqrt(np.mean(np.square(echo[np.abs(echo) > 0.003])))
    began_s = time.process_time()
    alone = hears(spotter, np.zeros_like(echo), echo, played)
    load = (time.process_time() - began_s) / (len(played) / HZ)
    false = [one.command for _, one in alone if one.command]
    print(f"{language}: alone for {len(played) / HZ:.0f} s: false {false}, {load:.1%} of a core")
    sentences = [
        (command, text, voice)
        for command, texts in known.commands.items()
        for text in texts
        for voice in VOICES[language]
    ][::step]
    for what, loud, above_db in WHERE:
        said, put = np.zeros_like(echo), []
        for begin, (command, text, voice) in zip(
            places(played, loud=loud), sentences, strict=False
        ):
            spoken = speaker(text, voice) * np.float32(level * 10 ** (above_db / 20) / 0.05)
            said[begin : begin + len(spoken)] += spoken[: len(said) - begin]
            put.append((begin / HZ, (begin + len(spoken)) / HZ, command))
        found = hears(spotter, said, echo, played)
        answers = [
            (command, [one.command for at_s, one in found
                       if one.command and begin_s < at_s < end_s + 0.9])
            for begin_s, end_s, command in put
        ]  # fmt: skip
        right = sum(command in heard for command, heard in answers)
        wrong = sum(bool(heard) and command not in heard for command, heard in answers)
        begins = np.array([at_s for at_s, one in found if one.is_begin] + [np.inf])
        late = [begins[begins >= begin_s - 0.05][0] - begin_s for begin_s, _, _ in put]
        stops = [heard == ["stop"] for command, heard in answers if command == "stop"]
        print(f"  {what} {above_db:+} dB: {right} of {len(put)} right, {wrong} wrong; stop "
              f"{sum(stops)} of {len(stops)}; noticed within {np.median(late) * 1000:.0f} ms, "
              f"9 of 10 within {np.percentile(late, 90) * 1000:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "en", int(sys.argv[2]) if len(sys.argv) > 2 else 1)
