"""How long the sessions of regions last by themselves, about: for lists to choose from.

Takes the texts of a language. Gives milliseconds, without speaking anything: speech is taken to be
as long as its letters need at the calm pace of the voice that would say it. All else has its own
length.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from voiceguide import __version__, files, mixer, script, ssml, timeline
from voiceguide.errors import ExportError, VoiceguideError
from voiceguide.languages import primary
from voiceguide.options import chosen
from voiceguide.script import Request
from voiceguide.ssml import Sound, Speech
from voiceguide.voices import cache, engines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voiceguide.library import Library

_CHARACTERS_PER_WORD = {"en": 5.1, "de": 5.8}
"""How many characters are said in the time of a word, by its rate: 5.04 and 5.12 by Piper's joe and
espeak-ng in English, 5.84 by espeak-ng in German (measured, in two sessions each)."""
_ELSEWHERE = 5.5


def natural_ms(library: Library) -> dict[str, int]:
    """Return about how long the session of each region lasts, both sides, if nothing is chosen.

    It is within half a minute of the session as the best voice says it. Regions of which no session
    can be made are left out. What was found is kept in the cache until texts or voice change.
    """
    engine = engines(None)()
    wpm = engine.calm_wpm(library.language)
    engine.close()
    path = files.cache_folder() / f"lengths-{library.language}.json"
    texts = [files.states(folder) for folder in files.script_folders(library.own)]
    made_of = cache.key(__version__, texts, wpm)
    kept = _kept(path)
    if kept.get("made_of") == made_of:
        return {str(name): int(ms) for name, ms in kept["natural_ms"].items()}
    found = {}
    for region in library.regions():
        with contextlib.suppress(VoiceguideError):  # what is wrong is said when it is made
            found[region.id] = _natural_ms(library, region.id, wpm)
    with contextlib.suppress(ExportError):  # then it is found again
        files.write_bytes(path, json.dumps({"made_of": made_of, "natural_ms": found}).encode())
    return found


def _natural_ms(library: Library, region: str, wpm: int) -> int:
    own = None if library.own is None else str(library.own)
    asked = Request(region, chosen({"language": library.language, "library": own}))
    written = script.write(asked)
    read = ssml.parse(
        written.text,
        name=written.name,
        folders=list(written.folders),
        language=library.language,
    )
    per_word = _CHARACTERS_PER_WORD.get(primary(library.language), _ELSEWHERE)
    items = timeline.resolve(read.root, _length_ms(wpm * per_word), name=written.name)
    return timeline.collect(items).duration_ms


def _length_ms(characters_per_minute: float) -> Callable[[Speech | Sound], int]:
    def length_ms(cue: Speech | Sound) -> int:
        if isinstance(cue, Sound):
            return mixer.sound_ms(cue)
        return round(60_000 * len(cue.text) / (characters_per_minute * cue.style.rate))

    return length_ms


def _kept(path: Path) -> dict[str, Any]:
    """Return what is in the cache; nothing if it cannot be used."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
        lengths = kept.get("natural_ms") if isinstance(kept, dict) else None
        if isinstance(lengths, dict) and all(isinstance(ms, int) for ms in lengths.values()):
            return kept
    return {}
