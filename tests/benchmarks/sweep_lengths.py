"""Makes sessions of many lengths for every region, and checks what each must keep.

    python tests/benchmarks/sweep_lengths.py [--workers N] [--decoded N] [--language L] [REGION...]

For each region, language, guidance and side, and for 5 to 60 minutes (3 too for one side): the
timeline is as long as was asked for, no hold or stretch is shorter than half a minute, and each
pause of a fixed length after a sentence, in which the body moves, is as long as the script says.
So many of them, drawn by chance, also become MP3s whose samples are counted. Takes about two
seconds of one core for each of 4,002.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import itertools
import os
import random
import re
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

from voiceguide import Session, library
from voiceguide.errors import VoiceguideError

sys.path.append(str(Path(__file__).parents[1]))
from conftest import FRAMES_PER_MS, decode

LANGUAGES = ("en", "de")
MINUTES = (3, 5, 7, 10, 12, 15, 20, 30, 45, 60)
SSML = "{http://www.w3.org/2001/10/synthesis}"


def main() -> int:
    """Sweep, write a line for each that is wrong, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--decoded", type=int, default=200, help="how many become MP3s")
    parser.add_argument("--minutes", type=int, nargs="*", default=MINUTES)
    parser.add_argument("--language", choices=LANGUAGES, help="both, unless one is named")
    parser.add_argument("regions", nargs="*", help="all, unless some are named")
    options = parser.parse_args()
    asked = [
        (region.id, language, guidance, side, minutes)
        for language in ([options.language] if options.language else LANGUAGES)
        for region in library.load(language).regions()
        if not options.regions or region.id in options.regions
        for guidance in ("full", "brief", "tones")
        for side in ("both", "left", "right")
        for minutes in options.minutes
        if minutes >= 5 or side != "both"
    ]
    decoded = set(random.Random(0).sample(range(len(asked)), min(options.decoded, len(asked))))
    wrong = 0
    with concurrent.futures.ProcessPoolExecutor(options.workers) as pool:
        found = pool.map(mistakes, asked, [number in decoded for number in range(len(asked))])
        for number, (request, said) in enumerate(zip(asked, found, strict=True), 1):
            wrong += bool(said)
            for mistake in said:
                print(*request, mistake, flush=True)
            if number % 100 == 0:
                print(f"{number} of {len(asked)}", flush=True)
    print(f"{len(asked) - wrong} of {len(asked)} are right; {len(decoded)} were decoded")
    return int(wrong > 0)


def mistakes(request: tuple[str, str, str, str, int], decoded: bool) -> list[str]:
    """Return what is wrong with a session, none if nothing is."""
    region, language, guidance, side, minutes = request
    session = Session(
        region,
        language=language,
        guidance=guidance,
        side=side,
        minutes=minutes,
        voice="pyttsx3",
    )
    try:
        timeline = session.timeline
    except VoiceguideError as error:
        return [str(error)]
    asked_ms = minutes * 60_000
    found = []
    if timeline.duration_ms != asked_ms:
        found.append(f"lasts {timeline.duration_ms} ms")
    lasting = [
        (mark.kind, mark.end_ms - mark.begin_ms)
        for mark in timeline.marks
        if mark.kind in {"hold", "stretch"}
    ]
    if not any(kind == "hold" for kind, _ in lasting):
        found.append("has no hold")
    found += [f"has a {kind} of {ms} ms" for kind, ms in lasting if ms < 30_000]
    found += squeezed(session)
    if decoded:
        with tempfile.TemporaryDirectory() as folder:
            samples = len(decode(session.export(Path(folder, "session.mp3"))))
        if samples != asked_ms * FRAMES_PER_MS:
            found.append(f"has {samples} samples")
    return found


def squeezed(session: Session) -> list[str]:
    """Return each sentence that is followed by less silence than the script asks for."""
    asked_ms = defaultdict(list)
    sentence = ""
    for element in ET.fromstring(session.script).iter():  # noqa: S314 (our own)
        if element.tag == f"{SSML}s":
            sentence = "".join(element.itertext())
        elif (time := element.get("time")) and element.tag == f"{SSML}break" and sentence:
            asked_ms[sentence].append(round(float(re.fullmatch(r"([\d.]+)s", time)[1]) * 1000))
            sentence = ""
        elif element.tag != f"{SSML}p" and not element.tag.endswith(("}media", "}speak")):
            sentence = ""
    given_ms = defaultdict(list)
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    for before, after in itertools.pairwise(speech):
        given_ms[before.text].append(after.begin_ms - before.end_ms)
    return [
        f"leaves {given} ms after “{text}”, not {asked}"
        for text, times in asked_ms.items()
        for asked, given in zip(sorted(times), sorted(given_ms[text]), strict=False)
        if given < asked
    ]


if __name__ == "__main__":
    sys.exit(main())
