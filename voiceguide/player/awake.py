"""Keeps the machine awake while a session plays, if the system allows it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def kept_awake() -> Iterator[None]:
    """Ask the system not to sleep; in a thread, since its answer may take seconds."""
    done = threading.Event()
    asking = threading.Thread(target=_ask, args=(done,), name="awake", daemon=True)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join(1)


def _ask(done: threading.Event) -> None:
    from wakepy import keep  # here, so that it does not delay the first sound

    with keep.running(on_fail="pass"):
        done.wait()
