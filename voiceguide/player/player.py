"""The transport: plays a source, and pauses, seeks, skips and stops without a click.

Blocks are mixed ahead in a thread; the device takes them with ``read``. Every change cuts off what
was made ahead: what was being heard is faded out while what comes instead is faded in.
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from voiceguide.player.source import Source

FADE_MS = 30
"""Long enough that nothing clicks, short enough that a key answers at once."""
STOP_FADE_MS = 400
AHEAD_MS = 1500
"""So much is mixed ahead: a machine that stutters for a second is not heard."""
EXTENSION_MS = 15_000
_DRAIN_MS = 500
"""What the device may still hold when the last block was taken."""
_CATCH_UP_S = 0.1
"""A device waits so long for what comes after a cut: then what was heard fades right into it."""
_IDLE_S, _SOON_S = 0.05, 0.005
_BACK_TO_BEGIN_MS = 3000
"""The key for the chapter before goes to this one's begin, once it has played for so long."""
_RESUME_REACH_MS = 10_000
"""A sentence that began longer ago is not said again when playing resumes."""


class _Part(NamedTuple):
    begin_ms: float
    samples: NDArray[np.int32]
    """(frames, channels)."""


class Player:
    """Plays a source. ``read`` is the device's; all else may be called from any thread."""

    def __init__(self, source: Source, *, delay_ms: int = 0, begin: str | int = 0) -> None:
        """Begin to mix ahead: ``delay_ms`` of the source's lead, then from ``begin`` on.

        ``begin`` is the title of a chapter or a time in ms.
        """
        self.source = source
        self.paused = False
        self.stopping = False
        self.stopped_ms: int | None = None
        """Where it was ended, if it did not end by itself."""
        self.tones = True
        self.error: Exception | None = None
        self.ended = threading.Event()
        self._ready: deque[_Part] = deque()
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
        """What is heard now; negative before the session begins."""
        with self._lock:
            return int(self._ready[0].begin_ms if self._ready else self._next_ms)

    @property
    def waiting(self) -> bool:
        """Whether nothing is ready to be played though something should be."""
        with self._lock:
            return not self._ready and not self._last and not self.paused

    @property
    def seeking(self) -> bool:
        """Whether it waits for a place that is not known yet."""
        with self._lock:
            if self._ready or self._last:
                return False
            return self._goal is not None or self._next_ms > self.source.live.known_ms

    def wait(self, seconds: float) -> None:
        """Wait until there is something to be played, or all was; not longer than ``seconds``."""
        with self._lock:
            self._lock.wait_for(lambda: self._ready or self._last or self.paused, seconds)

    def read(self, frames: int) -> bytes:
        """Return the next ``frames`` to the device; silence where there is nothing."""
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
                    left = _Part(begin_ms + len(taken) / FRAMES_PER_MS, samples[len(taken) :])
                    self._ready.appendleft(left)
            if self._last and not self._ready and not len(self._tail):
                self._silent += frames - max(filled, len(tail))
                if self._silent >= _DRAIN_MS * FRAMES_PER_MS:
                    self.ended.set()
        return np.clip(out, -32768, 32767).astype("<i2").tobytes()

    def pause(self) -> None:
        """Fall silent; ``play`` goes on from here."""
        with self._lock:
            if not self.paused:
                self._cut(self.position_ms)
                self.paused = True

    def play(self) -> None:
        """Go on after a pause."""
        with self._lock:
            self.paused = False

    def toggle(self) -> None:
        """Pause, or go on."""
        if self.paused:
            self.play()
        else:
            self.pause()

    def seek(self, ms: int) -> None:
        """Go to ``ms`` of the session; beyond its end it ends. A start delay ends with it."""
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

    def next_chapter(self) -> None:
        """Go to the next chapter, as soon as it is known; stay where there is none."""
        with self._lock:
            at_ms = self.position_ms
            number = self._number() + 1
            if at_ms < 0:
                self.seek(0)
            elif number < self.source.chapters:
                self._cut(at_ms)
                self._goal = number

    def previous_chapter(self) -> None:
        """Go to the begin of this chapter, or where it has just begun, of the one before."""
        with self._lock:
            number = self._number()
            chapters = self.source.live.chapters
            if number >= len(chapters):  # still sought
                number = len(chapters)
            elif number >= 0 and self.position_ms - chapters[number].begin_ms > _BACK_TO_BEGIN_MS:
                number += 1
            self.seek(chapters[number - 1].begin_ms if 0 < number <= len(chapters) else 0)

    def repeat(self) -> None:
        """Go back to where the current exercise begins."""
        with self._lock:
            self.seek(self.source.live.exercise_at(max(0, self.position_ms)))

    def extend(self) -> bool:
        """Make the current hold longer by EXTENSION_MS; return whether there is one."""
        with self._lock:
            at_ms = self.position_ms
            hold = self.source.live.hold_at(at_ms)
            if hold is None or self._goal is not None:
                return False
            opened_ms = self.source.live.lengthen(hold, EXTENSION_MS)
            self._cut(min(at_ms, opened_ms))
            return True

    def mute(self) -> None:
        """Leave out the tones, or let them be heard again."""
        with self._lock:
            self.tones = not self.tones
            self._cut(self.position_ms)

    def back_to_sentence(self) -> None:
        """Go back to the begin of what was being said: something came in between."""
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
        """End the thread that mixes."""
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
        """Return the number of the chapter that is heard, or sought."""
        if isinstance(self._goal, int):
            return self._goal
        return self.source.live.chapter_at(max(0, self.position_ms))

    def _cut(self, next_ms: int, fade_ms: int = FADE_MS) -> None:
        """Fade out what is being heard, and go on at ``next_ms``, or with what is sought."""
        if self.stopping:
            return
        if self._ready and not self.paused:
            count = fade_ms * FRAMES_PER_MS
            samples = np.concatenate([part.samples for part in self._ready])[:count]
            tail = _scaled(samples, 1 - _rise(0, len(samples), len(samples)))
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
        """Mix one block if one is wanted and can be had; return whether."""
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
            return self._wait(begin_ms, cuts)
        block = self.source.block(begin_ms, end_ms, tones=tones)
        samples = np.frombuffer(block, dtype="<i2").astype(np.int32)
        samples = samples.reshape(-1, self.source.channels)
        with self._lock:
            if cuts != self._cuts or self._last:
                return True
            count = FADE_MS * FRAMES_PER_MS
            if self._risen < count:
                samples = _scaled(samples, _rise(self._risen, len(samples), count))
                self._risen += len(samples)
            self._ready.append(_Part(begin_ms, samples))
            self._lock.notify_all()
            self._next_ms = end_ms
            if end_ms == 0 and begin_ms < 0:
                self._go_to_begin()
        return True

    def _find(self, chapter: str | int) -> bool:
        """Go to a chapter, if it is known; stay where there is none."""
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

    def _wait(self, begin_ms: int, cuts: int) -> bool:
        """Find out why nothing more is known at ``begin_ms``: it ended, it failed, or it comes."""
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
        return False

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.error = error
            self._last = True


def _rise(begin: int, frames: int, count: int) -> NDArray[np.float64]:
    """Return part of a raised cosine that goes from 0 to 1 in ``count`` frames."""
    at = np.clip((np.arange(frames) + begin) / max(1, count), 0, 1)
    rise: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * at)
    return rise


def _scaled(samples: NDArray[np.int32], gain: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(samples * gain[:, None]).astype(np.int32)
