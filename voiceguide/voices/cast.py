"""A script's speech -> utterances: which voice speaks what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voiceguide.errors import Findings
from voiceguide.library import Lexicon
from voiceguide.ssml import Speech, walk
from voiceguide.voices.engine import Utterance, same_language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voiceguide.ssml import Script, WantedVoice
    from voiceguide.voices.engine import Engine


@dataclass(frozen=True, slots=True)
class Cast:
    """The voices of a script."""

    voice: str | None
    """The session's voice, as the engine calls it; None for the engine's calm default."""
    calm_wpm: Mapping[str, int]
    """The pace of what has no other, by its language, in words a minute as heard."""
    language: str
    """The script's language, a BCP 47 tag; the session's voice only speaks this one."""
    chosen: Mapping[tuple[WantedVoice, str], str | None]
    """The voice for each wanted voice and language; None if no voice matches."""
    warnings: tuple[str, ...]
    lexicons: Mapping[str, Lexicon] = field(default_factory=dict)
    """By the language of what is said."""

    def utterance(self, speech: Speech) -> Utterance:
        """Return what an engine has to say, and how."""
        style = speech.style
        voice = self.chosen.get((style.voice, style.language)) if style.voice else None
        if voice is None and same_language(style.language, self.language):
            voice = self.voice
        lexicon = self.lexicons.get(style.language)
        return Utterance.of(speech, voice, self.calm_wpm[style.language], lexicon)


def cast(  # noqa: PLR0913 (each by its name)
    script: Script,
    engine: Engine,
    voice: str | None,
    rate_wpm: int | None,
    *,
    name: str,
    lexicon: Callable[[str], Lexicon] = lambda _: Lexicon(),
) -> Cast:
    """Return the voices of a script, chosen from those of ``engine``.

    ``voice`` is the session's own, and ``rate_wpm`` its pace; None for the engine's calm one.
    ``name`` is used in warnings about missing voices; ``lexicon`` returns that of a language.
    """
    calm_wpm: dict[str, int] = {}
    chosen: dict[tuple[WantedVoice, str], str | None] = {}
    missing = Findings()
    lexicons: dict[str, Lexicon] = {}
    for cue in walk(script.root):
        if not isinstance(cue, Speech):
            continue
        if cue.style.language not in calm_wpm:
            calm_wpm[cue.style.language] = rate_wpm or engine.calm_wpm(cue.style.language)
            lexicons[cue.style.language] = lexicon(cue.style.language)
        if cue.style.voice is None:
            continue
        wanted = (cue.style.voice, cue.style.language)
        if wanted not in chosen:
            chosen[wanted] = engine.choose(*wanted)
        if chosen[wanted] is None:
            missing.add(f"no voice matches {cue.style.voice}: another one speaks", cue.at)
    return Cast(voice, calm_wpm, script.language, chosen, tuple(missing.report(name)), lexicons)
