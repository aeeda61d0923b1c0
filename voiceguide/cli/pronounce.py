"""The command that shows and plays what voices make of words: pronounce."""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path  # noqa: TC003 (commands are read at run time)
from typing import TYPE_CHECKING, Annotated

import typer

from voiceguide import files
from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import saying
from voiceguide.cli.lists import Language, Texts  # noqa: TC001 (commands are read at run time)
from voiceguide.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from voiceguide import Session
    from voiceguide.library import Lexicon
    from voiceguide.voices import Utterance
    from voiceguide.voices.espeak import Espeak

_NO_TEXT = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""What is not a Char of XML 1.0."""


@command("Example: voiceguide pronounce fascia “Close your eyes”")
@saying
def pronounce(
    words: Annotated[
        list[str], typer.Argument(help="Words or phrases.", metavar="WORD...", show_default=False)
    ],
    language: Language = "en",
    voice: Annotated[
        str | None, typer.Option(help="The voice that says them.  [default: one of each engine]")
    ] = None,
    texts: Texts = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write it to a file instead.", metavar="FILE"),
    ] = None,
) -> None:
    """Show how words are said, with the lexicon and without, and play them.

    Prints the phonemes that espeak-ng makes of them, and what each engine with a voice for the
    language is given. Then each of these engines says them; a file has the voice that speaks by
    default. With --quiet, nothing is played. To change how a word sounds, add it to lexicon.toml in
    a library of your own.
    """
    from voiceguide import library
    from voiceguide.voices.espeak import Espeak

    _check(words, language)
    lexicon, espeak = library.lexicon(language, texts), Espeak()
    engines = _engines(language)
    for word in words:
        plain = _utterance(word, language, library.Lexicon())
        known = _utterance(word, language, lexicon)
        typer.echo(word)
        typer.echo(f"  espeak-ng     {_ipa(espeak, plain)}")
        typer.echo(f"  with lexicon  {_ipa(espeak, known)}")
        for engine in engines:
            typer.echo(f"  to {engine:<10} {_given(engine, known)}")
    if output is not None or say.is_quiet():
        session = _session(words, language, voice, texts)
        say.warn(session.warnings)
        if output is not None:
            typer.echo(session.export(output))
        elif voice is not None:
            _ = session.timeline  # raises if there is no such voice
        return
    for speaker in [voice] if voice else _speakers(language):
        session = _session(words, language, speaker, texts)
        say.warn(session.warnings)
        say.note(f"This is {speaker}.")
        try:
            session.play()
        except DeviceError as error:
            say.warn([f"nothing is played: {error.with_flags()}"])
            return


def _check(words: list[str], language: str) -> None:
    """Raise UsageError for what cannot be said."""
    for given in (*words, language):
        if found := re.search(_NO_TEXT, given):
            raise UsageError(f"“{given}”: a sign (U+{ord(found[0]):04X}) is not text, or not UTF-8")
    if not all(word.strip() for word in words):
        raise UsageError("“”: there is nothing to say; give words or phrases")


def _session(words: list[str], language: str, voice: str | None, texts: Path | None) -> Session:
    from voiceguide import Session

    said = "".join(f'<s>{escape(word)}</s><break time="600ms"/>' for word in words)
    script = f"<speak xml:lang='{escape(language)}'>{said}</speak>"
    with files.scratch_folder() as folder:
        path = folder / "words.ssml"
        path.write_text(script, "utf-8")
        session = Session(path, language=language, voice=voice, library=texts)
        _ = session.plan  # read while the file is there
    return session


def _utterance(word: str, language: str, lexicon: Lexicon) -> Utterance:
    from voiceguide.errors import Position
    from voiceguide.ssml import Speech
    from voiceguide.ssml.cues import Style
    from voiceguide.voices import Utterance

    return Utterance.of(Speech(word, Style(language), Position(1, 1)), lexicon=lexicon)


def _engines(language: str) -> list[str]:
    """Return the names of the engines that have a voice for a language."""
    from voiceguide.languages import same_language
    from voiceguide.voices import ENGINES

    return [
        name
        for name in ENGINES
        if any(
            same_language(tag, language)
            for one in ENGINES.load(name).voices()
            for tag in one.languages
        )
    ]


def _speakers(language: str) -> list[str]:
    """Return the best voice of each engine for a language, the system's last."""
    from voiceguide.session import voices
    from voiceguide.voices import PLAIN

    best = {
        one.engine: one.id
        for one in sorted(voices(language), key=lambda one: one.quality)
        if one.quality
    }
    return [*best.values(), PLAIN]


def _ipa(espeak: Espeak, utterance: Utterance) -> str:
    return espeak.ipa(utterance.phonemes or utterance.said, utterance.language)


def _given(engine: str, utterance: Utterance) -> str:
    """Return what an engine gets to say."""
    from voiceguide.phonemes import for_espeak

    phonemes = utterance.phonemes or utterance.said
    match engine:
        case "recordings":
            return utterance.text
        case "pyttsx3" if sys.platform in ("win32", "darwin"):
            return utterance.said
        case "pyttsx3":
            return for_espeak(phonemes, utterance.language)
        case _:
            return phonemes
