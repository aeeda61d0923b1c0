"""Plays the scripts in the tests of other programs for SSML and Speech Markdown, and counts them.

    git clone https://github.com/speechmarkdown/speechmarkdown-js
    git clone https://github.com/janniksam/SSMLVerifier
    python tests/benchmarks/peer_scripts.py [--show] speechmarkdown-js/tests SSMLVerifier

ssml-check-core comes from the npm registry, by ``npm pack``. A script that its own test calls valid
has to play here: it is read and timed as if each character took 60 ms. What is refused is printed
with its message, which has to say what to do; ``--show`` also prints the warnings. Scripts that
need sounds or lexicons from the network, or are parts of another one, are counted apart.
"""

from __future__ import annotations

import argparse
import collections
import re
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from pathlib import Path
from typing import NamedTuple

from voiceguide import ssml, timeline
from voiceguide.errors import VoiceguideError
from voiceguide.script import plain

SOUNDS = Path(__file__).parents[2] / "sounds"
MS_A_CHARACTER = 60
ELSEWHERE = ("no sound ", "no lexicon ", "is not fetched", "https://", "no element has the xml:id")
"""What messages, or the scripts that are refused, say if they need something that is not there."""

STRING = r"""(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")"""
CHECKED = re.compile(rf"runTest\(\s*{STRING}\s*,\s*{STRING}.*'valid'\)")
"""In ssml-check-core: name, script, options, expectation."""
VERIFIED = re.compile(
    r"void (?:Should)?ReturnValid(?!\w*Invalid)\w*\(\)\s*\{(.*?)\n        \}", re.DOTALL
)
"""In SSMLVerifier: a method of a test."""
LITERAL = re.compile(r'(?<=")<(?:[^"\\]|\\.)*(?=")')
DEDENTED = re.compile(r"dedent`(.*?)`", re.DOTALL)
"""In speechmarkdown-js: Speech Markdown, and the SSML that becomes of it."""


class Peer(NamedTuple):
    """A script of another program."""

    origin: str
    text: str

    @property
    def is_ssml(self) -> bool:
        """Whether it is SSML rather than Speech Markdown."""
        return self.text.startswith("<speak")


def main() -> int:
    """Play all, print what is refused, and return how many are without a reason."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--show", action="store_true", help="print warnings too")
    parser.add_argument("folders", nargs="*", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        packed(Path(folder), "ssml-check-core")
        found = [one for root in (Path(folder), *options.folders) for one in scripts(root)]
    results: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for one in dict.fromkeys(found):
        refused, warnings = played(one)
        apart = refused and any(sign in refused + one.text for sign in ELSEWHERE)
        kind = "need what is elsewhere" if apart else "refused" if refused else "play"
        results[f"{one.origin}, {'SSML' if one.is_ssml else 'Speech Markdown'}"][kind] += 1
        if kind == "refused":
            print(f"REFUSED: {one.text}\n    {refused}")
        elif options.show and warnings:
            print(one.text, *warnings, sep="\n    ")
    for name, counts in results.items():
        print(
            f"{name}: {counts.total()} valid, " + ", ".join(f"{n} {k}" for k, n in counts.items())
        )
    return sum(counts["refused"] for counts in results.values())


def packed(folder: Path, name: str) -> None:
    """Download a package of npm and unpack it into ``folder``."""
    command = ["npm", "pack", "--silent", name]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder / name, filter="data")


def scripts(root: Path) -> list[Peer]:
    """Return the scripts in the tests below a folder that their own programs call valid."""
    found: list[Peer] = []
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".js", ".ts", ".cs") or "est" not in str(path):
            continue
        text = path.read_text("utf-8", "replace")
        if path.suffix == ".cs":
            joined = re.sub(r'"\s*\+\s*"', "", text)
            literals = [LITERAL.findall(body) for body in VERIFIED.findall(joined)]
            texts = [unescaped(literal) for some in literals for literal in some]
            found += [Peer("SSMLVerifier", whole(one)) for one in texts]
        elif path.suffix == ".js":
            texts = [unescaped(one[2] or one[3]) for one in CHECKED.findall(text)]
            found += [Peer("ssml-check-core", one) for one in texts]
        else:
            texts = [textwrap.dedent(one).strip() for one in DEDENTED.findall(text)]
            found += [Peer("speechmarkdown-js", one) for one in texts if "${" not in one]
    return found


def unescaped(literal: str) -> str:
    """Return what a literal of JavaScript or C# stands for."""
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), literal)


def whole(fragment: str) -> str:
    """Return an element as a script."""
    return fragment if fragment.startswith("<speak") else f"<speak>{fragment}</speak>"


def played(one: Peer) -> tuple[str, tuple[str, ...]]:
    """Return why a script is refused, or nothing, and its warnings."""
    warnings: tuple[str, ...] = ()
    try:
        text = one.text
        if not one.is_ssml:
            text, warnings = plain.to_ssml(text, "peer.md")
        script = ssml.parse(text, name="peer.ssml", folders=[SOUNDS])
        timed = timeline.collect(timeline.resolve(script.root, length_ms))
    except VoiceguideError as error:
        return error.with_flags(), warnings
    return "", (*warnings, *script.warnings, *timed.warnings)


def length_ms(cue: ssml.Speech | ssml.Sound) -> int:
    """Return how long a clip is said to last."""
    return MS_A_CHARACTER * len(cue.text) if isinstance(cue, ssml.Speech) else 300


if __name__ == "__main__":
    sys.exit(main())
