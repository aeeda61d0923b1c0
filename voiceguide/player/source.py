"""What a player plays, such as a session that is spoken as it plays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from voiceguide.player.live import LiveTimeline
from voiceguide.timeline import Bed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voiceguide.mixer import Window
    from voiceguide.timeline import Adaptive, Event, Item, Sign, Span

_AHEAD_MS = 60_000
"""Up to this far ahead of the listener, a session is spoken as fast as possible."""
_GENTLE_S = 0.05
"""Further ahead, each item waits this long: the total length is soon known, with little load."""


class Source(Protocol):
    """Audio with random access, 48,000 Hz, 16 bit."""

    title: str
    channels: int
    live: LiveTimeline
    chapters: int
    """How many chapters it will have at most."""
    can_mute: bool
    """Whether its tones can be muted."""
    wanted_ms: float
    """What will be played next; the player sets it."""

    @property
    def error(self) -> Exception | None:
        """The error after which nothing more will be known, if any."""

    def block(self, begin_ms: int, end_ms: int, *, tones: bool) -> bytes:
        """Return an interleaved block of what is known; without ``tones``, only speech."""

    def sign(self, at_ms: int, what: Sign) -> bool:
        """Plan the rest anew after a sign of the listener; return whether it means something."""

    def lengthen(self, hold: Span, by_ms: int) -> int | None:
        """Extend a hold; return where the time was inserted, or None if that cannot be."""

    def close(self) -> None:
        """Release files and voices."""


class LiveSession:
    """A session whose timeline is resolved in a thread while its beginning plays."""

    can_mute = True

    def __init__(  # noqa: PLR0913 (as for what it plays)
        self,
        title: str,
        chapters: int,
        items: Callable[[Callable[[int], object]], Iterable[Item]],
        window: Window,
        lead: Iterable[Event] = (),
        adaptive: Adaptive | None = None,
    ) -> None:
        """Start to resolve the session; ``lead`` comes before it, at negative times.

        ``items`` returns the timeline's items. It is given a function to call with a time before
        which nothing more begins: sounds are heard up to there while the next phrase is spoken.
        ``adaptive`` plans the rest anew after a sign of the listener.
        """
        self.title = title
        self.chapters = chapters
        self.channels = window.channels
        self.live = LiveTimeline()
        self.error: Exception | None = None
        self._window = window
        self._lead = list(lead)
        self._adaptive = adaptive
        self.wanted_ms: float = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._resolve, args=(items(self.live.know),), name="resolve", daemon=True
        )
        self._thread.start()

    def block(self, begin_ms: int, end_ms: int, *, tones: bool) -> bytes:
        """Return a block of what is known."""
        window = self._window
        events = self._lead
        if begin_ms >= 0:
            events = self.live.between(begin_ms - window.behind_ms, end_ms + window.ahead_ms)
        if not tones:
            events = [event for event in events if event.kind == "speech"]
        return window.mix(events, begin_ms, end_ms, self.live.end_ms)

    def sign(self, at_ms: int, what: Sign) -> bool:
        """Plan the rest anew; return whether the sign means something at this time."""
        replanned = self._adaptive.sign(at_ms, what) if self._adaptive else None
        if replanned is None:
            return False
        self._thread.join()  # it does not wait: all speech is made
        self.live.replace(replanned)
        return True

    def lengthen(self, hold: Span, by_ms: int) -> int | None:
        """Extend a hold; return where the time was inserted, or None if the hold is open."""
        if self._adaptive and self._adaptive.is_open and hold.kind == "hold":
            return None
        if self._adaptive:
            self._adaptive.lengthened(hold.begin_ms, by_ms)
        return self.live.lengthen(hold, by_ms)

    def close(self) -> None:
        """Stop resolving; only after this may the voice be closed."""
        self._closed.set()
        self._thread.join(1)

    def _resolve(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if isinstance(item, Bed):
                    self._window.lay(item)
                self.live.ahead_ms = self._window.ahead_ms
                self.live.add(item)
                if self._adaptive is None and self.live.known_ms > self.wanted_ms + _AHEAD_MS:
                    self._closed.wait(_GENTLE_S)
                if self._closed.is_set():
                    return
        except Exception as error:  # noqa: BLE001 (told to the player, which raises it)
            self.error = error
