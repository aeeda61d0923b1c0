"""Who makes a catalogue: this process, several of this machine, or a Dask cluster.

A crew takes orders and returns each with its result, in any order, as soon as it is there. Only a
few are handed out ahead, so that memory does not grow with the catalogue. A worker that dies gives
its orders to others.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import threading
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING, Any, TypeAlias

from voiceguide import __version__
from voiceguide.catalogue.work import Failed, Made, Order, make
from voiceguide.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Results: TypeAlias = Iterator[tuple[Order, Made | Failed]]
    Crew: TypeAlias = Callable[[Iterable[Order]], Results]

_AHEAD = 2
"""Orders handed out for each worker: one that it makes, and one that it makes next."""
_TRIES = 10
"""How often a request is handed out whose workers die. Dask itself tries four workers each time."""
_PATIENCE_S = 30.0
"""How long a cluster may take to answer."""


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
    return ProcessPoolExecutor(count, context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process when its parent has ended, even if that was killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait_for([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def cluster(address: str) -> Crew:
    """Return the workers of a Dask cluster as a crew; ``address`` is its scheduler's.

    Raises CatalogueError when it begins, if the cluster cannot be reached, has no workers, or one
    of them has another version of voiceguide.
    """

    def crew(orders: Iterable[Order]) -> Results:
        distributed = _distributed()
        try:
            client = distributed.Client(address, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            what = f"the cluster at {address} cannot be reached: {error}"
            raise CatalogueError(f"{what}; start it with “dask scheduler”") from error
        with client:
            cores = _check(client, address)
            try:
                yield from _on_cluster(client, orders, cores * _AHEAD)
            except (CancelledError, distributed.client.FutureCancelledError, OSError) as error:
                what = f"the scheduler at {address} has gone"
                cure = "start it, then run the same command again: what was made stays"
                raise CatalogueError(f"{what}; {cure}") from error

    return crew


def cores_of(address: str) -> int:
    """Return the number of sessions that a cluster makes at once; raises CatalogueError."""
    distributed = _distributed()
    try:
        with distributed.Client(address, timeout=_PATIENCE_S, set_as_default=False) as client:
            return _check(client, address)
    except (OSError, ValueError) as error:
        what = f"the cluster at {address} cannot be reached: {error}"
        raise CatalogueError(f"{what}; start it with “dask scheduler”") from error


def _on_cluster(client: Any, orders: Iterable[Order], ahead: int) -> Results:
    distributed = _distributed()
    left = iter(orders)
    tries: dict[str, int] = {}
    running: dict[Any, Order] = {}
    results = distributed.as_completed(loop=client.loop)

    def hand_out(order: Order) -> None:
        number = tries[order.key] = tries.get(order.key, 0) + 1
        future = client.submit(make, order, key=f"voiceguide-{order.key}-{number}", pure=False)
        running[future] = order
        results.add(future)

    for order in itertools.islice(left, ahead):
        hand_out(order)
    for future in results:
        order = running.pop(future)
        try:
            result = future.result()
        except distributed.KilledWorker:
            if tries[order.key] < _TRIES:
                hand_out(order)
                continue
            result = Failed(f"its workers ended {_TRIES} times; there may be too little memory")
        del tries[order.key]
        yield order, result
        for following in itertools.islice(left, 1):
            hand_out(following)


def _check(client: Any, address: str) -> int:
    """Return the number of threads of all workers; raise CatalogueError if one does not suit."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except TimeoutError as error:
        what = f"the cluster at {address} has no workers"
        raise CatalogueError(f"{what}; start some with “dask worker {address}”") from error
    try:
        versions: dict[str, str] = client.run(version)
    except Exception as error:
        what = f"a worker of {address} cannot run voiceguide {__version__}: {error}"
        raise CatalogueError(f"{what}; pip install 'voiceguide[cluster]' there") from error
    for worker, known in versions.items():
        if known != __version__:
            raise CatalogueError(
                f"the worker {worker} has voiceguide {known}, this is {__version__}; install the "
                "same there, then run the same command again"
            )
    threads: dict[str, int] = client.nthreads()
    return sum(threads.values())


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
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    return distributed
