"""The process in which pyttsx3 speaks."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import sys
from typing import Any

from voiceguide.child import Asker, serve
from voiceguide.errors import MissingVoiceError

ESPEAK_PHONEMES = 0x100  # of speak_lib.h: text in [[ ]] is phonemes
ESPEAK_KINDS = {"female": 5, "male": 8}
"""How many variants of each voice there are: +f1 to +f5, +m1 to +m8."""
ESPEAK_VARIANTS = {
    f"{kind[0]}{n}" for kind, most in ESPEAK_KINDS.items() for n in range(1, most + 1)
}
TRIES = 3
HEADER_BYTES = 4096  # of AIFF on macOS; WAV has 44; no phrase is shorter than 0.1 s
MEMBERS = {"zh": "cmn", "no": "nb"}
"""Languages that espeak-ng knows by their largest member (ISO 639-3 macrolanguages)."""
CALM_VOICES = {"en": "gmw/en-us+m6", "de": "gmw/de+m6"}
"""Of espeak-ng's voices; elsewhere the system's own voice in the language is the calm one.

Of the plain voice, +f1 to +f5 and +m1 to +m8 it is understood best in both languages: STOI through
a phone's loudspeaker in a noisy room is 0.81 and 0.82 in English and German (women: 0.76 to 0.79
and 0.78 to 0.79). Its balance, finished, is that of people (2 to 5 kHz against 300 to 2,000 Hz:
-13.2 and -11.9 dB), its resonances are wide, its melody spans 5 semitones (+f3: 7) around 100 Hz.
Two semitones lower gain 0.002, two higher lose 0.007: its pitch stays as it is.
tests/benchmarks/compare_voices.py measures all this.
"""


def prepare_espeak() -> None:
    """Load the espeak-ng of the wheel, so that pyttsx3 finds it by name.

    With ``VOICEGUIDE_SYSTEM_ESPEAK=1``, it finds the system's instead.
    """
    if sys.platform != "linux" or os.environ.get("VOICEGUIDE_SYSTEM_ESPEAK"):
        return
    import espeakng_loader

    os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
    ctypes.CDLL(espeakng_loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)


class Speaker:
    """pyttsx3, with its voices by all their names.

    What espeak-ng says depends by some milliseconds on all that it said before: its flutter and its
    noise go on, and nothing sets them back. So each phrase is spoken by a copy of this process, in
    which espeak-ng is ready and has said nothing.
    """

    def __init__(self, asker: Asker) -> None:
        def answer_and_end(unraisable: Any) -> None:
            asker.tell(error=str(unraisable.exc_value), kind=None)
            os._exit(1)

        # An error in espeak-ng's callback, such as a full disk, is lost, and pyttsx3 waits forever.
        sys.unraisablehook = answer_and_end
        prepare_espeak()
        import pyttsx3

        self._events: list[tuple[int, int]] = []
        with contextlib.suppress(ImportError, OSError, RuntimeError):  # no espeak-ng: no words
            self._speak_at_once()
            self._listen_to_events()
        self._engine = pyttsx3.init()
        self._engine.runAndWait()  # what is set before the first run is lost with the first phrase
        self._voices = self._engine.getProperty("voices") or []
        self._settings: dict[str, object] = {}
        self._file = asker.folder / "phrase.wav"
        self._espeak = self._engine.driver_name == "espeak"
        self._phonemes = False
        if self._espeak:
            self._let_phonemes_through()

    def voices(self) -> list[dict[str, Any]]:
        """Return the id, name, languages and gender of each voice."""
        return [
            {
                "id": voice.id,
                "name": voice.name,
                "languages": _languages(voice),
                "gender": _gender(voice) or None,
            }
            for voice in self._voices
        ]

    def choose(
        self,
        names: list[str],
        languages: list[str],
        gender: str | None,
        variant: int | None,
        language: str,
    ) -> str | None:
        """Return the id of the voice that matches best; None if none matches."""
        for name in (" ".join(names), *names):  # a name may have spaces, or there are several
            with contextlib.suppress(MissingVoiceError):
                return self._resolve(name, language)
        if names and not (languages or gender or variant):
            return None
        for spoken in languages or [language]:
            with contextlib.suppress(MissingVoiceError):
                return self._of_kind(spoken.replace("_", "-"), gender, variant)
        return None

    def _of_kind(self, language: str, gender: str | None, variant: int | None) -> str:
        calm = self._resolve(None, language)
        if self._espeak:
            base, _, kind = calm.partition("+")
            if gender == "neutral":
                return base
            calm_gender = {"f": "female", "m": "male"}.get(kind[:1], "male")
            if variant is None and gender in (None, calm_gender):
                return f"{base}+{kind}" if kind else base
            gender = gender or calm_gender
            return f"{base}+{gender[0]}{min(variant or 1, ESPEAK_KINDS[gender])}"
        speaking = [voice for voice in self._voices if self._speaks(voice, language.lower())]
        matching = [voice for voice in speaking if gender is None or _gender(voice) == gender]
        if not matching:
            raise missing(f"no {gender} voice for the language “{language}”")
        if variant is None and calm in [voice.id for voice in matching]:
            return calm
        return str(matching[min(variant or 1, len(matching)) - 1].id)

    def speak(  # noqa: PLR0913 (each is a part of an utterance)
        self,
        text: str,
        language: str,
        voice: str | None,
        rate: int,
        pitch_st: float,
        phonemes: str | None = None,
    ) -> dict[str, object]:
        """Speak into a file, and return its path, and what espeak-ng says of the text's words.

        ``phonemes``, with espeak's mnemonics in [[ ]], replace the text if possible.
        """
        self._phonemes = self._espeak and phonemes is not None
        settings: dict[str, object] = {"voice": self._resolve(voice, language), "rate": rate}
        if self._espeak:
            # espeak-ng's pitch runs from 0, an octave down, to 100, an octave up
            settings["pitch"] = round(min(100, max(0, 50 + 50 * pitch_st / 12)))
        if settings != self._settings:
            for name, value in settings.items():
                self._set(name, value)
            self._settings = settings
        spoken = phonemes if self._phonemes and phonemes else text
        for _ in range(TRIES):  # now and then, a new engine says nothing at first
            self._file.unlink(missing_ok=True)
            self._events.clear()
            self._engine.save_to_file(spoken, str(self._file))
            self._engine.runAndWait()
            if self._file.exists() and self._file.stat().st_size > HEADER_BYTES:
                break
        return {"path": str(self._file), "spoken": spoken, "events": self._events}

    def _speak_at_once(self) -> None:
        """Let espeak-ng speak without a thread of its own, which a copy of the process lacks.

        pyttsx3 waits for an event at the end, which it only gets from that thread.
        """
        from pyttsx3.drivers import _espeak

        initialize, set_callback = _espeak.Initialize, _espeak.SetSynthCallback
        ended = (_espeak.EVENT * 2)()
        ended[0].type = _espeak.EVENT_MSG_TERMINATED

        def set_ending(callback: Any) -> None:
            set_callback(
                lambda samples, *rest: callback(samples, *(rest if samples else (0, ended)))
            )

        _espeak.Initialize = lambda _, *rest: initialize(_espeak.AUDIO_OUTPUT_SYNCHRONOUS, *rest)
        _espeak.SetSynthCallback = set_ending

    def _listen_to_events(self) -> None:
        """Note where words begin and clauses end, in characters and ms; pyttsx3 drops the times."""
        from pyttsx3.drivers import _espeak

        set_callback = _espeak.SetSynthCallback

        def set_both(callback: Any) -> None:
            def noted(samples: Any, count: int, events: Any) -> Any:
                for event in itertools.takewhile(
                    lambda event: event.type != _espeak.EVENT_LIST_TERMINATED, events
                ):
                    if event.type in (_espeak.EVENT_WORD, _espeak.EVENT_END):
                        self._events.append((event.text_position - 1, event.audio_position))
                return callback(samples, count, events)

            set_callback(noted)

        _espeak.SetSynthCallback = set_both

    def _let_phonemes_through(self) -> None:
        """Let espeak-ng read phonemes when needed; pyttsx3 has no option for it."""
        from pyttsx3.drivers import _espeak

        synth = _espeak.Synth

        def with_phonemes(text: Any, flags: int = 0, **others: Any) -> Any:
            return synth(text, flags=flags | ESPEAK_PHONEMES * self._phonemes, **others)

        _espeak.Synth = with_phonemes

    def _set(self, name: str, value: object) -> None:
        self._engine.setProperty(name, value)
        if name == "voice" and self._engine.getProperty("voice").lower() != str(value).lower():
            raise missing(f"no voice “{value}”")  # pyttsx3 itself would use another one

    def _resolve(self, wanted: str | None, language: str) -> str:
        """Return the id of a voice, given its id, the id's last part, its name or its language."""
        if wanted is None:
            wanted = self._calm(language.lower())
        base, plus, variant = wanted.partition("+")
        if plus and not (self._espeak and variant in ESPEAK_VARIANTS):
            raise missing(f"no voice “{wanted}”")
        for voice in self._voices:
            names = (voice.id, voice.id.rpartition("/")[2], voice.name, *_languages(voice))
            if base.lower() in [str(name).lower() for name in names]:
                return f"{voice.id}{plus}{variant}"
        raise missing(f"no voice “{wanted}”")

    def _calm(self, language: str) -> str:
        """Return the calm voice for a language, in the accent of the country."""
        short = language.partition("-")[0]
        calm = CALM_VOICES.get(short) if self._espeak else None
        if calm is None:
            return self._speaking(language, short)
        for voice in self._voices:
            if language in [name.lower() for name in _languages(voice)] and language != short:
                return f"{voice.id}+{calm.partition('+')[2]}"
        return calm

    def _speaking(self, *languages: str) -> str:
        """Return a voice for the first language that has one; fr prefers fr-fr to fr-be."""
        for language in languages:
            for tags in ({language, MEMBERS.get(language)}, {f"{language}-{language}"}):
                for voice in self._voices:
                    if tags & {name.lower() for name in _languages(voice)}:
                        return str(voice.id)
            for voice in self._voices:
                if self._speaks(voice, language):
                    return str(voice.id)
        raise missing(f"no voice for the language “{languages[0]}”")

    def _speaks(self, voice: Any, language: str) -> bool:
        return any(f"{name.lower()}-".startswith(f"{language}-") for name in _languages(voice))


def _gender(voice: Any) -> str:
    """Return the gender, which macOS calls VoiceGenderFemale."""
    return str(voice.gender or "").lower().removeprefix("voicegender")


def _languages(voice: Any) -> list[str]:
    names = [voice.languages] if isinstance(voice.languages, str) else voice.languages or []
    return [
        (name.decode(errors="ignore") if isinstance(name, bytes) else str(name)).replace("_", "-")
        for name in names
    ]


def missing(what: str) -> MissingVoiceError:
    """Return the error for a missing voice."""
    return MissingVoiceError(f"{what} here; “voiceguide voices” lists all voices")


if __name__ == "__main__":
    serve(Speaker, copies=sys.platform == "linux")
