"""How long a script takes to be read and timed, without its speech, as a Markdown table.

    python tests/benchmarks/bench_script.py [--runs N] [--check]

Each size is measured N times, taking turns; the table gives the best, for the rest is the machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from voiceguide import ssml, timeline

SIZES = (1_000, 10_000, 100_000)
"""Events in a script."""
MOST_S = 1.0
"""What reading and timing 10,000 events may take."""
MOST_GROWTH = 2.5
"""An event may cost so many times as much where there are ten times as many. The garbage collector
looks at large trees several times: that alone doubles it once."""

SOUNDS = Path(__file__).parents[2] / "sounds"
CLIP_MS = 60
PART = """<p><s>Sentence {n}.</s><s>Another one, {n}.</s></p><break time="100ms"/>
<par xml:id="p{n}"><media begin="0.1s"><speak>Text {n}</speak></media>
<media><audio src="tick.wav"/></media><seq><media><audio src="tick.wav"/></media>
<media begin="1s" end="p{n}.begin+5s"><audio src="tick.wav"/></media></seq></par>
<audio src="bell.wav"/><audio src="tick.wav"/><audio src="tick.wav"/><audio src="tick.wav"/>
"""
EVENTS_IN_PART = 10


def main() -> int:
    """Measure, write the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is broken")
    options = parser.parse_args()
    best = dict.fromkeys(SIZES, float("inf"))
    for _ in range(options.runs):
        for size in SIZES:
            best[size] = min(best[size], timed(size))
    lines = ["| events | read and timed | an event | against ten times fewer |"]
    lines.append("| ---: | ---: | ---: | ---: |")
    growths = []
    for size, took_s in best.items():
        fewer = best.get(size // 10)
        growth = took_s / fewer / 10 if fewer else 1.0
        growths.append(growth)
        cost = f"{took_s / size * 1e6:.0f} µs"
        lines.append(f"| {size:,} | {took_s:.2f} s | {cost} | {growth:.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    broken = best[10_000] > MOST_S or max(growths) > MOST_GROWTH
    return int(options.check and broken)


def timed(size: int) -> float:
    """Return how long a script of ``size`` events takes, in seconds."""
    script = f"<speak>{''.join(PART.format(n=n) for n in range(size // EVENTS_IN_PART))}</speak>"
    begin_s = time.perf_counter()
    root = ssml.parse(script, name="bench.ssml", folders=[SOUNDS]).root
    items = timeline.resolve(root, lambda _: CLIP_MS, max_ms=10**9)
    events = sum(isinstance(item, timeline.Event) for item in items)
    took_s = time.perf_counter() - begin_s
    assert events == size
    return took_s


if __name__ == "__main__":
    sys.exit(main())
