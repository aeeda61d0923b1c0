"""A player that is spoken to: it makes room for what is said, and does it.

It becomes soft as soon as a near sound has begun, and listens for two seconds. Then it does what
was heard, or goes on; if the voice was speaking, with its last sentence again.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.audio.grid import RATE_HZ as PLAYED_HZ
from voiceguide.errors import VoiceguideError
from voiceguide.listen.breath import FASTEST, SLOWEST, Breathing
from voiceguide.listen.listener import KNOCKS, Listener
from voiceguide.listen.microphone import Microphone, Played
from voiceguide.listen.near import FRAME
from voiceguide.listen.spotter import Spotter
from voiceguide.listen.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.listen.listener import Heard
    from voiceguide.listen.words import Commands
    from voiceguide.player.loop import Beside
    from voiceguide.player.player import Player
    from voiceguide.player.screen import Screen
    from voiceguide.timeline import Answer

    Say = Callable[[str], Future[NDArray[np.int16]]]
    """Returns how the voice will say a text: mono, 48,000 Hz. It does not wait for it."""

_ROOM_S = 2.0
"""How long it stays soft for somebody who has begun to speak."""
_WAIT_S = 0.1
_GONE_S = 3.0
"""A microphone that sends nothing for this long has gone away."""
_STEP_DB = 3.0
_MIXING_MS = 1000
"""What may be in the mixer already, which is not changed any more."""
_AGREE = 0.05
"""How much two measurements of breathing, a second apart, may differ."""
_ANSWERS: dict[str, Answer] = {"better": "better", "same": "same", "worse": "worse"}
_NAMED = ("pause", "longer", "shorter", "louder", "softer")
"""Commands that the voice can name: after the others, it says something else."""
_MINUTE_MS = 60_000
_TONE_HZ, _TONE_MS, _TONE_DBFS = 880, 120, -24.0
_ECHO_S = 1.0
"""How long after its word was played, that may still be taken for a command."""


class HandsFree:
    """Steers a player by what is heard near it."""

    def __init__(
        self, player: Player, screen: Screen, words: Commands, say: Say, *, aloud: bool = False
    ) -> None:
        """``say`` is the voice that answers; with ``aloud``, it names what it has understood."""
        self._player = player
        self._screen = screen
        self._words = words
        self._say = say
        self._named: dict[str, str] = {
            name: f"{said[0].capitalize()}."
            for name, said in words.commands.items()
            if aloud and said and name in _NAMED
        }
        self._saying: Future[NDArray[np.int16]] | None = None
        self._echo, self._echo_until_s = "", 0.0
        self._until_s: float | None = None  # while there is room
        self._missed = False

    def take(self, heard: Heard, now_s: float) -> None:
        """Make room for a sound that has begun, or do what one asks for."""
        if heard.is_begin:
            self._player.volume.ducked = True
            self._until_s = now_s + _ROOM_S
            self._missed = self._missed or self._is_speaking()
        elif heard.command is not None:
            if heard.command != self._echo or now_s >= self._echo_until_s:
                self._do(heard.command, now_s)
            self._close(again=False)

    def tick(self, now_s: float) -> None:
        """Go on after two seconds in which nothing was asked for; to be called all the time."""
        if self._is_answering():
            self._echo_until_s = now_s + _ECHO_S
        if self._until_s is not None and now_s >= self._until_s:
            self._close(again=self._missed)

    def _close(self, *, again: bool) -> None:
        if again and not self._player.paused:
            self._player.back_to_sentence()
        self._player.volume.ducked = False
        self._until_s, self._missed = None, False

    def _is_answering(self) -> bool:
        is_coming = self._saying is not None and not self._saying.done()
        return is_coming or self._player.volume.is_answering

    def _is_speaking(self) -> bool:
        at_ms = self._player.position_ms
        sentence = self._player.source.live.sentence_at(at_ms)
        return not self._player.paused and sentence is not None and at_ms < sentence.end_ms

    def _do(self, command: str, now_s: float) -> None:
        """Do what is asked for; answer with a tone, in words where there is something to say."""
        was_speaking = self._is_speaking() and command != "pause"
        player = self._player
        plain = {
            "pause": player.pause,
            "go_on": player.play,
            "next": player.go_on,
            "back": player.previous_chapter,
            "repeat": player.repeat,
            "louder": lambda: player.volume.change(_STEP_DB),
            "softer": lambda: player.volume.change(-_STEP_DB),
            KNOCKS: player.toggle,
        }
        message = ""
        if command in plain:
            plain[command]()
            if command in ("next", "back", "repeat"):
                player.play()
        elif command == "longer":
            message = "15 s more" if player.extend() else "There is no hold to extend here."
        elif command == "shorter":
            message = "15 s less" if player.shorten() else "There is no hold to shorten here."
        elif command in _ANSWERS:
            message = "" if player.answer(_ANSWERS[command]) else "Nothing is asked here."
        elif command == "stop":
            player.leave_hold()
            message = "Stopped. Say “go on” or press space to continue."
        answer = self._answer(command)
        named = "" if was_speaking else self._named.get(command, "")
        if not answer:
            player.volume.answer(_tone())
        if answer or named:
            self._saying = self._say(answer or named)
            self._saying.add_done_callback(self._said)
        self._echo, self._echo_until_s = command if named else "", now_s + _ECHO_S
        self._screen.say(message or answer)

    def _said(self, saying: Future[NDArray[np.int16]]) -> None:
        """Let a sentence be heard that has been made; if it could not be, a tone."""
        is_made = not saying.cancelled() and saying.exception() is None
        self._player.volume.answer(saying.result() if is_made else _tone(), after=True)

    def _answer(self, command: str) -> str:
        """Return what the voice says to a command, if anything."""
        answers, end_ms = self._words.answers, self._player.source.live.end_ms
        if command == "stop":
            return answers.let_go
        if command == "how_long" and end_ms is not None:
            left_ms = max(0, end_ms - self._player.position_ms)
            return answers.left.format(minutes=-(-left_ms // _MINUTE_MS))
        return ""


class Follower:
    """Lets the breaths of a player follow those of its listener."""

    def __init__(self, player: Player, breathing: Breathing) -> None:
        self._player = player
        self._breathing = breathing
        self._next_s = 0.0
        self._before: float | None = None

    def tick(self, now_s: float) -> None:
        """Once a second, pace the breaths to come; two measurements must agree."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + 1
        heard, before = self._breathing.per_minute(), self._before
        self._before = heard
        source = self._player.source
        is_sure = heard and before and abs(heard - before) < _AGREE * before
        if heard and is_sure and math.isfinite(source.wanted_ms):
            from_ms = max(0, int(source.wanted_ms)) + _MIXING_MS
            source.live.pace(from_ms, min(FASTEST, max(SLOWEST, heard)))


def beside(
    language: str, own: Path | None, say: Say, *, aloud: bool = False, follow: bool = False
) -> Beside:
    """Return what listens beside a player in a language; ``own`` is the listener's library.

    With ``aloud``, the voice names commands that it has understood, as ``say`` says them. With
    ``follow``, the breaths of the session follow the listener's. Raises VoiceguideError if nobody
    can be understood in the language, or if a library that listening needs is missing.
    """
    known = words(language, own)
    spotter = Spotter(language, known.commands, known.others)
    breathing = Breathing()
    listener = Listener(spotter.spot, breathing.take if follow else lambda *_: None)

    @contextlib.contextmanager
    def listening(player: Player, screen: Screen) -> Iterator[None]:
        ended = threading.Event()
        hands_free = HandsFree(player, screen, known, say, aloud=aloud)
        follower = Follower(player, breathing)  # it does nothing if nothing is heard
        minds = (hands_free, follower)
        thread = threading.Thread(
            target=_listen, args=(player, screen, listener, minds, ended), daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(1)

    return listening


def _listen(
    player: Player,
    screen: Screen,
    listener: Listener,
    minds: tuple[HandsFree, Follower],
    ended: threading.Event,
) -> None:
    """Listen until it has ended; without a microphone, say so once."""
    try:
        microphone = Microphone()
    except VoiceguideError as error:
        screen.say(f"{error}; the session goes on with keys")
        return
    hands_free, follower = minds
    played = Played()
    player.played = played.add
    waiting = np.zeros(0, np.float32)
    heard_s = time.monotonic()
    try:
        with contextlib.closing(microphone):
            while not ended.is_set():
                new = microphone.read(_WAIT_S)
                waiting = np.concatenate([waiting, new])
                now_s = time.monotonic()
                heard_s = now_s if len(new) else heard_s
                if now_s - heard_s > _GONE_S:
                    screen.say("the microphone is gone; the session goes on with keys")
                    break
                whole = len(waiting) - len(waiting) % FRAME
                near, waiting = waiting[:whole], waiting[whole:]
                for heard in listener.take(near, played.take(whole)):
                    hands_free.take(heard, now_s)
                hands_free.tick(now_s)
                follower.tick(now_s)
    finally:
        player.volume.ducked = False
        player.played = lambda _: None


def _tone() -> NDArray[np.int16]:
    """Return the short tone that answers a command: 48,000 Hz."""
    at = np.arange(_TONE_MS * PLAYED_HZ // 1000)
    wave = np.sin(2 * np.pi * _TONE_HZ * at / PLAYED_HZ) * np.hanning(len(at))
    return np.rint(wave * 32767 * 10 ** (_TONE_DBFS / 20)).astype(np.int16)
