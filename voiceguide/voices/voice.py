"""The voice of a session: an engine, a cache, and work done ahead."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from voiceguide.audio.grid import FRAMES_PER_MS, Samples
from voiceguide.child import cores
from voiceguide.errors import SilentError, VoiceError
from voiceguide.voices import cache, times
from voiceguide.voices.cache import Facts
from voiceguide.voices.clip import VERSION, Clip, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from voiceguide.voices.cache import ClipCache
    from voiceguide.voices.engine import Engine, Spoken, Utterance, Word

_LOG = logging.getLogger("voiceguide")

_MOST_WORKERS = 2
"""Engines at work at once: each makes about 90 phrases a second, the encoder takes 50."""
_AHEAD = 24
"""How many clips are made ahead; with more, memory would grow with the script."""
_AT_ONCE = 3
"""How many are started at a time, so that the first one does not wait for later ones."""
_MEMORY_BYTES = 4_000_000
"""Memory for clips that were just made or read, so that the mixer need not read them again."""


class Standby:
    """Engines that wait for the next voice of the same name: to start a model takes seconds.

    Those of one voice wait at most: a large model takes up half a gigabyte.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: tuple[Hashable, _Engines] | None = None

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Let the voices that are opened meanwhile take their engines here, and leave them here."""
        before = _STANDBY.set(self)
        try:
            yield
        finally:
            _STANDBY.reset(before)

    def take(self, name: Hashable) -> _Engines | None:
        """Return the engines that wait under a name, if any do; nobody else gets them.

        If there are none, those of another name end, as others will be started.
        """
        waiting = self._exchange(None)
        if waiting is None or waiting[0] == name:
            return waiting and waiting[1]
        waiting[1].close()
        return None

    def leave(self, name: Hashable, engines: _Engines) -> None:
        """Let engines wait; those that waited before end."""
        if before := self._exchange((name, engines)):
            before[1].close()

    def close(self) -> None:
        """End those that wait."""
        if before := self._exchange(None):
            before[1].close()

    def _exchange(
        self, waiting: tuple[Hashable, _Engines] | None
    ) -> tuple[Hashable, _Engines] | None:
        """Let others wait, or none; return those that waited before."""
        with self._lock:
            before, self._waiting = self._waiting, waiting
        return before


_STANDBY: ContextVar[Standby | None] = ContextVar("engines that wait", default=None)


@dataclass(slots=True)
class _Engines:
    """Those of one voice, which may share a model."""

    make: Callable[[], Engine]
    made: list[Engine] = field(default_factory=list)
    idle: list[Engine] = field(default_factory=list)

    def close(self) -> None:
        for engine in self.made:
            engine.close()


class Voice:
    """Makes clips of utterances. Use it as a context manager, which closes it."""

    def __init__(
        self, make_engine: Callable[[], Engine], clips: ClipCache, name: str | None = None
    ) -> None:
        """Speak with engines that ``make_engine`` makes, or that wait: see ``Standby``.

        ``name`` is that of the voice, as it was asked for. No process starts before it has to.
        """
        self._clips = clips
        self.engine_id = make_engine().id
        """The engine's name, version and whatever else its sound depends on."""
        self._name = name, self.engine_id
        self._standby = _STANDBY.get()
        self._engines = _Engines(make_engine)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(cores(_MOST_WORKERS), thread_name_prefix="voice")
        self._finishing = threading.Lock()
        self._ahead: Iterator[Utterance] = iter(())
        self._coming: dict[Utterance, Future[int]] = {}
        self._lengths: dict[Utterance, int] = {}
        self._words: dict[Utterance, tuple[Word, ...]] = {}
        self._memory: OrderedDict[Utterance, Samples] = OrderedDict()
        self._memory_bytes = 0
        self._closed = False
        self._spoken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self, utterances: Iterable[Utterance]) -> None:
        """Start to make the clips of ``utterances``, in this order, some of them ahead."""
        self._ahead = itertools.chain(self._ahead, utterances)
        self._work_ahead()

    def length_ms(self, utterance: Utterance) -> int:
        """Return how long the clip lasts; raises VoiceError if it cannot be made."""
        if utterance not in self._lengths:
            coming = self._coming.get(utterance) or self._submit(utterance)
            try:
                self._lengths[utterance] = coming.result()
            finally:
                self._coming.pop(utterance, None)
                self._work_ahead()
        return self._lengths[utterance]

    def _work_ahead(self) -> None:
        enough = min(_AHEAD, len(self._coming) + _AT_ONCE)
        while len(self._coming) < enough:
            utterance = next(self._ahead, None)
            if utterance is None:
                return
            if utterance not in self._lengths and utterance not in self._coming:
                self._submit(utterance)

    def _submit(self, utterance: Utterance) -> Future[int]:
        coming = self._coming[utterance] = self._pool.submit(self._length_ms, utterance)
        return coming

    def clip(self, utterance: Utterance) -> Samples:
        """Return the samples of the clip; raises VoiceError if it cannot be made."""
        self.length_ms(utterance)
        with self._lock:
            samples = self._memory.get(utterance)
        return self._samples(utterance) if samples is None else samples

    def name(self, utterance: Utterance) -> str:
        """Return a digest of all that decides how an utterance sounds."""
        return cache.key(
            VERSION, self.engine_id, utterance.voice, utterance.language,
            utterance.rate_wpm, utterance.pitch_st, utterance.said,
            *filter(None, [utterance.phonemes]),
        )  # fmt: skip

    def aside(self, utterance: Utterance) -> Future[Samples]:
        """Return the clip that will be made of something said besides; any thread may ask for it.

        It raises VoiceError if it cannot be made.
        """
        return self._pool.submit(self._samples, utterance)

    def words(self, utterance: Utterance) -> tuple[Word, ...]:
        """Return the words as they are written, and when each is said in the clip.

        They are none if the engine does not know. Raises VoiceError if the clip cannot be made.
        """
        self.length_ms(utterance)
        return self._words[utterance]

    def close(self) -> None:
        """End all work, and the engines, unless they can wait for the next voice."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            made = len(self._engines.made)
        if self._standby and 0 < made == len(self._engines.idle):
            self._standby.leave(self._name, self._engines)
        else:
            self._engines.close()
        self._pool.shutdown(wait=True)
        self._clips.prune()
        known = len(self._lengths) - self._spoken
        _LOG.info("%d phrases spoken, %d read from the cache", self._spoken, max(0, known))

    def _length_ms(self, utterance: Utterance) -> int:
        name = self.name(utterance)
        facts = self._clips.facts(name)
        if facts is None:
            facts = _facts(self._make(utterance))
            if self._clips.facts(name) != facts:  # the clip was there, but not its length
                self._clips.note(name, facts)
        self._words[utterance] = times.as_written(utterance.text, facts.words, utterance.language)
        return facts.length_ms

    def _samples(self, utterance: Utterance) -> Samples:
        return self._make(utterance).samples

    def _make(self, utterance: Utterance) -> Clip:
        """Return the clip from the cache, or speak it and store it there."""
        name = self.name(utterance)
        clip = self._clips.read(name)
        if clip is None:
            clip = self._speak(utterance)
            self._clips.write(name, clip)
            self._clips.note(name, _facts(clip))  # it may be longer than one that was lost
            self._spoken += 1
        self._remember(utterance, clip.samples)
        return clip

    def _speak(self, utterance: Utterance) -> Clip:
        engine = self._take()
        try:
            clip = self._finished(engine.speak(utterance))
            if clip is None:  # silent: perhaps only this once
                engine.restart()
                clip = self._finished(engine.speak(utterance))
        finally:
            with self._lock:
                self._engines.idle.append(engine)
        if clip is None:
            raise SilentError("the engine makes no sound for it: reword it or use another voice")
        return clip

    def _finished(self, spoken: Spoken) -> Clip | None:
        with self._finishing:  # one at a time: it is the main consumer of memory
            return finish(spoken)

    def _take(self) -> Engine:
        with self._lock:
            if self._closed:
                raise VoiceError("the voice was closed")
            if self._standby and not self._engines.made:  # not before something is to be spoken
                self._engines = self._standby.take(self._name) or self._engines
            if self._engines.idle:
                return self._engines.idle.pop()
            engine = self._engines.make()
            self._engines.made.append(engine)
            return engine

    def _remember(self, utterance: Utterance, samples: Samples) -> None:
        with self._lock:
            if utterance in self._memory:
                return
            self._memory[utterance] = samples
            self._memory_bytes += samples.nbytes
            while self._memory_bytes > _MEMORY_BYTES:
                self._memory_bytes -= self._memory.popitem(last=False)[1].nbytes


def _facts(clip: Clip) -> Facts:
    return Facts(len(clip.samples) // FRAMES_PER_MS, clip.words)
