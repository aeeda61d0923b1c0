"""The commands: one function each. They call the stages, which do the work.

Takes a command line, the environment and the settings file. Gives files, lines on standard output,
and an exit status: 0 for success, 1 for a VoiceguideError, 2 for wrong usage. Errors are a line or
two on standard error.

    app         the command line as a whole
    flags       the options of the model as options of commands
    sessions    script, render, playlist
    play        play
    serve       serve
    course      plan
    diary       diary
    publish     publish
    catalogue   catalogue
    voice       voices, phrases, record
    pronounce   pronounce
    lists       regions, methods, kinds, config, doctor
    targets     the targets of commands, and where results go
    say         warnings, progress, and how long things take
"""

from __future__ import annotations

import _thread
import io
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import typer

from voiceguide.cli import (  # noqa: F401 (they add their commands)
    catalogue,
    course,
    diary,
    lists,
    play,
    pronounce,
    publish,
    serve,
    sessions,
    voice,
)
from voiceguide.cli.app import app
from voiceguide.errors import UsageError, VoiceguideError

if TYPE_CHECKING:
    from types import FrameType

_WRONG_USAGE = 2
_SIGNALLED = 128
"""Above the number of a signal, it is the status of who was ended by it, as shells have it."""
_LATER_S = 0.01


def main() -> NoReturn:
    """Run the command line, print a VoiceguideError on standard error, and exit with a status."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # otherwise numpy starts threads
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # looking for them reads all wheels
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    sys.unraisablehook = _leave_again
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows uses a code page
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except VoiceguideError as error:
        typer.echo(f"voiceguide: {error.with_flags()}", err=True)
        sys.exit(_WRONG_USAGE if isinstance(error, UsageError) else 1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # then the reader of our output has gone
            what = error.filename or "standard output"
            typer.echo(f"voiceguide: {str(what)[:200]}: {error.strerror}", err=True)
        sys.exit(1)
    sys.exit(0)


def _open_missing_streams() -> None:
    """Open what was closed for us: the next file that is opened would take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """Exit with cleanup; unlike KeyboardInterrupt, this never shows a traceback."""
    sys.exit(_SIGNALLED + number)


def _leave_again(lost: sys.UnraisableHookArgs) -> None:
    """Leave a little later where that was lost, as in a destructor or a callback."""
    status = lost.exc_value.code if isinstance(lost.exc_value, SystemExit) else None
    if isinstance(status, int) and status > _SIGNALLED:
        threading.Thread(target=_interrupt, args=(status - _SIGNALLED,), daemon=True).start()
    else:
        sys.__unraisablehook__(lost)


def _interrupt(number: int) -> None:
    """Send the main thread a signal, once it has left the hook, where that would be lost again."""
    main = threading.main_thread().ident or 0
    time.sleep(_LATER_S)
    while True:
        frame: FrameType | None = sys._current_frames().get(main)  # noqa: SLF001 (documented)
        while frame and frame.f_code is not _leave_again.__code__:
            frame = frame.f_back
        if frame is None:
            _thread.interrupt_main(signal.Signals(number))
            return
        time.sleep(_LATER_S)
