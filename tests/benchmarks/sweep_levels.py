"""Measures how loud sessions are: each region in each language, the beds in turn.

    python tests/benchmarks/sweep_levels.py [--voice VOICE] [REGION...]

Writes a line for each, as ffmpeg's ebur128 reads its MP3: the integrated loudness, which is to be
−16 ±1 LUFS, and the true peak, at most −1 dBTP. Takes about five seconds a session.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

from voiceguide import Session, library
from voiceguide.options import BEDS

sys.path.append(str(Path(__file__).parents[1]))
from test_render import loudness_of


def main() -> int:
    """Sweep, and return the exit status: 1 if one is beyond."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--voice", help="as for “render”")
    parser.add_argument("regions", nargs="*", help="all, unless some are named")
    options = parser.parse_args()
    beds = itertools.cycle([None, *BEDS])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for language, region in itertools.product(("en", "de"), library.load("en").regions()):
            if options.regions and region.id not in options.regions:
                continue
            bed = next(beds)
            session = Session(region.id, language=language, bed=bed, voice=options.voice)
            lufs, peak = loudness_of(session.export(Path(folder) / "session.mp3"))
            found.append((lufs, peak))
            print(f"{region.id} {language} {bed}: {lufs:.1f} LUFS, {peak:.1f} dBTP", flush=True)
    levels, peaks = zip(*found, strict=True)
    print(f"{len(found)}: {min(levels)} to {max(levels)} LUFS, at most {max(peaks)} dBTP")
    return int(max(abs(level + 16) for level in levels) > 1 or max(peaks) > -1)


if __name__ == "__main__":
    sys.exit(main())
