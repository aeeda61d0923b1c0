"""The process in which pyttsx3 runs: a request a line on standard input, an answer a line back.

It is a script of its own, so that it starts without the package, and so that an engine that hangs
or crashes takes nothing else with it. Its argument is the folder for its files; when its input
ends, it removes the folder and ends too.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

CALM_VOICES = {"en": "gmw/en-us+f3", "de": "gmw/de+f3"}
"""Of espeak-ng's voices; elsewhere the system's own voice in the language is the calm one."""


def prepare_espeak() -> None:
    """Let pyttsx3 find the espeak-ng of the wheel, which it looks for by name.

    ``VOICEGUIDE_SYSTEM_ESPEAK=1`` leaves it to find the system's.
    """
    if sys.platform != "linux" or os.environ.get("VOICEGUIDE_SYSTEM_ESPEAK"):
        return
    import espeakng_loader

    os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
    ctypes.CDLL(espeakng_loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)


class Speaker:
    """pyttsx3, with its voices by every name that they go by."""

    def __init__(self, folder: Path) -> None:
        prepare_espeak()
        import pyttsx3

        self._engine = pyttsx3.init()
        self._engine.runAndWait()  # what is set before the first run is lost with the first phrase
        self._voices = self._engine.getProperty("voices") or []
        self._settings: dict[str, object] = {}
        self._file = folder / "phrase.wav"

    def voices(self) -> list[dict[str, Any]]:
        """Give id, name and languages of each voice."""
        return [
            {"id": voice.id, "name": voice.name, "languages": _languages(voice)}
            for voice in self._voices
        ]

    def speak(self, text: str, language: str, voice: str | None, rate: int, pitch_st: float) -> str:
        """Speak into a file; give its path."""
        espeak = self._engine.driver_name == "espeak"
        settings: dict[str, object] = {"voice": self._resolve(voice, language), "rate": rate}
        if espeak:
            # espeak-ng's pitch runs from 0, an octave down, to 100, an octave up
            settings["pitch"] = round(min(100, max(0, 50 + 50 * pitch_st / 12)))
        if settings != self._settings:
            for name, value in settings.items():
                self._set(name, value)
            self._settings = settings
            if espeak:
                self._settle()
        self._file.unlink(missing_ok=True)
        self._engine.save_to_file(text, str(self._file))
        self._engine.runAndWait()
        return str(self._file)

    def _settle(self) -> None:
        """Wait until espeak-ng's thread has taken the settings in.

        pyttsx3 would take its work on them for speech that was left over, and cancel: now and then
        a phrase would be lost.
        """
        from pyttsx3.drivers import _espeak

        _espeak.Synchronize()

    def _set(self, name: str, value: object) -> None:
        self._engine.setProperty(name, value)
        if name == "voice" and self._engine.getProperty("voice").lower() != str(value).lower():
            raise LookupError(f"no voice “{value}”")  # pyttsx3 itself would go on with another one

    def _resolve(self, wanted: str | None, language: str) -> str:
        """Give the id of a voice by its id, the id's last part, its name or its language."""
        if wanted is None:
            short = language.lower().partition("-")[0]
            wanted = CALM_VOICES.get(short, "") if self._engine.driver_name == "espeak" else ""
            wanted = wanted or self._speaking(language.lower(), short)
        base, plus, variant = wanted.partition("+")
        for voice in self._voices:
            names = (voice.id, voice.id.rpartition("/")[2], voice.name, *_languages(voice))
            if base.lower() in [str(name).lower() for name in names]:
                return f"{voice.id}{plus}{variant}"
        raise LookupError(f"no voice “{wanted}”")

    def _speaking(self, *languages: str) -> str:
        for language in languages:
            for voice in self._voices:
                if any(name.lower().startswith(language) for name in _languages(voice)):
                    return str(voice.id)
        raise LookupError(f"no voice for the language “{languages[0]}”")


def _languages(voice: Any) -> list[str]:
    names = [voice.languages] if isinstance(voice.languages, str) else voice.languages or []
    return [
        (name.decode(errors="ignore") if isinstance(name, bytes) else str(name)).replace("_", "-")
        for name in names
    ]


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # pyttsx3 prints; that must not come between the answers

    def answer_and_end(unraisable: Any) -> None:
        print(json.dumps({"error": str(unraisable.exc_value)}), file=answers, flush=True)
        os._exit(1)

    # What fails in espeak-ng's callback, a full disk say, reaches nobody: pyttsx3 would wait on.
    sys.unraisablehook = answer_and_end
    folder = Path(sys.argv[1])
    speaker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            speaker = speaker or Speaker(folder)
            result = getattr(speaker, request.pop("do"))(**request)
        except LookupError as error:
            answer = {"missing_voice": str(error.args[0])}
        except Exception as error:  # noqa: BLE001 (whatever it is, the asker is told)
            answer = {"error": str(error) or type(error).__name__}
        else:
            answer = {"result": result}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    try:
        with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
            main()
    finally:  # whoever asked has gone, perhaps killed
        shutil.rmtree(sys.argv[1], ignore_errors=True)
