"""The commands: one function each. The work is done by the stages; here it is asked for.

Takes a command line, with the environment and the settings file around it. Gives files, lines on
standard output, and an exit status: 0 for done, 1 for a VoiceguideError, 2 for wrong usage. What
goes wrong is said in a line or two on standard error.

    app         the command line as a whole
    flags       the options of the model as options of commands
    sessions    script, render, play, playlist, serve
    voice       phrases, record
    lists       regions, methods, kinds, voices, config, doctor
    targets     what commands are given, and where results go
    say         warnings, progress, and what takes how long
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from voiceguide.cli import lists, sessions, voice  # noqa: F401 (they add their commands)
from voiceguide.cli.app import app
from voiceguide.errors import UsageError, VoiceguideError

if TYPE_CHECKING:
    from types import FrameType

_GARBAGE = 50_000
"""Starting makes many objects that stay: to look through them every 700 takes a tenth of it."""
_WRONG_USAGE = 2


def main() -> NoReturn:
    """Run the command line; a VoiceguideError is said on standard error, and the status is 1."""
    gc.set_threshold(_GARBAGE)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # else numpy starts threads for matrices
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows speaks a code page
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except VoiceguideError as error:
        typer.echo(f"voiceguide: {error.with_flags()}", err=True)
        sys.exit(_WRONG_USAGE if isinstance(error, UsageError) else 1)
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = error.filename or "standard output"
        typer.echo(f"voiceguide: {str(what)[:200]}: {error.strerror}", err=True)
        sys.exit(1)
    sys.exit(0)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """Clean up on the way out; unlike KeyboardInterrupt, this shows no traceback anywhere."""
    sys.exit(128 + number)
