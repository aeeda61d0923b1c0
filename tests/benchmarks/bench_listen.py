"""How well a session hears what is said near it, in made-up rooms: right and false commands.

    python tests/benchmarks/bench_listen.py commands [en|de] [--busy] [--unseen] [--every N]
    python tests/benchmarks/bench_listen.py false [en|de] [--hours H] [--jobs N] [--seed S]

Sessions are heard by a microphone through a short reverberation; the clock of the loudspeaker is
100 ppm faster or slower. With ``commands``, somebody in several voices says each command in its
silences (3 and 9 dB above the session's voice) and while its voice speaks (6 dB above it); the
session becomes soft 100 ms after it hears somebody. It prints how many were right, how many were
taken for another command, and how soon a near sound was noticed. With ``--busy``, the room counts
as one where much else is heard, and each is said twice; with ``--unseen``, in voices that nothing
was chosen with; with ``--kokoro``, in those of a folder with its model, too. With ``false``,
sessions play alone, beside music and beside people who talk, for hours, and it prints what they
took for commands, and which part of a core that needs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from listen_rig import HZ, clauses, hears, loudspeaker, music, room, said, session, talk, voices

from voiceguide.listen.listener import Listener
from voiceguide.listen.spotter import Spotter
from voiceguide.listen.words import Commands, words

WHERE = (("silence", False, 9), ("silence", False, 3), ("voice", True, 6))
EVERY_S = 12
"""From one command to the next."""
KNOWN_S = 20
"""After so long the room is known."""
AGAIN_S = 1.5
"""From a command to the same again."""
ANSWERED_S = 0.9
"""How long after it was said a command may be heard."""
SESSIONS = (
    ("calf", {"side": "left", "voice": "pyttsx3"}),
    ("neck", {"side": "left", "bed": "rain"}),
    ("breathing", {"voice": "pyttsx3", "bed": "drone"}),
    ("foot", {"side": "left", "bed": "ocean", "voice": "pyttsx3"}),
)
"""What plays for hours: German has no other voice than the system's."""
BESIDE = ("alone", "music", "talk")
SCENE_S = 600
DRIFT_PPM = 100


class Scene(NamedTuple):
    """Ten minutes of a session, and what else is heard."""

    language: str
    beside: str
    number: int

    @property
    def above_db(self) -> float:
        """How much louder than the session's voice it is."""
        return (-6.0, 0.0, 6.0)[self.number % 3]


class Mistaken(NamedTuple):
    """What a session took for a command in a scene, and what it took to listen to it."""

    found: list[tuple[float, str]]
    begun: int
    cpu_s: float
    seconds: float


def listener(language: str, *, busy: bool = False) -> Listener:
    """Return somebody who knows the words of a language, and may be in a room that is busy."""
    known = words(language)
    spot = Spotter(language, known.commands, known.others).spot
    return Listener(lambda samples, *, is_busy: spot(samples, is_busy=busy or is_busy))


def spoken_words(known: Commands) -> set[str]:
    """Return all that is a command."""
    return {text.lower() for texts in known.commands.values() for text in texts}


def mistaken(scene: Scene) -> Mistaken:
    """Return what is taken for a command in a scene."""
    seed = 1000 * BESIDE.index(scene.beside) + scene.number
    name, options = SESSIONS[scene.number % len(SESSIONS)]
    sound = session(name, scene.language, **options)
    sound = np.tile(sound, -(-SCENE_S * 48_000 // len(sound)))
    begin = int(np.random.default_rng(seed).uniform(0, len(sound) - SCENE_S * 48_000 + 1))
    drift_ppm = DRIFT_PPM * (-1) ** (scene.number // 2)
    heard = loudspeaker(sound[begin:][: SCENE_S * 48_000], drift_ppm=drift_ppm, seed=seed)
    near = np.zeros(len(heard.echo), np.float32)
    if scene.beside != "alone":
        seconds = len(near) / HZ
        near = (
            music(seconds, seed)
            if scene.beside == "music"
            else talk(scene.language, seconds, spoken_words(words(scene.language)), seed)
        )
        near = room(near, seed=seed + 1)[: len(heard.echo)]
        level = np.sqrt(np.mean(np.square(near[np.abs(near) > 0.003])))
        near *= np.float32(heard.voice_level * 10 ** (scene.above_db / 20) / level)
    who = listener(scene.language)
    began_s = time.process_time()
    found = hears(who, near, heard)
    cpu_s = time.process_time() - began_s
    commands = [(at_s, one.command) for at_s, one in found if one.command]
    return Mistaken(commands, sum(one.is_begin for _, one in found), cpu_s, len(near) / HZ)


def false(language: str, hours: float, jobs: int, seed: int) -> None:
    """Print what sessions take for commands, in hours of three kinds."""
    each = round(hours * 3600 / SCENE_S / len(BESIDE))
    scenes = [Scene(language, beside, seed + number) for beside in BESIDE for number in range(each)]
    for name, options in SESSIONS:
        session(name, language, **options)
    print(f"{len(clauses(language, set()))} clauses are talked of")
    with ProcessPoolExecutor(jobs) as pool:
        results = list(zip(scenes, pool.map(mistaken, scenes), strict=True))
    for beside in BESIDE:
        here = [(scene, one) for scene, one in results if scene.beside == beside]
        taken = Counter(command for _, one in here for _, command in one.found)
        seconds = sum(one.seconds for _, one in here)
        print(
            f"{language}, {beside}: {seconds / 3600:.2f} h, {sum(taken.values())} false "
            f"{dict(taken)}; {sum(one.begun for _, one in here)} near sounds; "
            f"{sum(one.cpu_s for _, one in here) / seconds:.1%} of a core"
        )
        for scene, one in here:
            if one.found:
                at = ", ".join(f"{command} at {at_s:.1f} s" for at_s, command in one.found)
                print(f"    {scene.number}, {scene.above_db:+.0f} dB: {at}")


def places(played: np.ndarray, *, loud: bool, tenths: int) -> list[int]:
    """Return where somebody can speak: in silences so long, or where the voice has just begun."""
    peaks = np.abs(played[: len(played) // 1600 * 1600]).reshape(-1, 1600).max(axis=1)
    found: list[int] = []
    for tenth in range(10 * KNOWN_S, len(peaks) - tenths - 10):
        fits = (peaks[tenth - 2 : tenth + 10] > 0.1).mean() > 0.7 if loud else (
            peaks[tenth - 3 : tenth + tenths].max() < 0.05
        )  # fmt: skip
        if fits and (not found or tenth * 1600 - found[-1] > EVERY_S * HZ):
            found.append(tenth * 1600)
    return found


def commands(language: str, speakers: list[str], every: int, *, busy: bool) -> None:
    """Print how well a language is understood, and each voice."""
    known = words(language)
    sound = session("calf", language, side="left", voice="pyttsx3")
    sentences = [
        (command, text, voice)
        for command, texts in known.commands.items()
        for text in texts
        for voice in speakers
    ]
    order = np.random.default_rng(1).permutation(len(sentences))[::every]
    by_voice: Counter[str] = Counter()
    by_command: Counter[str] = Counter()
    for number, (what, loud, above_db) in enumerate(WHERE):
        todo = [sentences[at] for at in order]
        answers, late, went = [], [], 0
        while todo:
            drift_ppm = DRIFT_PPM * (-1) ** (number + went)
            heard = loudspeaker(sound, drift_ppm=drift_ppm, seed=1 + went)
            here = places(heard.echo * np.float32(2.5), loud=loud, tenths=40 if busy else 20)
            near, put = np.zeros_like(heard.echo), []
            level = heard.voice_level * 10 ** (above_db / 20) / 0.05
            for begin, (command, text, voice) in zip(here, todo, strict=False):
                word = said(text, voice, language) * np.float32(level)
                if busy:
                    word = np.concatenate([word, np.zeros(int(AGAIN_S * HZ), np.float32), word])
                near[begin : begin + len(word)] += word[: len(near) - begin]
                put.append((begin / HZ, (begin + len(word)) / HZ, (command, text, voice)))
            todo, went = todo[len(put) :], went + 1
            found = hears(listener(language, busy=busy), near, heard)
            begins = np.array([at_s for at_s, one in found if one.is_begin] + [np.inf])
            for begin_s, end_s, sentence in put:
                got = [one.command for at_s, one in found
                       if one.command and begin_s < at_s < end_s + ANSWERED_S]  # fmt: skip
                answers.append((sentence, got))
                late.append(begins[begins >= begin_s - 0.05][0] - begin_s)
        right = sum(command in got for (command, _, _), got in answers)
        wrong = sum(bool(got) and command not in got for (command, _, _), got in answers)
        stops = [set(got) == {"stop"} for (command, _, _), got in answers if command == "stop"]
        print(f"{language}, {what} {above_db:+} dB: {right} of {len(answers)} right "
              f"({right / len(answers):.1%}), {wrong} wrong; stop {sum(stops)} of {len(stops)}; "
              f"noticed within {np.median(late) * 1000:.0f} ms, 9 of 10 within "
              f"{np.percentile(late, 90) * 1000:.0f} ms", flush=True)  # fmt: skip
        for (command, text, voice), got in answers:
            if set(got) != {command}:
                by_voice[voice] += 1
                by_command[f"{text}->{'+'.join(map(str, got)) or 'nothing'}"] += 1
    each = len(WHERE) * len(sentences) / every / len({voice for *_, voice in sentences})
    print(f"not right, by voice, of {each:.0f} each: {dict(by_voice.most_common())}")
    print(f"not right, by word: {dict(by_command.most_common())}")


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("commands", "false"))
    parser.add_argument("language", nargs="?", default="en", choices=("en", "de"))
    parser.add_argument("--busy", action="store_true", help="each is said twice in a busy room")
    parser.add_argument("--unseen", action="store_true", help="other voices")
    parser.add_argument("--every", type=int, default=1, help="every Nth sentence only")
    parser.add_argument("--kokoro", default="", help="a folder with Kokoro's model and voices")
    parser.add_argument("--only", default="", help="voices with this in their names")
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0, help="other hours")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if options.what == "false":
        false(options.language, options.hours, options.jobs, options.seed)
    else:
        speakers = voices(options.language, options.kokoro, unseen=options.unseen)
        chosen = [one for one in speakers if options.only in one]
        commands(options.language, chosen, options.every, busy=options.busy)


if __name__ == "__main__":
    main()
