"""Whether an MP3 of segments that were encoded alone sounds like one that was encoded in one go.

    python tests/benchmarks/bench_joins.py [--joins N] [--check]

Sounds with hard and soft edges, some panned, with silence of 0 to 400 ms between them; in half of
the sessions there is noise throughout, so that sound is cut without silence. The table says how
much noise decoders play, against what LAME makes of a session in one go: in all of them, and at
most in a session and in half a frame (against the strongest of three there, where one that is
10 of 32,768 counts as silence). “Another” is LAME in one go again, 331 samples later. Needs ffmpeg.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_mp3 import by_ffmpeg, decoded, encoded, noise, noise_of, phrases, straight

from voiceguide.export import segments

PHRASES = 50
"""How many sounds a session has."""
LONGEST = 150
"""After so many frames, sound without silence is cut here."""
MOST_IN_SESSION, MOST_IN_HALF = 1.05, 10.0
"""Limits of noise against that of one go; a click in half a frame is some hundred times as much."""
SILENT = 100.0
AGAIN = "another"
"""LAME in one go again: how much a limit may ask for."""


def main() -> int:
    """Join, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--joins", type=int, default=10_000)
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is broken")
    options = parser.parse_args()
    joins = cuts = session = 0
    ratios: dict[str, list[tuple[float, float]]] = {}
    with mock.patch.object(segments, "LONGEST", LONGEST):
        while joins < options.joins:
            samples = phrases(session, PHRASES, 1 + session % 2)
            if session % 4 > 1:
                ground = noise(len(samples), samples.shape[1]) // 50
                samples = (samples // 2 + ground.clip(1)).astype("<i2")
            session += 1
            found = parts(samples)
            joins += len(found) - 1
            cuts += sum(part.goes_on for part in found)
            for name, both in compare(samples).items():
                ratios.setdefault(name, []).append(both)
    print(f"{joins:,} joins, {cuts:,} of them without silence, in {session:,} sessions\n")
    print("| played by | noise / one go | worst session | worst half of a frame |")
    print("| --- | ---: | ---: | ---: |")
    broken = False
    for name, measured in ratios.items():
        of_sessions, of_halves = map(np.array, zip(*measured, strict=True))
        mean, worst, half = of_sessions.mean(), of_sessions.max(), of_halves.max()
        print(f"| {name} | {mean:.3f} | {worst:.3f} | {half:.1f} |")
        if name != AGAIN:
            broken |= worst > MOST_IN_SESSION or half > MOST_IN_HALF
    return int(options.check and broken)


def parts(samples: np.ndarray) -> list[segments.Segment]:
    """Return the segments that samples are encoded in."""
    cutter = segments.Cutter(samples.shape[1])
    found = [*cutter.cut(samples.tobytes()), *cutter.end()]
    return [one for one in found if isinstance(one, segments.Segment)]


def compare(samples: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return how much noise there is against one go, in all and in the worst half of a frame."""
    channels = samples.shape[1]
    content = encoded(samples, [24_000 * number for number in range(1, 100)])
    one = noise_of(straight(samples), samples)
    near = np.maximum.reduce([np.roll(one, by) for by in (-1, 0, 1)]) + SILENT
    heard = {
        "miniaudio": decoded(content, channels),
        "ffmpeg": by_ffmpeg(content, channels),
        AGAIN: straight(samples, 331),
    }
    noises = {name: noise_of(played, samples) for name, played in heard.items()}
    return {name: (of.mean() / one.mean(), (of / near).max()) for name, of in noises.items()}


if __name__ == "__main__":
    sys.exit(main())
