"""Who makes a catalogue: this process, several of this machine, or a Dask cluster.

A crew takes orders and returns each with its result, in any order, as soon as it is there. Only a
few are handed out ahead, so that memory does not grow with the catalogue. A worker that dies gives
its orders to others.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from enum import Enum, auto
from multiprocessing.connection import wait as wait_for
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from voiceguide import __version__
from voiceguide.catalogue.work import Failed, Made, Order, end, make
from voiceguide.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Results: TypeAlias = Iterator[tuple[Order, Made | Failed]]
    Crew: TypeAlias = Callable[[Iterable[Order]], Results]

_AHEAD = 2
"""Orders handed out for each worker: one that it makes, and one that it makes next."""
_TRIES = 10
"""How often a request is handed out whose workers die, and how often a scheduler may go before
anything is made. Dask itself tries four workers each time."""
_COUNTED_EVERY_S = 5.0
"""How often it is asked how many workers a cluster has."""
_PATIENCE_S = 30.0
"""How long a cluster may take to answer."""
_RETURN_S = 120.0
"""How long a scheduler that has gone, or the first worker of none, may take to come back."""
_AGAIN = "then run the same command again: what was made stays"


def here(orders: Iterable[Order]) -> Results:
    """Make one after another in this process."""
    for order in orders:
        yield order, make(order)


def processes(count: int) -> Crew:
    """Return a crew of ``count`` processes of this machine."""

    def crew(orders: Iterable[Order]) -> Results:
        left = iter(orders)
        while True:
            with _pool(count) as pool:
                running: dict[Future[Made | Failed], Order] = {}
                try:
                    yield from _working(pool, left, running, count * _AHEAD)
                except BrokenProcessPool:
                    suspects = list(running.values())
                else:
                    return
                finally:
                    pool.shutdown(wait=False, cancel_futures=True)
            for order in suspects:  # each alone, so that none suffers from another
                yield order, _alone(order)

    return crew


def _working(
    pool: ProcessPoolExecutor,
    left: Iterator[Order],
    running: dict[Future[Made | Failed], Order],
    ahead: int,
) -> Results:
    """Hand out orders; an order is in ``running`` until its result was returned."""
    while True:
        for order in itertools.islice(left, ahead - len(running)):
            try:
                running[pool.submit(make, order)] = order
            except BrokenProcessPool:
                running[Future()] = order
                raise
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            result = future.result()
            yield running.pop(future), result


def _alone(order: Order) -> Made | Failed:
    """Make an order whose process may have died of it."""
    for _ in range(_TRIES):
        with _pool(1) as pool:
            try:
                return pool.submit(make, order).result()
            except BrokenProcessPool:
                continue
    return Failed(f"its process ended {_TRIES} times; there may be too little memory")


def _pool(count: int) -> ProcessPoolExecutor:
    # Spawned, not forked: engines and encoders have threads.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, initializer=_begin, initargs=(count,))


def _begin(count: int) -> None:
    """Begin as one process of ``count``: end when the parent has ended, even if it was killed."""
    if count > 1:  # each has a core
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait_for([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def cluster(address: str) -> Crew:
    """Return the workers of a Dask cluster as a crew; ``address`` is its scheduler's.

    Workers that join later get work, too, and a scheduler that is started again goes on. Raises
    CatalogueError if the cluster cannot be reached or has no workers, or if one of them has another
    version of voiceguide.
    """

    def crew(orders: Iterable[Order]) -> Results:
        left, patience_s, gone = iter(orders), _PATIENCE_S, 0
        while True:
            running: dict[str, Order] = {}
            try:
                with _client(address, patience_s) as client:
                    for made in _on_cluster(client, left, running, address):
                        gone = 0
                        yield made
                    with contextlib.suppress(OSError, CancelledError):  # all is made
                        _end(client)
            except _GoneError:
                gone += 1
                if gone == _TRIES:
                    raise
                left, patience_s = itertools.chain([*running.values()], left), _RETURN_S
            else:
                return

    return crew


def cores_of(address: str) -> int:
    """Return the number of sessions that a cluster makes at once; raises CatalogueError."""
    with _client(address, _PATIENCE_S) as client:
        return _sessions_at_once(client)


def _end(client: Any) -> None:
    """Let models stay in the workers' memory no longer; one that does not answer may keep its."""
    ended = [client.submit(end, workers=[one], pure=False) for one in client.nthreads()]
    with client.as_current():
        _distributed().wait(ended, timeout=_COUNTED_EVERY_S)


class _GoneError(CatalogueError):
    """The scheduler has gone."""


@contextlib.contextmanager
def _client(address: str, patience_s: float) -> Iterator[Any]:
    """Connect to a cluster whose workers suit; raises CatalogueError, _GoneError when it goes."""
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=patience_s, set_as_default=False)
    except (OSError, ValueError) as error:
        what = f"the cluster at {address} cannot be reached: {error}"
        raise CatalogueError(f"{what}; start it with “dask scheduler”; {_AGAIN}") from error
    with client:
        try:
            _check(client, address, patience_s)
            yield client
        except (CancelledError, distributed.client.FutureCancelledError, OSError) as error:
            what = f"the scheduler at {address} has gone"
            raise _GoneError(f"{what}; start it; {_AGAIN}") from error


def _on_cluster(
    client: Any, left: Iterator[Order], running: dict[str, Order], address: str
) -> Results:
    """Hand out orders; an order is in ``running``, by its key, until its result was returned."""
    tries: dict[str, int] = {}
    made_by: dict[Any, Order] = {}
    ended: SimpleQueue[Any] = SimpleQueue()
    ahead = _sessions_at_once(client) * _AHEAD
    counted_s = seen_s = time.monotonic()

    def hand_out(order: Order) -> None:
        running[order.key] = order
        number = tries[order.key] = tries.get(order.key, 0) + 1
        future = client.submit(make, order, key=f"voiceguide-{order.key}-{number}", pure=False)
        made_by[future] = order
        future.add_done_callback(ended.put)

    while True:
        for order in itertools.islice(left, max(0, ahead - len(running))):
            hand_out(order)
        if not made_by:
            return
        with contextlib.suppress(Empty):
            future = ended.get(timeout=_COUNTED_EVERY_S)
            order = made_by[future]
            made = _result(future, address, is_last=tries[order.key] == _TRIES)
            if made is _Lost.ON_ITS_WAY:  # its worker went with it: it is made again
                future.add_done_callback(ended.put)
            elif made is _Lost.WITH_ITS_WORKERS:
                del made_by[future]
                hand_out(order)
            else:
                del made_by[future], tries[order.key], running[order.key]
                yield order, made
        if time.monotonic() - counted_s > _COUNTED_EVERY_S:
            counted_s = time.monotonic()
            if client.nthreads():
                ahead, seen_s = _sessions_at_once(client) * _AHEAD, counted_s
            elif counted_s - seen_s > _RETURN_S:
                raise CatalogueError(_without_workers(address))


class _Lost(Enum):
    """How a result was lost."""

    ON_ITS_WAY = auto()
    WITH_ITS_WORKERS = auto()


def _result(future: Any, address: str, *, is_last: bool) -> Made | Failed | _Lost:
    """Return the result of an order that has ended; of the last try, it counts if workers ended."""
    distributed = _distributed()
    try:
        made: Made | Failed = future.result(timeout=_COUNTED_EVERY_S)
    except TimeoutError:  # the worker that has it is gone
        return _Lost.ON_ITS_WAY
    except distributed.KilledWorker:
        if not is_last:
            return _Lost.WITH_ITS_WORKERS
        return Failed(f"its workers ended {_TRIES} times; there may be too little memory")
    except (CancelledError, distributed.client.FutureCancelledError, CatalogueError, OSError):
        raise
    except Exception as error:  # ours are returned: one that joined later knows no voiceguide
        raise _unable(address, error) from error
    return made


def _check(client: Any, address: str, patience_s: float) -> None:
    """Raise CatalogueError if there are no workers, or one does not suit."""
    try:
        client.wait_for_workers(1, timeout=patience_s)
    except TimeoutError as error:
        raise CatalogueError(_without_workers(address)) from error
    versions: dict[str, str | Exception] = client.run(version, on_error="return")
    for worker, known in versions.items():
        if isinstance(known, OSError):
            continue  # it has just ended
        if isinstance(known, Exception):
            raise _unable(address, known)
        if known != __version__:
            raise CatalogueError(
                f"the worker {worker} has voiceguide {known}, this is {__version__}; install the "
                f"same there; {_AGAIN}"
            )


def _without_workers(address: str) -> str:
    what = f"the cluster at {address} has no workers"
    return f"{what}; start some with “dask worker {address}”; {_AGAIN}"


def _unable(address: str, error: Exception) -> CatalogueError:
    what = f"a worker of {address} cannot run voiceguide {__version__}: {error}"
    return CatalogueError(
        f"{what}; pip install 'voiceguide[cluster]=={__version__}' there; {_AGAIN}"
    )


def _sessions_at_once(client: Any) -> int:
    """Return how many sessions the workers make at once; one, if all have just ended."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def version() -> str:
    """Return the version of voiceguide where this runs."""
    return __version__


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        what = "--cluster needs Dask: pip install 'voiceguide[cluster]'"
        raise CatalogueError(what) from error
    # What goes wrong is in our own errors; the rest is about how it tries to mend it.
    for name in ["distributed", *logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":  # each part of it has a level of its own
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return distributed
