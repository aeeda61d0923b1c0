"""The whole catalogue: what is missing is made, and what failed is reported."""

from __future__ import annotations

import contextlib
import functools
import math
import shutil
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.catalogue import crews, manifest, work
from voiceguide.catalogue.manifest import Failure
from voiceguide.catalogue.place import place
from voiceguide.catalogue.requests import as_json
from voiceguide.errors import UsageError, VoiceguideError
from voiceguide.export import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from voiceguide.catalogue.crews import Crew
    from voiceguide.catalogue.requests import Wanted
    from voiceguide.catalogue.work import Order

_USUAL_MS = 900_000
"""How long a session is taken to be whose request does not say."""
_RECENT = 100
"""The time left follows from how long so many sessions took: later ones have fewer new phrases."""
_LEAST = 3
"""The time left is not known before so many sessions."""
_SAMPLE = 3
_OF_VOICES = ("digests", "paces")
"""The folders of the cache with what is found out once for a voice, not for each session."""
_MANIFEST_EVERY_S = 300


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a catalogue is."""

    done: int
    """Sessions that are there, or failed."""
    total: int
    left_s: float | None
    """How long the rest will take, as the last sessions did; None if it is not known yet."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was done."""

    made: int
    there: int
    """Sessions that were there before."""
    failed: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to do."""

    there: int
    to_make: int
    wrong: int
    """Requests that are known to fail."""
    size_bytes: int
    """What these will weigh."""
    warm_s: float
    """How long one core takes if all phrases are known."""
    cold_s: float
    """How long it takes if none is."""


def make(  # noqa: PLR0913 (each by its name)
    wanted: Sequence[Wanted],
    output: str,
    *,
    crew: Crew = crews.here,
    clips: str | None = None,
    form: str = "mp3",
    progress: Callable[[Progress], object] = lambda _: None,
    warn: Callable[[str], object] = lambda _: None,
) -> Summary:
    """Make the sessions that are missing at ``output``, and write its manifest.

    ``crew`` does the work (``voiceguide.catalogue.crews``); ``clips`` is the address where workers
    share what they speak and encode, ``form`` the audio format. ``progress`` is called after each
    session, ``warn`` with a line about each that fails, and about what is wrong with the manifest.
    Raises CatalogueError if the place or the cluster fails; what was made stays, and the manifest
    lists it if it can still be written.
    """
    there = place(output)
    files.sweep_scratch()  # there may be nothing to make
    with _alone(output, warn):
        where, failed = _orders(wanted, output, clips, form)
        for failure in failed:
            warn(str(failure))
        made = manifest.there(there, where, warn)
        before, total = len(made), len(where) + len(failed)  # some requests are one session
        missing = [order for order in where if order.key not in made]
        left = _Left(missing)
        written_s = time.monotonic()
        try:
            for order, result in crew(missing):
                if isinstance(result, work.Made):
                    made[order.key] = result.record
                else:
                    failed.append(Failure(where[order], order.request, result.why))
                    warn(str(failed[-1]))
                left.finish(order)
                progress(Progress(len(made) + len(failed), total, left.seconds))
                if time.monotonic() - written_s > _MANIFEST_EVERY_S:
                    manifest.write(there, where, made, failed)
                    written_s = time.monotonic()
        except BaseException:
            with contextlib.suppress(VoiceguideError):
                manifest.write(there, where, made, failed)
            raise
        finally:
            work.end()
        manifest.write(there, where, made, failed)
    return Summary(len(made) - before, before, len(failed))


def estimate(wanted: Sequence[Wanted], output: str, *, form: str = "mp3") -> Estimate:
    """Return how much there is to do.

    A few of the sessions are made and measured for it, each in a folder of its own with a cache of
    its own, and twice: the second time, all phrases are known. Raises a VoiceguideError.
    """
    where, failed = _orders(wanted, output, None, form)
    made = manifest.there(place(output), where, lambda _: None)
    missing = [order for order in where if order.key not in made]
    sample = missing[:: max(1, math.ceil(len(missing) / _SAMPLE))]
    size_bytes, length_ms, cold_s, warm_s = 0, 0.0, 0.0, 0.0
    try:
        for order in sample:
            with files.scratch_folder() as folder, _empty_cache():
                result, first_s = _timed(replace(order, output=str(folder)))
                _, second_s = _timed(replace(order, output=str(folder)))
            if isinstance(result, work.Made):
                size_bytes += result.record["bytes"]
                length_ms += _length_ms(order)
                cold_s, warm_s = cold_s + first_s, warm_s + second_s
    finally:
        work.end()
    times = sum(map(_length_ms, missing)) / length_ms if length_ms else 0
    return Estimate(
        there=len(made),
        to_make=len(missing),
        wrong=len(failed),
        size_bytes=round(size_bytes * times),
        warm_s=warm_s * times,
        cold_s=cold_s * times,
    )


@contextlib.contextmanager
def _empty_cache() -> Iterator[None]:
    """Use a cache meanwhile that only knows voices, not what they say."""
    known = files.cache_folder()
    with files.scratch_folder() as folder:
        for name in _OF_VOICES:
            with contextlib.suppress(OSError):  # nothing is known, or it is just tidied up
                shutil.copytree(known / name, folder / name)
        with files.moved_cache(folder):
            yield


def _timed(order: Order) -> tuple[work.Made | work.Failed, float]:
    begun_s = time.perf_counter()
    return work.make(order), time.perf_counter() - begun_s


def _orders(
    wanted: Sequence[Wanted], output: str, clips: str | None, form: str
) -> tuple[dict[Order, str], list[Failure]]:
    """Return the orders for requests, with the places of these; and what cannot be ordered."""
    if form not in FORMATS:
        raise UsageError(f"--format {form}: must be one of {', '.join(FORMATS)}")
    where: dict[Order, str] = {}
    failed = []
    made_with = functools.cache(work.made_with)  # looked at once for all
    for one in wanted:
        try:
            order = work.order(one.request, form, output, clips, made_with)
            where.setdefault(order, one.at)
        except VoiceguideError as error:
            failed.append(Failure(one.at, as_json(one.request), str(error)))
    return where, failed


def _alone(output: str, warn: Callable[[str], object]) -> contextlib.AbstractContextManager[None]:
    """Wait for other programs of this machine that make the same catalogue."""
    folder = Path(output.replace("://", "/"))  # of an address, only its name is used
    what = "Another voiceguide is making this catalogue; waiting until it has finished."
    return files.alone(folder, lambda: warn(what))


def _length_ms(order: Order) -> float:
    minutes = order.request.get("minutes")
    return minutes * 60_000 if minutes else _USUAL_MS


class _Left:
    """How long the rest takes: as long as the last sessions took for their lengths."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._left_ms = sum(map(_length_ms, orders))
        self._recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        """When sessions ended, and their lengths in ms."""
        self._recent.append((time.monotonic(), 0.0))

    def finish(self, order: Order) -> None:
        self._left_ms -= _length_ms(order)
        self._recent.append((time.monotonic(), _length_ms(order)))

    @property
    def seconds(self) -> float | None:
        """None if too few have ended to know."""
        if len(self._recent) <= _LEAST:
            return None
        (begun_s, _), *ended = self._recent
        took_s = ended[-1][0] - begun_s
        return took_s * self._left_ms / sum(length_ms for _, length_ms in ended)
