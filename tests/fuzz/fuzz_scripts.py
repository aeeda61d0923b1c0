"""Throws scripts at the reader and the timeline: they may refuse them, but in no other way.

    pip install atheris
    python tests/fuzz/fuzz_scripts.py -max_total_time=600 [CORPUS_FOLDER]

Half of the inputs are bytes as atheris mutates them, half are built of elements, attributes and
values that mean something. Whatever is raised but a VoiceguideError is a finding; so is an input
that takes longer than 5 seconds.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["voiceguide"]):
    from voiceguide import export, ssml, timeline
    from voiceguide.errors import VoiceguideError
    from voiceguide.ssml.elements import ATTRIBUTES

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "sounds"
ELEMENTS = [*ATTRIBUTES, "speak", "media", "par", "seq", "o:foreign", "unknown", "sub", "audio"]
VALUES = [
    "0", "0s", "1s", "250ms", "-1s", "+2.5s", "1min", "99999999h", "1e9", "1000000000", "0.5", "2",
    "-1", "a.begin", "a.end", "b.end-2s", "b.begin+1h", "a.end+", ".end", "a", "b", "50%", "+10%",
    "-100%", "6dB", "-6dB", "+999dB", "x-slow", "loud", "strong", "reduced", "bell.wav", "tick.wav",
    "../bell.wav", "http://x/y.wav", "", " ", "\x09", "en", "de-AT", "xx", "am", "vi",
    "pl", "fr", "female", "male", "1",
    "chapter:", "chapter:Go", "date", "ordinal", "characters", "telephone", "cardinal", "time",
    "mdy", "ymd", "hms12", "x-espeak", "ipa", "t@m'A:", "]]", "[[", "2st", "120Hz", "\U0001f600",
    "inf", "nan", "9" * 400, "9" * 5000, "0x10", "١", "1.5.5s",
]  # fmt: skip
TEXTS = [
    "Hello.",
    "9" * 5000,
    "0",
    "123456789",
    " ",
    ".",
    "11/23/2026",
    "3",
    "12:30",
    "&amp;",
    "&lt;",
    "\n",
    "ä",
    "…",
    "[[a]]",
]

tried = timed = 0


def test_one_input(data: bytes) -> None:
    """Read and time one script."""
    global tried, timed  # noqa: PLW0603 (atheris ends the process by itself)
    tried += 1
    script = built(atheris.FuzzedDataProvider(data[1:])) if data[:1] < b"\x80" else data[1:]
    try:
        parsed = ssml.parse(script, name="fuzz.ssml", folders=[SOUNDS])
        whole = timeline.collect(timeline.resolve(parsed.root, length_ms))
        for form in ("text", "json", "vtt", "lrc", "svg", "html"):
            export.captions(whole, form, title=parsed.title or "", language=parsed.language)
        if whole.duration_ms:
            timeline.fit([timeline.Measured(parsed.root, length_ms)], whole.duration_ms * 3 // 2)
    except (VoiceguideError, timeline.LengthError):
        return
    timed += 1


def length_ms(cue: ssml.Speech | ssml.Sound) -> int:
    """Return a length that hangs on the clip alone."""
    return 40 * len(cue.text) if isinstance(cue, ssml.Speech) else 300


def built(source: atheris.FuzzedDataProvider) -> str:
    """Build a script of parts that mean something."""
    pieces = ['<speak xmlns:o="urn:o" xmlns:vg="urn:voiceguide">']
    unclosed: list[str] = []
    while source.remaining_bytes() and len(pieces) < 400:
        choice = source.ConsumeIntInRange(0, 9)
        if choice < 5:
            name = source.PickValueInList(ELEMENTS)
            known = sorted(ATTRIBUTES.get(name, ())) or ["x"]
            chosen = {source.PickValueInList(known) for _ in range(source.ConsumeIntInRange(0, 4))}
            written = "".join(
                f' {one}="{source.PickValueInList(VALUES)}"' for one in sorted(chosen)
            )
            pieces.append(f"<{name}{written}>")
            unclosed.append(name)
        elif choice < 8 and unclosed:
            pieces.append(f"</{unclosed.pop()}>")
        else:
            pieces.append(source.PickValueInList(TEXTS))
    pieces += [f"</{name}>" for name in reversed(unclosed)]
    return "".join(pieces) + "</speak>"


def main() -> None:
    """Fuzz until a finding or the end of the time."""
    atexit.register(lambda: print(f"tried {tried:,} scripts, {timed:,} of them right", flush=True))
    atheris.Setup([*sys.argv, "-timeout=5", "-rss_limit_mb=500", "-max_len=4096"], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
