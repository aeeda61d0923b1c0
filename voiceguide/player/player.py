"""The transport: plays a source, and pauses, seeks, skips and stops without a click.

Blocks are mixed ahead in a thread; the device takes them with ``read``. Every change discards what
was mixed ahead: the old sound is faded out while the new one is faded in.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voiceguide import clock
from voiceguide.audio.grid import FRAMES_PER_MS
from voiceguide.errors import RequestError
from voiceguide.mixer import BLOCK_MS
from voiceguide.player.volume import Volume, rise, scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from voiceguide.player.source import Source
    from voiceguide.timeline import Answer, Sign

FADE_MS = 30
"""Long enough to avoid clicks, short enough that keys respond at once."""
STOP_FADE_MS = 400
AHEAD_MS = 1500
"""How much is mixed ahead, so that a machine may stutter for a second."""
EXTENSION_MS = 15_000
_DRAIN_MS = 500
"""How much the device may still have to play after the last block."""
_CATCH_UP_S = 0.1
"""How long a device waits for new sound after a cut, so that the old one fades right into it."""
_IDLE_S, _SOON_S = 0.05, 0.005
_BACK_TO_BEGIN_MS = 3000
"""After this much of a chapter, the key for the previous chapter goes to the start of this one."""
_RESUME_REACH_MS = 10_000
"""A sentence that began longer ago is not repeated."""


class _Block(NamedTuple):
    begin_ms: float
    samples: NDArray[np.int32]
    """(frames, channels)."""


class Player:
    """Plays a source. ``read`` is for the device; the rest may be called from any thread."""

    def __init__(self, source: Source, *, delay_ms: int = 0, begin: str | int = 0) -> None:
        """Start to mix ahead: ``delay_ms`` of the source's lead, then from ``begin`` on.

        ``begin`` is the title of a chapter or a time in ms.
        """
        self.source = source
        self.paused = False
        self.stopping = False
        self.stopped_ms: int | None = None
        """Where it was stopped, if it did not play to its end."""
        self.tones = True
        self.error: Exception | None = None
        self.ended = threading.Event()
        self.volume = Volume()
        self.played: Callable[[NDArray[np.int32]], object] = lambda _: None
        """Called with what the device is given: (frames, channels), 16 bit. It must be quick."""
        self.answered: Callable[[str, Answer], object] = lambda *_: None  # spot, and how it feels
        self._ready: deque[_Block] = deque()
        self._tail = np.zeros((0, source.channels), np.int32)
        self._next_ms = 0
        self._goal: str | int | None = None  # the chapter that is sought, by title or number
        self._begin = begin
        if delay_ms:
            self._next_ms = -delay_ms
        else:
            self._go_to_begin()
        self._risen = FADE_MS * FRAMES_PER_MS
        self._cuts = 0
        self._fresh = False  # nothing was read since the last cut
        self._broken = False  # nothing will be mixed any more
        self._last = False  # all that is to be heard is ready
        self._silent = 0  # frames given since then
        self._closed = False
        self._lock = threading.Condition()
        self._thread = threading.Thread(target=self._fill, name="mix", daemon=True)
        self._thread.start()

    @property
    def position_ms(self) -> int:
        """The current position; negative before the session begins."""
        with self._lock:
            return int(self._ready[0].begin_ms if self._ready else self._next_ms)

    @property
    def waiting(self) -> bool:
        """Whether nothing is ready although something should be playing."""
        with self._lock:
            return not self._ready and not self._last and not self.paused

    @property
    def seeking(self) -> bool:
        """Whether it waits for a position that is not known yet."""
        with self._lock:
            if self._ready or self._last:
                return False
            return self._goal is not None or self._next_ms > self.source.live.known_ms

    def wait(self, seconds: float) -> None:
        """Wait until something is ready to play, or all is over, for at most ``seconds``."""
        with self._lock:
            self._lock.wait_for(lambda: self._ready or self._last or self.paused, seconds)

    def read(self, frames: int) -> bytes:
        """Return the next ``frames`` for the device; silence if nothing is ready."""
        out = np.zeros((frames, self.source.channels), np.int32)
        with self._lock:
            if self._fresh:
                self._fresh = False
                self.wait(_CATCH_UP_S)
            filled = 0
            tail, self._tail = self._tail[:frames], self._tail[frames:]
            out[: len(tail)] += tail
            while filled < frames and self._ready and not self.paused:
                begin_ms, samples = self._ready.popleft()
                taken = samples[: frames - filled]
                out[filled : filled + len(taken)] += taken
                filled += len(taken)
                if len(taken) < len(samples):
                    left = _Block(begin_ms + len(taken) / FRAMES_PER_MS, samples[len(taken) :])
                    self._ready.appendleft(left)
            if self._last and not self._ready and not len(self._tail):
                self._silent += frames - max(filled, len(tail))
                if self._silent >= _DRAIN_MS * FRAMES_PER_MS:
                    self.ended.set()
        out = self.volume.applied(out)
        self.played(out)
        return out.astype("<i2").tobytes()

    def pause(self) -> None:
        """Fall silent; ``play`` resumes here."""
        with self._lock:
            if not self.paused:
                self._cut(self.position_ms)
                self.paused = True

    def play(self) -> None:
        """Resume after a pause."""
        with self._lock:
            self.paused = False

    def toggle(self) -> None:
        """Pause or resume."""
        if self.paused:
            self.play()
        else:
            self.pause()

    def seek(self, ms: int) -> None:
        """Go to ``ms`` of the session, or to its end; a start delay ends at once."""
        with self._lock:
            if self.position_ms < 0:
                self._cut(0)
                self._go_to_begin()
            else:
                self._cut(max(0, ms))
                self._goal = None

    def skip(self, by_ms: int) -> None:
        """Go forward, or back."""
        with self._lock:
            self.seek(self.position_ms + by_ms)

    def answer(self, answer: Answer) -> bool:
        """Go on as the answer to the current question wants it; return whether there is one."""
        question = self.source.live.question_at(self.position_ms)
        if question is not None and self._follow(answer):
            self.answered(question.label or "", answer)
            return True
        return False

    def _follow(self, sign: Sign) -> bool:
        """Plan the rest anew after a sign; return whether it means something here."""
        with self._lock:
            at_ms = self.position_ms
            if self._goal is not None or not self.source.sign(at_ms, sign):
                return False
            self._cut(at_ms)
            return True

    def go_on(self) -> None:
        """End the current hold if it is open; otherwise go to the next chapter."""
        if not self._follow("next"):
            self.next_chapter()

    def next_chapter(self) -> None:
        """Go to the next chapter as soon as it is known; do nothing after the last."""
        with self._lock:
            at_ms = self.position_ms
            number = self._number() + 1
            if at_ms < 0:
                self.seek(0)
            elif number < self.source.chapters:
                self._cut(at_ms)
                self._goal = number

    def previous_chapter(self) -> None:
        """Go to the start of this chapter or, if it has just begun, of the previous one."""
        with self._lock:
            number, chapters = self._number(), self.source.live.chapters
            if number >= len(chapters):  # still sought
                number = len(chapters)
            elif number >= 0 and self.position_ms - chapters[number].at_ms > _BACK_TO_BEGIN_MS:
                number += 1
            self.seek(chapters[number - 1].at_ms if 0 < number <= len(chapters) else 0)

    def repeat(self) -> None:
        """Go back to the start of the current exercise."""
        with self._lock:
            self.seek(self.source.live.exercise_at(max(0, self.position_ms)))

    def extend(self) -> bool:
        """Extend the current hold by EXTENSION_MS; return whether there is one."""
        with self._lock:
            at_ms = self.position_ms
            hold = self.source.live.hold_at(at_ms)
            if hold is None or self._goal is not None:
                return False
            if (opened_ms := self.source.lengthen(hold, EXTENSION_MS)) is not None:
                self._cut(min(at_ms, opened_ms))
            return opened_ms is not None

    def leave_hold(self) -> bool:
        """Fall silent, to resume after the current hold; return whether there is one."""
        with self._lock:
            hold = self.source.live.hold_at(self.position_ms)
            self.pause()
            if hold is not None and self._goal is None:
                self.seek(hold.end_ms)
            return hold is not None

    def shorten(self) -> bool:
        """Skip EXTENSION_MS of the hold, or end an open one; return whether there is a hold."""
        with self._lock:
            if self._follow("next"):
                return True
            at_ms = self.position_ms
            hold = self.source.live.hold_at(at_ms)
            if hold is None or self._goal is not None:
                return False
            self.seek(min(hold.end_ms, at_ms + EXTENSION_MS))
            return True

    def mute(self) -> None:
        """Mute or unmute the tones."""
        with self._lock:
            self.tones = not self.tones
            self._cut(self.position_ms)

    def back_to_sentence(self) -> None:
        """Go back to the start of the current sentence after an interruption."""
        with self._lock:
            at_ms = self.position_ms
            sentence = self.source.live.sentence_at(at_ms)
            if (
                self._goal is None
                and sentence is not None
                and at_ms - sentence.begin_ms < _RESUME_REACH_MS
            ):
                self.seek(sentence.begin_ms)

    def stop(self) -> None:
        """End with a fade."""
        with self._lock:
            self.stopped_ms = self.position_ms if self.stopped_ms is None else self.stopped_ms
            self._cut(self.position_ms, STOP_FADE_MS)
            self._last = self.stopping = True

    def close(self) -> None:
        """End the mixing thread."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._thread.join(2)

    def _go_to_begin(self) -> None:
        if isinstance(self._begin, str):
            self._goal = self._begin
        else:
            self._next_ms = self._begin

    def _number(self) -> int:
        """Return the number of the current or sought chapter."""
        if isinstance(self._goal, int):
            return self._goal
        return self.source.live.chapter_at(max(0, self.position_ms))

    def _cut(self, next_ms: int, fade_ms: int = FADE_MS) -> None:
        """Fade out the current sound, and continue at ``next_ms`` or at what is sought."""
        if self.stopping:
            return
        if self._ready and not self.paused:
            count = fade_ms * FRAMES_PER_MS
            samples = np.concatenate([part.samples for part in self._ready])[:count]
            tail = scaled(samples, 1 - rise(0, len(samples), len(samples)))
            before = self._tail[: len(tail)]  # of a cut just now
            tail[: len(before)] += before
            self._tail = tail
        self._ready.clear()
        self._risen = 0
        self._cuts += 1
        self._fresh = True
        self._last = self._broken
        self._silent = 0
        self._next_ms = next_ms
        self._lock.notify_all()

    def _fill(self) -> None:
        try:
            while not self._closed:
                if not self._mix_next():
                    with self._lock:
                        self._lock.wait(_SOON_S if self.waiting else _IDLE_S)
        except Exception as error:  # noqa: BLE001 (told to who waits for the end)
            with self._lock:
                self._broken = True
                self._fail(error)

    def _mix_next(self) -> bool:
        """Mix a block if one is needed and possible; return whether it was."""
        live = self.source.live
        with self._lock:
            held = sum(len(part.samples) for part in self._ready)
            if self._last or held >= AHEAD_MS * FRAMES_PER_MS:
                return False
            if self._goal is not None and not self._find(self._goal):
                return False
            self.source.wanted_ms = self._next_ms
            begin_ms, cuts, tones = self._next_ms, self._cuts, self.tones
        end_ms = (begin_ms // BLOCK_MS + 1) * BLOCK_MS
        end_ms = min(end_ms, live.known_ms if begin_ms >= 0 else 0)
        if end_ms <= begin_ms:
            self._note_end(begin_ms, cuts)
            return False
        block = self.source.block(begin_ms, end_ms, tones=tones)
        samples = np.frombuffer(block, dtype="<i2").astype(np.int32)
        samples = samples.reshape(-1, self.source.channels)
        with self._lock:
            if cuts != self._cuts or self._last:
                return True
            count = FADE_MS * FRAMES_PER_MS
            if self._risen < count:
                samples = scaled(samples, rise(self._risen, len(samples), count))
                self._risen += len(samples)
            self._ready.append(_Block(begin_ms, samples))
            self._lock.notify_all()
            self._next_ms = end_ms
            if end_ms == 0 and begin_ms < 0:
                self._go_to_begin()
        return True

    def _find(self, chapter: str | int) -> bool:
        """Go to a chapter, or stay if it does not exist; return False while it is unknown."""
        source = self.source
        source.wanted_ms = math.inf  # first, so that it is spoken as fast as it can be
        error, end_ms = source.error, source.live.end_ms
        begin_ms = source.live.begin_of(chapter)
        if begin_ms is None and error is not None:
            self._fail(error)
        if begin_ms is None and end_ms is None:
            return False
        self._next_ms = self._next_ms if begin_ms is None else begin_ms
        self._goal = None
        return True

    def _note_end(self, begin_ms: int, cuts: int) -> None:
        """Note where nothing is known at ``begin_ms`` and never will be: the end, or a failure."""
        live = self.source.live
        if live.end_ms is not None and begin_ms >= live.end_ms:
            with self._lock:
                if cuts == self._cuts:
                    self._last = True
            if 0 < begin_ms == self._begin:
                self._fail(
                    RequestError(
                        f"it cannot begin at {clock.text(begin_ms)}: "
                        f"the session ends at {clock.text(live.end_ms)}"
                    )
                )
        elif self.source.error is not None and live.end_ms is None:
            self._fail(self.source.error)

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.error = error
            self._last = True
