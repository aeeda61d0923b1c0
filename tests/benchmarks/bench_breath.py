"""How well ``--breath follow`` hears breathing through a microphone, in made-up rooms.

    python tests/benchmarks/bench_breath.py [--seeds N]

A session of breathing plays its tones at another pace, through a loudspeaker or headphones, and
what a microphone hears of it goes the way of every sound, with what is played, to what counts
breaths. Somebody breathes 4 to 9 times a minute: noise that swells and fades, not quite evenly, at
several levels above the noise of the room. It prints in how many of the cases the pace was known,
as the player acts on it, within three breaths, and for how long another one was acted on.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from listen_rig import HZ, hears, loudspeaker, session
from test_breath import noise

from voiceguide.listen.breath import Breathing
from voiceguide.listen.hands_free import _AGREE
from voiceguide.listen.listener import Listener

PACES = (4.0, 5.0, 6.0, 7.5, 9.0)
ROOM_DBFS = -62.0
ABOVE_DB = (12, 6, 0)
"""How much louder than the room a breath is at its loudest."""
PLAYED_DBFS = {"silence": None, "headphones": -62, "loudspeaker": -38}
"""How loud the session's voice is where the microphone is."""
RIGHT = 0.08
SECONDS = 90.0


def breaths(per_minute: float, seconds: float, seed: int) -> np.ndarray:
    """Return breathing as loud as 1 where it is loudest: no two breaths are quite the same."""
    random = np.random.default_rng(seed)
    level_in, level_out = np.zeros((2, int(seconds * HZ)), np.float32)
    louder_out = 10 ** (random.uniform(-4, 4) / 20)
    begin = int(random.uniform(0, 60 / per_minute) * HZ) - int(60 / per_minute * HZ)
    while begin < len(level_in):
        length = int(60 / per_minute * HZ * random.uniform(0.95, 1.05))
        part_in = random.uniform(0.34, 0.42)
        for level, first, part, gain in (
            (level_in, 0, part_in, 1), (level_out, part_in + 0.04, 0.48, louder_out)
        ):  # fmt: skip
            at, size = begin + int(first * length), int(part * length)
            swell = np.sin(np.pi * np.arange(size) / size) * gain * random.uniform(0.8, 1.2)
            here = slice(max(0, at), max(0, at + size))
            level[here] += swell[max(0, -at) :][: len(level[here])].astype(np.float32)
        begin += length
    sound = level_in * noise(500, 3000, seconds, seed) + level_out * noise(250, 1500, seconds, seed)
    return (sound / max(1, louder_out)).astype(np.float32)


def acted_on(near: np.ndarray, sound: np.ndarray, dbfs: float | None, seed: int) -> list[float]:
    """Return the pace that a player is given each second, 0 if none: two measurements agree."""
    heard = loudspeaker(sound[: int(SECONDS) * 48_000], drift_ppm=100 * (-1) ** seed, seed=seed)
    if dbfs is None:
        heard = heard._replace(pieces=0 * heard.pieces, echo=0 * heard.echo)
    else:
        heard = heard._replace(echo=heard.echo * np.float32(10 ** (dbfs / 20) / heard.voice_level))
    breathing, found = Breathing(), [0.0]
    measured: list[float] = [0.0]

    def then(now_s: float) -> None:
        if now_s >= len(measured):
            measured.append(breathing.per_minute() or 0.0)
            now, before = measured[-1], measured[-2]
            found.append(now if now and before and abs(now - before) < _AGREE * before else 0.0)

    hears(Listener(lambda *_, **__: None, breathing.take), near, heard, then)
    return found


class Case(NamedTuple):
    """What came of a case, second by second."""

    within: bool
    """Whether the pace was known within three breaths."""
    right: int
    wrong: int
    """Seconds with another pace."""


def case(sound: np.ndarray, dbfs: float | None, pace: float, above_db: float, seed: int) -> Case:
    """Return how well a pace was heard; ``above_db`` is minus infinity without breathing."""
    near = noise(50, 7000, SECONDS, seed + 50) * 10 ** (ROOM_DBFS / 20)
    near += breaths(pace, SECONDS, seed) * 10 ** ((ROOM_DBFS + above_db) / 20)
    found = np.array(acted_on(near.astype(np.float32), sound, dbfs, seed))
    is_right = np.abs(found - pace) < RIGHT * pace
    three_s = int(3 * 60 / pace) + 1  # and the second that it takes to be sure
    wrong = (found > 0) & ~is_right
    return Case(bool(is_right[: three_s + 1].any()), int(is_right.sum()), int(wrong.sum()))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1, help="of each case")
    options = parser.parse_args()
    sound = session("breathing", "en", voice="pyttsx3")[90 * 48_000 :]  # behind its introduction
    for name, dbfs in PLAYED_DBFS.items():
        for above_db in (*ABOVE_DB, -np.inf):
            cases = [
                case(sound, dbfs, pace, above_db, seed * len(PACES) + number)
                for seed in range(options.seeds)
                for number, pace in enumerate(PACES)
            ]
            wrong, seconds = sum(one.wrong for one in cases), len(cases) * int(SECONDS)
            known = f"{sum(one.within for one in cases)} of {len(cases)} within three breaths, "
            if above_db == -np.inf:
                known, wrong = "no breathing, ", wrong + sum(one.right for one in cases)
            print(f"{name}, {above_db:+.0f} dB: {known}another pace in {wrong} of {seconds} s",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
