"""What commands print on standard error: warnings, progress, and how long things take."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voiceguide.options import Options

WAITING = "Another voiceguide is writing into this folder; waiting until it has finished."

_LOG = logging.getLogger("voiceguide")


def begin(*, quiet: bool, verbose: bool) -> None:
    """Set what is printed: errors only, or also how long things take."""
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    _LOG.setLevel(level)
    if not _LOG.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("voiceguide: %(message)s"))
        _LOG.addHandler(handler)


def is_quiet() -> bool:
    """Whether only errors are printed."""
    return _LOG.getEffectiveLevel() > logging.WARNING


def warn(messages: Iterable[str]) -> None:
    """Print warnings, one a line."""
    if not is_quiet():
        for message in messages:
            typer.echo(f"voiceguide: {message}", err=True)


def note(message: str) -> None:
    """Print a line about what happens."""
    if not is_quiet():
        typer.echo(message, err=True)


def advise(options: Options) -> None:
    """Print what files do not do, and how to get a better voice if none was asked for."""
    from voiceguide.voices import best

    if options.holds == "open" or options.ask:
        note("--holds open and --ask are for “play”: a file waits for nobody.")
    advice = best.advice(options.language) if options.voice is None else None
    if advice:
        note(advice)


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[float], None]]:
    """Show a bar on standard error if that is a terminal."""
    if is_quiet() or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=1.0)
        yield lambda done: bar.update(task, completed=done)
