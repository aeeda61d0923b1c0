"""Loops each bed for an hour: does a seam show, and what does the hour cost? As a Markdown table.

    python tests/benchmarks/bench_bed.py [--minutes M] [FILE...]

A seam would show as an outlier of the spectral flux: of all moments of the hour, the table gives
the part that changes more than the worst seam does (0 would be an outlier), and the seam's flux
against the median. Memory is what the process holds at the end, against after the first minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import psutil

from voiceguide import files
from voiceguide.audio.grid import FRAMES_PER_MS
from voiceguide.mixer.bed import Loop
from voiceguide.options import BEDS
from voiceguide.timeline import Bed
from voiceguide.voices.clip import keep_memory_flat

FRAME = 2048
BLOCK_MS = 512  # of which twelve frames are a whole number


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("files", nargs="*", type=Path, help="beds of one's own")
    options = parser.parse_args()
    keep_memory_flat()
    beds = [Bed(file, file.name) for file in options.files]
    for name in BEDS:
        path = files.find(f"{name}.flac", files.folders("sounds"))
        assert path is not None
        beds.append(Bed(path, name, seamless=True))
    print("| bed | seams | worst seam / median flux | moments beyond it | memory |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for bed in beds:
        seams, worst, beyond, memory = looped(bed, options.minutes)
        print(
            f"| {bed.source} | {seams} | {worst:.2f} | {beyond:.2%} | {memory:.2f} × |", flush=True
        )


def looped(bed: Bed, minutes: float) -> tuple[int, float, float, float]:
    loop = Loop(bed, 1)
    process = psutil.Process()
    window = np.hanning(FRAME)
    before = np.zeros(FRAME // 2 + 1)
    flux: list[float] = []
    held = 0
    for begin_ms in range(4096, 4096 + round(minutes * 60_000), BLOCK_MS):  # it is faded in by then
        frames = loop.part(begin_ms, BLOCK_MS, [], None)[0].reshape(-1, FRAME) * window
        for spectrum in np.log(np.abs(np.fft.rfft(frames)) + 1e-6):
            flux.append(float(np.abs(spectrum - before).mean()))
            before = spectrum
        if begin_ms <= 64_000:
            held = process.memory_info().rss
    changes = np.array(flux[1:])
    first = 4096 * FRAMES_PER_MS
    end = first + len(flux) * FRAME
    period = loop._period
    seams = [n * period - first for n in range(first // period + 1, end // period + 1)]
    at = [seam // FRAME for seam in seams]
    worst = max(changes[max(0, frame - 2) : frame + 2].max(initial=0) for frame in at)
    beyond = float((changes > worst).mean())
    return len(seams), worst / float(np.median(changes)), beyond, process.memory_info().rss / held


if __name__ == "__main__":
    main()
