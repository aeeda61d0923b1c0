"""Checks of what works on this machine, with advice about what does not."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voiceguide import export, files, library, mixer, options, plan, script, session, settings
from voiceguide.audio.grid import RATE_HZ
from voiceguide.errors import (
    DeviceError,
    LibraryError,
    Position,
    RequestError,
    ScriptError,
    VoiceError,
    VoiceguideError,
)
from voiceguide.library import checks, kinds
from voiceguide.listen.words import own_words
from voiceguide.player import device
from voiceguide.ssml import Sound
from voiceguide.voices import Utterance, best, engines
from voiceguide.voices.clip import finish
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TONES = ("bell", "start", "end", "half", "tick", "inhale", "exhale", "chime")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of checking one part."""

    part: str
    works: bool
    says: str


def examine(language: str | None = None, own: Path | None = None) -> Iterator[Finding]:
    """Check every part that a render needs, in the order in which it is needed.

    ``own`` is a folder of texts that override the built-in ones. Without it or ``language``, those
    of the listener's settings are used. Texts that the language lacks are reported too.
    """
    try:
        given = {"language": language} if language else {}
        kept = options.chosen({"bed": options.BEDS[0], **settings.combined(given)})
        plan.bed_of(kept)
        own_words()
        yield Finding("settings", works=True, says=_settings())
    except VoiceguideError as error:
        kept = options.Options()
        yield Finding("settings", works=False, says=str(error))
    language, own = language or kept.language, own or kept.library_path
    texts = _finding("texts", lambda language: _texts(language, own), language)
    lacking: list[str] = []
    with contextlib.suppress(RequestError):  # no texts at all, as is just reported
        lacking += library.missing(language, own)
    yield texts
    with contextlib.suppress(RequestError):  # no folder, as is just reported
        yield from (Finding("texts", works=False, says=what) for what in library.unread(own))
    yield from (Finding("texts", works=False, says=what) for what in lacking)
    if texts.works and not lacking:  # otherwise they would say the same again
        yield _finding("kinds", lambda language: _kinds(language, own), language)
    parts: dict[str, Callable[[str], str]] = {
        "sounds": _sounds,
        "voice": lambda language: _voice(language, kept.voice),
        "encoder": _encoder,
        "output": _output,
        "cache": _cache,
        "speaker": _speaker,
    }
    for part, check in parts.items():
        yield _finding(part, check, language)


def _finding(part: str, check: Callable[[str], str], language: str) -> Finding:
    try:
        return Finding(part, works=True, says=check(language))
    except (VoiceguideError, OSError) as error:
        return Finding(part, works=False, says=str(error))


def _settings() -> str:
    path = settings.path()
    return str(path) if path.exists() else f"none in {path}"


def _texts(language: str, own: Path | None) -> str:
    texts = library.load(language, own)
    problems = [*checks.problems(texts), *kinds.problems(language, own)]
    if problems:
        raise LibraryError("\n".join(map(str, problems)))
    name, count = texts.wording.language_name, len(texts.region_files)
    return f"{name}, in {texts.folders[0]}; regions: {count}"


def _kinds(language: str, own: Path | None) -> str:
    """Write a session of each kind, with each method, and the tracks; raises ScriptError."""
    texts = library.load(language, own)
    found = list(kinds.kinds(own).values())
    given = {"language": language, "library": own}
    wanted = [(kind.id, given) for kind in found if kind.about == "itself"]
    for method in texts.methods:
        suited = [one.id for one in texts.regions() if method in one.areas[0].place]
        wanted += [(target, {**given, "method": method}) for target in suited[:1]]
    wrong: dict[str, None] = {}
    for target, chosen in wanted:
        try:
            _write(target, chosen)
        except VoiceguideError as error:
            wrong[str(error)] = None
    if wrong:
        raise ScriptError("\n".join(wrong))
    return f"{', '.join(sorted(kind.id for kind in found))}: each can be written"


def _write(target: str, chosen: dict[str, Any]) -> None:
    """Write a session and what else a target is for; raises a VoiceguideError."""
    request = script.Request(target, options.chosen(chosen))
    plan.read(request, script.write(request))
    script.choices(script.Request(target, options.chosen({**chosen, "minutes": 5})))
    for track in script.about(request, with_files=True).tracks:
        given = options.chosen({**chosen, **track.options, "variables": track.variables})
        script.write(script.Request(target, given, track.part, track.title))


def _sounds(_language: str) -> str:
    folders = files.folders("sounds")
    for name in TONES:
        path = files.find(f"{name}.wav", folders)
        if path is None:
            raise LibraryError(f"{name}.wav is missing; install voiceguide again")
        mixer.sound_ms(Sound(path, path.name, Position(1, 1)))
    return f"{len(TONES)} tones in {folders[-1]}"


def _voice(language: str, chosen: str | None) -> str:
    if chosen is not None:
        _speak_as(chosen, language)
    engine = engines(None)()
    try:
        calm_wpm = engine.calm_wpm(language)
        spoken = engine.speak(Utterance("1, 2, 3.", language, None, calm_wpm, 0.0))
    finally:
        engine.close()
    clip = finish(spoken)
    if clip is None:
        raise VoiceError("the engine makes no sound; choose another voice with --voice")
    voices = session.voices(language)
    speaking = best.voices().get(language)
    name = f"{speaking.engine} {speaking.id}" if speaking else Pyttsx3().id
    return f"{name}: spoke {len(clip.samples) / RATE_HZ:.1f} s; voices: {len(voices)}"


def _speak_as(voice: str, language: str) -> None:
    """Let the voice of the settings count; raises VoiceError if it cannot speak."""
    with files.scratch_folder() as folder:
        script = folder / "count.ssml"
        script.write_text('<speak version="1.1">1, 2, 3.</speak>', "utf-8")
        _ = session.Session(script, voice=voice, language=language).timeline


def _encoder(_language: str) -> str:
    with files.scratch_folder() as folder:
        script = folder / "silence.ssml"
        script.write_text('<speak xml:lang="en"><break time="100ms"/></speak>', "utf-8")
        for suffix in export.FORMATS:
            session.Session(script).export(folder / f"silence.{suffix}")
    return "writes " + ", ".join(export.FORMATS)


def _output(_language: str) -> str:
    return _writable(session.OUTPUT.resolve(), "choose another folder with -o")


def _cache(_language: str) -> str:
    return _writable(files.cache_folder(), "set VOICEGUIDE_CACHE_DIR to a folder of yours")


def _speaker(_language: str) -> str:
    """Look for a loudspeaker; a machine without one is fine too."""
    try:
        device.opener("miniaudio")(bytes, 1).close()
    except DeviceError:
        return "no loudspeaker found; “play” needs one"
    return "a loudspeaker was found"


def _writable(folder: Path, fix: str) -> str:
    """Check the folder itself, or the nearest one above it that exists."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return f"{folder} can be written"
    except OSError as error:
        raise VoiceguideError(f"{there}: {error.strerror}; {fix}") from error
