"""A session, from request to audio: the public API."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from voiceguide import clock, files, library, mixer, script, timeline
from voiceguide.errors import Findings, Position
from voiceguide.languages import primary
from voiceguide.options import OPTIONS, Options, taking
from voiceguide.plan import Plan, adaptive, bed_of, fit, items, open_voice, planned
from voiceguide.script import Request
from voiceguide.ssml import Mark, Sound, Speech, walk
from voiceguide.ssml.cues import Style
from voiceguide.ssml.xml import text_of
from voiceguide.timeline import End
from voiceguide.voices import VoiceInfo, cache, clip, engines, installed_voices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from voiceguide.export import Tags
    from voiceguide.player.loop import Beside
    from voiceguide.script import Written
    from voiceguide.timeline import Adaptive, Answer, Item, Timeline
    from voiceguide.voices import Utterance
    from voiceguide.voices.voice import Voice

OUTPUT = Path("output")
"""Where exports land by default."""

_LONGEST_PLAYER_MS = 600_000
"""A notebook keeps what it shows, and 10 minutes are 7 to 8 MB of MP3."""


def voices(language: str | None = None) -> list[VoiceInfo]:
    """Return the voices on this machine; with ``language``, only those that speak it."""
    installed = installed_voices()
    if language is None:
        return installed
    wanted = language.lower()
    return [
        voice
        for voice in installed
        if any(f"{tag.lower()}-".startswith(f"{wanted}-") for tag in voice.languages)
    ]


@contextlib.contextmanager
def sample(voice: str | None, language: str) -> Iterator[Session]:
    """Yield a session in which a voice says two sentences of the library in ``language``.

    ``voice`` is None for the best there is. Raises LibraryError for a language without texts.
    """
    region = next(iter(library.load(primary(language)).regions()))
    plain = [text for text in region.areas[0].find if "{" not in text]
    with files.scratch_folder() as folder:
        path = folder / "sample.ssml"
        text = escape(" ".join(plain[:2]))
        path.write_text(f'<speak xml:lang="{escape(language)}">{text}</speak>', "utf-8")
        yield Session(path, voice=voice, language=language)


class Session:
    """A guided session.

    >>> session = Session("calf", side="left")
    >>> session.export("output/calf.mp3")

    Jupyter shows it as a picture, with a player.
    """

    @taking(Options)
    def __init__(self, target: str | os.PathLike[str], /, options: Options) -> None:
        """Prepare a session; nothing is made until it is needed.

        ``target`` is a region ("calf"), an area, a complaint ("calf-pain"), several of these
        ("neck+jaw"), a kind ("breathing"), a script (my.ssml), a template (my.ssml.jinja), a text
        (my.txt, my.md), or "-" for one of these on standard input. A place has many names:
        "Ischias", "IT band".
        The options are those of ``voiceguide.options.Options``. Raises RequestError for an option
        that is unknown or has an invalid value.
        """
        self.request = Request(os.fspath(target), options)
        self.cut_off: tuple[str, ...] = ()
        """Warnings about speech that an “end” in the script cuts off.

        They are known once the session has been timed, exported or played to its end."""

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Return the session that a plan describes."""
        session = cls.__new__(cls)
        session.request, session.written, session.plan = plan.request, plan.written, plan
        session.cut_off = ()
        return session

    def __repr__(self) -> str:
        """Return the call that makes this session."""
        options = self.request.options.chosen()
        chosen = "".join(f", {name}={value!r}" for name, value in options.items())
        return f"Session({self.request.target!r}{chosen})"

    def _repr_html_(self) -> str:
        """Return the session as Jupyter shows it: a picture, and a player up to 10 minutes.

        All speech is made for it.
        """
        from voiceguide.export import picture

        audio = None
        if self.timeline.duration_ms <= _LONGEST_PLAYER_MS:
            with files.scratch_folder() as folder:
                audio = self.export(folder / "session.mp3").read_bytes()
        return picture.notebook(self.timeline, self.title, self.language, audio)

    @cached_property
    def plan(self) -> Plan:
        """Everything that decides what is played; for a given length, the speech is made first."""
        length_ms = self.request.options.length_ms
        if length_ms is None:
            return planned(self.request, self.written)
        (fitted,) = fit([self.request], length_ms)
        return fitted

    @cached_property
    def written(self) -> Written:
        """The script of the session at its natural length."""
        with clock.timed(f"writing the script of {self.request.target}"):
            return script.write(self.request)

    @property
    def script(self) -> str:
        """The script: SSML text."""
        fitted = self.request.options.length_ms is not None
        return text_of((self.plan.written if fitted else self.written).text)

    @property
    def title(self) -> str:
        """What the session is called."""
        return self.plan.title

    @property
    def language(self) -> str:
        """The script's language, a BCP 47 tag."""
        return self.plan.script.language

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the script or the voice; the session plays anyway."""
        return (*self.plan.warnings, *self.cut_off)

    @property
    def utterances(self) -> list[tuple[str | None, Utterance]]:
        """Everything that is said, in the order of the script, with the title of its chapter."""
        return self.plan.utterances

    @property
    def default_path(self) -> Path:
        """Where the session is exported by default."""
        return OUTPUT / f"{self.plan.written.stem}.mp3"

    @property
    def tags(self) -> Tags:
        """The tags of the exported file, with today's date."""
        from voiceguide.export import Tags, cover  # slow to load, and not needed to play

        subject = script.pictured(self.request)
        written = self.plan.written
        return Tags(
            title=self.title,
            album=written.album,
            language=self.language,
            date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
            comment=" ".join(filter(None, ["Made by voiceguide.", written.note])),
            cover=cover.png(subject, cover.IN_FILE_PX) if subject else None,
            seed=self.request.options.seed,
        )

    @property
    def fingerprint(self) -> str:
        """A digest of all that decides how it sounds: script, lexicon, voice, sounds, program."""
        from voiceguide import export

        one, options = self.plan, self.request.options
        engine = engines(options.voice)()
        engine.close()
        sounds = {
            cue.source: mixer.digest(cue) for cue in walk(one.script.root) if isinstance(cue, Sound)
        }
        times = one.timeline and [(event.begin_ms, event.end_ms) for event in one.timeline.events]
        heard = [
            (name, value)
            for name, value in options.chosen().items()
            if not (OPTIONS[name].of_kinds or OPTIONS[name].of_words)
        ]
        return cache.key(
            (clip.VERSION, mixer.VERSION, export.VERSION, engine.id),
            (text_of(one.written.text), [str(said) for _, said in self.utterances]),
            (sorted(sounds.items()), times, one.channels),
            ([(name, str(value)) for name, value in heard], one.bed and mixer.digest(one.bed)),
        )

    @cached_property
    def timeline(self) -> Timeline:
        """Events, chapters and marks on the millisecond grid; all speech is made for it."""
        with clock.timed("speaking"), open_voice(self.request.options) as voice:
            whole = timeline.collect(self._items(voice))
        if whole.duration_ms == 0:
            raise mixer.nothing_is_heard(self.plan.written.name)
        return whole

    def prepare(self) -> None:
        """Read or write the script, to find mistakes before any audio is made.

        Raises a VoiceguideError.
        """
        bed_of(self.request.options)
        _ = self.plan

    def check(self) -> None:
        """Read and time the script, and read its sounds as rendering does.

        Raises a VoiceguideError that lists all mistakes in the script, or names a bad sound.
        """
        problems = Findings()
        read = planned(self.request, self.written, problems)
        if problems:
            with open_voice(self.request.options) as voice:
                timeline.collect(items(read, voice, problems))
        mixer.read_through(self.timeline)

    def export(
        self,
        path: str | os.PathLike[str],
        progress: Callable[[float], None] | None = None,
        *,
        tags: Tags | None = None,
        tones: bool = True,
        start_delay_ms: int = 0,
    ) -> Path:
        """Write the session to ``path``, in the format of its suffix; return the path.

        The formats are those of ``voiceguide.export.FORMATS``: mp3, wav, flac, ogg, opus, m4b, m4a.
        ``progress`` is called now and then with the fraction that is done, from 0 to 1. ``tags``
        replace the session's own. Without ``tones``, only speech and the bed are heard, at the same
        times. The session begins after ``start_delay_ms``, announced by a soft tone. Raises a
        VoiceguideError; an existing file is then untouched.
        """
        from voiceguide import export

        path = Path(path)
        export.suffix(path)  # before any work is done
        lead = mixer.chime_before(start_delay_ms)
        files.sweep_scratch()  # there may be nothing to speak
        one = self.plan
        cues = sum(isinstance(cue, Speech | Sound | Mark) for cue in walk(one.script.root))
        seen: list[Item] = []

        def whole() -> Timeline:
            collected = timeline.collect(seen)
            if tones and not start_delay_ms:
                self.timeline = collected
            return collected

        done = 0.0

        def encoded(until_ms: int) -> None:
            nonlocal done
            of_read = until_ms / max(1, until_ms, seen[-1].at_ms if seen else 0)
            done = max(done, min(1.0, len(seen) / max(1, cues)) * of_read)
            if progress is not None:
                progress(done)

        what = f"speaking, mixing and writing {path}"
        with clock.timed(what), open_voice(self.request.options) as voice:
            heard_items = self._items(voice)
            if not tones:
                heard_items = timeline.without_sounds(heard_items)
            if start_delay_ms:
                heard_items = timeline.delayed(heard_items, start_delay_ms, lead)
            mix = mixer.Mix(_tee(heard_items, seen), voice, one.channels, one.written.name)
            export.write(
                path,
                mix,
                channels=one.channels,
                tags=tags or self.tags,
                timeline=whole,
                progress=encoded,
            )
        return path

    def samples(self) -> NDArray[np.int16]:
        """Return the audio of the session: 48,000 Hz, shape (frames, channels)."""
        channels = self.plan.channels
        with open_voice(self.request.options) as voice:
            mix = mixer.Mix(self._items(voice), voice, channels, self.plan.written.name)
            blocks = b"".join(mix)
        return np.frombuffer(blocks, dtype="<i2").reshape(-1, channels)

    def play(  # noqa: PLR0913 (each by its name)
        self,
        *,
        begin: str | int = 0,
        start_delay_ms: int = 0,
        device: str = "miniaudio",
        quiet: bool = True,
        stopped: Callable[[int], object] = lambda _: None,
        answered: Callable[[str, Answer], object] = lambda *_: None,
        listen: bool = False,
        breath: Literal["paced", "follow"] = "paced",
    ) -> None:
        """Play the session through the loudspeaker; return when it has ended.

        It is spoken while it plays. ``begin`` is the title of a chapter or a time in ms;
        ``start_delay_ms`` is the time to get into position, after which a soft tone sounds. Unless
        ``quiet``, standard error shows what is heard, and on a terminal, keys control it.
        ``stopped`` is called with the position in ms if playback is stopped early, ``answered``
        with the name of a spot and how it feels. Where holds are open, or spots are asked about,
        all speech is made first, and the rest is planned anew at every sign. With ``listen``, what
        is said near the microphone controls it too (docs/listen.md), and with ``breath`` “follow”,
        the tones of the breath come closer to the listener's own. Raises a
        VoiceguideError, and KeyboardInterrupt or SystemExit for signals, after a fade.
        """
        from voiceguide.player import device as devices
        from voiceguide.player.play import check_breath, check_chapter, play
        from voiceguide.player.source import LiveSession

        check_breath(breath, listen=listen)
        lead = mixer.chime_before(start_delay_ms)
        open_device = devices.opener(device)
        one = self.plan
        check_chapter(begin, one.chapters)
        with open_voice(self.request.options) as voice:
            window = mixer.Window(voice.clip, one.channels)
            signs = self.request.options.holds == "open" or self.request.options.ask
            following = adaptive(one, voice) if signs else None
            beside = (
                self._listening(voice, breath) if listen else lambda *_: contextlib.nullcontext()
            )
            play(
                lambda: LiveSession(
                    one.title,
                    len(one.chapters),
                    lambda known: self._items(voice, known, following),
                    window,
                    lead,
                    following,
                ),
                begin=begin,
                start_delay_ms=start_delay_ms,
                open_device=open_device,
                quiet=quiet,
                stopped=stopped,
                answered=answered,
                beside=beside,
            )

    def _items(
        self,
        voice: Voice,
        known: Callable[[int], object] = lambda _: None,
        following: Adaptive | None = None,
    ) -> Iterator[Item]:
        """Return the session's timeline, item by item; its end says what was cut off."""
        if following is not None:
            yield from filter(None, (self.plan.bed, *following.items()))
            return
        for item in items(self.plan, voice, known=known):
            if isinstance(item, End):
                self.cut_off = item.warnings
            yield item

    def _listening(self, voice: Voice, breath: str) -> Beside:
        from voiceguide.listen import hands_free

        def say(text: str) -> Future[NDArray[np.int16]]:
            speech = Speech(text, Style(self.language), Position(1, 1))
            return voice.aside(self.plan.cast.utterance(speech))

        own, guidance = self.request.options.library_path, self.request.options.guidance
        aloud = guidance == "full" and "guidance" in script.options_of(self.request)
        return hands_free.beside(self.language, own, say, aloud=aloud, follow=breath == "follow")


def _tee(items: Iterable[Item], seen: list[Item]) -> Iterator[Item]:
    for item in items:
        seen.append(item)
        yield item
