"""The transport: plays a source, and pauses, seeks, skips and stops without a click.

Blocks are mixed ahead in a thread; the device takes them with ``read``. Every change cuts off what
was made ahead: what was being heard is faded out while what comes instead is faded in.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voiceguide.mixer import BLOCK_MS
from voiceguide.voices.clip import FRAMES_PER_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from voiceguide.player.source import Source

_FADE = 30 * FRAMES_PER_MS
"""Long enough that nothing clicks, short enough that a key answers at once."""
_STOP_FADE = 400 * FRAMES_PER_MS
_AHEAD = 1500 * FRAMES_PER_MS
"""So much is mixed ahead: a machine that stutters for a second is not heard."""
_ENOUGH = 450 * FRAMES_PER_MS
"""A device takes up to 400 ms at once; what is left is faded out unless more comes."""
_EXTENSION_MS = 15_000
_DRAIN = 500 * FRAMES_PER_MS
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

    def __init__(
        self, source: Source, *, delay_ms: int = 0, begin: Callable[[], int | None] | None = None
    ) -> None:
        """Begin to mix ahead: ``delay_ms`` of the source's lead, then from ``begin`` on.

        ``begin`` gives a time in ms, or None as long as it cannot be known.
        """
        self.source = source
        self.paused = False
        self.stopping = False
        self.tones = True
        self.error: Exception | None = None
        self.ended = threading.Event()
        self._ready: deque[_Part] = deque()
        self._tail = np.zeros((0, source.channels), np.int32)
        self._next_ms = -delay_ms
        self._goal = None if delay_ms else begin
        self._after_lead = begin
        self._chapter: int | None = None  # the one that is being sought
        self._risen = _FADE
        self._cuts = 0
        self._fresh = False  # nothing was read since the last cut
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

    def wait(self, seconds: float) -> None:
        """Wait until there is enough to begin with, or all there is; at most ``seconds``."""
        with self._lock:
            self._lock.wait_for(
                lambda: self._held() >= _ENOUGH or self._last or self.paused, seconds
            )

    def read(self, frames: int) -> bytes:
        """Give the next ``frames`` to the device; silence where there is nothing."""
        out = np.zeros((frames, self.source.channels), np.int32)
        with self._lock:
            if self._fresh:
                self._fresh = False
                self.wait(_CATCH_UP_S)
            if self._held() < frames + _FADE and not self._last and not self.paused:
                self._run_dry()
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
                if self._silent >= _DRAIN:
                    self.ended.set()
        return np.clip(out, -32768, 32767).astype("<i2").tobytes()

    def _held(self) -> int:
        """Tell how many frames are ready."""
        return sum(len(part.samples) for part in self._ready)

    def _run_dry(self) -> None:
        """Fade out what is ready: it may be long until more is known."""
        if not self._ready:
            return
        samples = np.concatenate([part.samples for part in self._ready])
        count = min(_FADE, len(samples))
        samples[-count:] = _scaled(samples[-count:], 1 - _rise(0, count, count))
        self._ready = deque([_Part(self._ready[0].begin_ms, samples)])
        self._risen = 0

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
        """Go to ``ms`` of the session; beyond its end it ends."""
        with self._lock:
            self._cut(max(0, ms))

    def skip(self, by_ms: int) -> None:
        """Go forward, or back."""
        with self._lock:
            self.seek(self.position_ms + by_ms)

    def next_chapter(self) -> None:
        """Go to the next chapter, as soon as it is known; stay where there is none."""
        with self._lock:
            number = self._number() + 1
            here_ms = self.position_ms
            self._cut(here_ms)
            self._chapter = number
            self._goal = lambda: self._begin_of(number, here_ms)

    def previous_chapter(self) -> None:
        """Go to the begin of this chapter, or where it has just begun, of the one before."""
        with self._lock:
            number = self._number()
            chapters = self.source.score.chapters
            if number >= len(chapters):  # still sought
                number = len(chapters)
            elif number >= 0 and self.position_ms - chapters[number].begin_ms > _BACK_TO_BEGIN_MS:
                number += 1
            self.seek(chapters[number - 1].begin_ms if 0 < number <= len(chapters) else 0)

    def repeat(self) -> None:
        """Go back to where the current exercise begins."""
        with self._lock:
            self.seek(self.source.score.exercise_at(max(0, self.position_ms)))

    def extend(self) -> bool:
        """Make the current hold 15 s longer; tell whether there is one."""
        with self._lock:
            at_ms = self.position_ms
            hold = self.source.score.hold_at(at_ms)
            if hold is None:
                return False
            opened_ms = self.source.score.lengthen(hold, _EXTENSION_MS)
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
            sentence = self.source.score.sentence_at(at_ms)
            if sentence is not None and at_ms - sentence.begin_ms < _RESUME_REACH_MS:
                self.seek(sentence.begin_ms)

    def stop(self) -> None:
        """End with a fade."""
        with self._lock:
            if not self._last:
                self._cut(self.position_ms, _STOP_FADE)
            self._last = self.stopping = True

    def close(self) -> None:
        """End the thread that mixes."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._thread.join(2)

    def _number(self) -> int:
        if self._chapter is not None:
            return self._chapter
        return self.source.score.chapter_at(max(0, self.position_ms))

    def _begin_of(self, number: int, otherwise_ms: int) -> int | None:
        """Give where a chapter begins; None as long as it is not known."""
        score = self.source.score
        ended = score.end_ms is not None or self.source.error is not None
        chapters = score.chapters
        if number < len(chapters):
            return chapters[number].begin_ms
        return otherwise_ms if ended else None

    def _cut(self, next_ms: int, fade: int = _FADE) -> None:
        """Fade out what is being heard, and go on at ``next_ms``."""
        if self.stopping:
            return
        if self._ready and not self.paused:
            samples = np.concatenate([part.samples for part in self._ready])[:fade]
            tail = _scaled(samples, 1 - _rise(0, len(samples), len(samples)))
            before = self._tail[: len(tail)]  # of a cut just now
            tail[: len(before)] += before
            self._tail = tail
        self._ready.clear()
        self._risen = 0
        self._cuts += 1
        self._fresh = True
        self._last = False
        self._silent = 0
        self._next_ms = next_ms
        self._goal = None
        self._chapter = None
        self._lock.notify_all()

    def _fill(self) -> None:
        try:
            while not self._closed:
                if not self._mix_next():
                    with self._lock:
                        self._lock.wait(_SOON_S if self.waiting else _IDLE_S)
        except Exception as error:  # noqa: BLE001 (told to who waits for the end)
            self._fail(error)

    def _mix_next(self) -> bool:
        """Mix one block if one is wanted and can be had; tell whether."""
        score = self.source.score
        with self._lock:
            if self._last or self._held() >= _AHEAD:
                return False
            if self._goal is not None:
                begin_ms = self._goal()
                if begin_ms is None:
                    return False
                self._next_ms, self._goal, self._chapter = begin_ms, None, None
            begin_ms, cuts, tones = self._next_ms, self._cuts, self.tones
        end_ms = (begin_ms // BLOCK_MS + 1) * BLOCK_MS
        end_ms = min(end_ms, score.known_ms if begin_ms >= 0 else 0)
        if end_ms <= begin_ms:
            return self._wait(begin_ms, cuts)
        block = self.source.block(begin_ms, end_ms, tones=tones)
        samples = np.frombuffer(block, dtype="<i2").astype(np.int32)
        samples = samples.reshape(-1, self.source.channels)
        with self._lock:
            if cuts != self._cuts or self._last:
                return True
            if self._risen < _FADE:
                samples = _scaled(samples, _rise(self._risen, len(samples), _FADE))
                self._risen += len(samples)
            self._ready.append(_Part(begin_ms, samples))
            self._lock.notify_all()
            self._next_ms = end_ms
            if end_ms == 0 and begin_ms < 0 and self._after_lead is not None:
                self._goal = self._after_lead
        return True

    def _wait(self, begin_ms: int, cuts: int) -> bool:
        """Find out why nothing more is known at ``begin_ms``: it ended, it failed, or it comes."""
        score = self.source.score
        if score.end_ms is not None and begin_ms >= score.end_ms:
            with self._lock:
                self._last = cuts == self._cuts
                self._lock.notify_all()
        elif self.source.error is not None and score.end_ms is None:
            self._fail(self.source.error)
        return False

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.error = error
            self._last = True
            self._lock.notify_all()


def _rise(begin: int, frames: int, count: int) -> NDArray[np.float64]:
    """Give part of a raised cosine that goes from 0 to 1 in ``count`` frames."""
    at = np.clip((np.arange(frames) + begin) / max(1, count), 0, 1)
    rise: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * at)
    return rise


def _scaled(samples: NDArray[np.int32], gain: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(samples * gain[:, None]).astype(np.int32)
