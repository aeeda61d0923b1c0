"""A script's speech -> utterances: which voice speaks what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from voiceguide.errors import Findings
from voiceguide.languages import same_language
from voiceguide.library import Lexicon
from voiceguide.ssml import Speech, walk
from voiceguide.voices.engine import RATES_WPM, Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voiceguide.ssml import Script, WantedVoice
    from voiceguide.ssml.cues import Style
    from voiceguide.voices.engine import Engine


@dataclass(frozen=True, slots=True)
class Cast:
    """The voices of a script."""

    voice: str | None
    """The session's voice, as the engine calls it; None for the engine's calm default."""
    calm_wpm: Mapping[str, int]
    """The pace of what has no other, by its language, in words a minute as heard.

    It has the script's language, though that may say nothing in it."""
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
        language = style.language if voice is None else _language(style)
        if voice is None and same_language(language, self.language):
            voice = self.voice
        speech = replace(speech, style=replace(style, language=language))
        return Utterance.of(speech, voice, self.calm_wpm[language], self.lexicons.get(language))


def _language(style: Style) -> str:
    """Return the language in which a text is said: its own, unless its voice speaks only others."""
    languages = style.voice.languages if style.voice else ()
    own = not languages or any(same_language(tag, style.language) for tag in languages)
    return style.language if own else languages[0]


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
    calm_wpm = {script.language: rate_wpm or engine.calm_wpm(script.language)}
    chosen: dict[tuple[WantedVoice, str], str | None] = {}
    missing, limited = Findings(), Findings()
    lexicons: dict[str, Lexicon] = {}
    for cue in walk(script.root):
        if not isinstance(cue, Speech):
            continue
        language = cue.style.language
        if cue.style.voice is not None:
            wanted = (cue.style.voice, language)
            if wanted not in chosen:
                chosen[wanted] = engine.choose(cue.style.voice, _language(cue.style))
            if chosen[wanted] is None:
                missing.add(f"no voice matches {cue.style.voice}: another one speaks", cue.at)
            else:
                language = _language(cue.style)
        if language not in lexicons:
            calm_wpm[language] = rate_wpm or engine.calm_wpm(language)
            lexicons[language] = lexicon(language)
        rate = calm_wpm[language] * cue.style.rate
        spoken = min(RATES_WPM[1], max(RATES_WPM[0], rate))
        if spoken != rate:
            limited.add(f"{rate:.0f} words a minute are spoken as {spoken}", cue.at)
    warnings = (*missing.report(name), *limited.report(name))
    return Cast(voice, calm_wpm, script.language, chosen, warnings, lexicons)
