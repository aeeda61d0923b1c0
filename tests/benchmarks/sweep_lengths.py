"""Makes sessions of many lengths for every region and method, and counts their samples.

    python tests/benchmarks/sweep_lengths.py [--lengths N] [--language en] [REGION...]

For each region and each method that suits it, N lengths are drawn between the shortest it names
and the longest, 40 minutes at most: one becomes an MP3, the others WAV files, and each is decoded.
Takes about half a minute a region and method.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from pathlib import Path

from voiceguide import Session, library
from voiceguide.errors import RequestError

sys.path.append(str(Path(__file__).parents[1]))
from conftest import FRAMES_PER_MS, decode

LONGEST_MS = 40 * 60_000


def main() -> int:
    """Sweep, write a line for each region and method, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lengths", type=int, default=10, help="how many for each")
    parser.add_argument("--language", default="en")
    parser.add_argument("regions", nargs="*", help="all, unless some are named")
    options = parser.parse_args()
    wrong = total = 0
    for region in library.load(options.language).regions():
        if options.regions and region.id not in options.regions:
            continue
        for method in dict.fromkeys(name for area in region.areas for name in area.place):
            exact = swept(region.id, method, options.language, options.lengths)
            total += options.lengths
            wrong += options.lengths - exact
            print(f"{region.id} {method}: {exact} of {options.lengths} are exact", flush=True)
    print(f"{total - wrong} of {total} are exact")
    return int(wrong > 0)


def swept(region: str, method: str, language: str, lengths: int) -> int:
    """Return how many sessions of so many lengths decode to exactly as many samples as asked."""
    rng = random.Random(f"{region} {method} {language}")
    shortest_ms = shortest(region, method, language)
    longest_ms = LONGEST_MS
    exact = made = 0
    while made < lengths:
        asked_ms = rng.randint(shortest_ms, longest_ms)
        session = Session(region, method=method, language=language, minutes=asked_ms / 60_000)
        try:
            session.prepare()
        except RequestError:  # beyond the longest
            longest_ms = asked_ms
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "session.wav" if made else "session.mp3")
            exact += len(decode(session.export(path))) == asked_ms * FRAMES_PER_MS
        made += 1
    return exact


def shortest(region: str, method: str, language: str) -> int:
    """Return the shortest length that the error for one minute names, in milliseconds."""
    try:
        Session(region, method=method, language=language, minutes=1).prepare()
    except RequestError as error:
        times = re.findall(r"(\d+):(\d\d)\.(\d{3})", str(error).split("nearest")[1])
        return min(int(m) * 60_000 + int(s) * 1000 + int(ms) for m, s, ms in times)
    raise AssertionError(f"{region} in one minute?")


if __name__ == "__main__":
    sys.exit(main())
