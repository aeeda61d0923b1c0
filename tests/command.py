"""The command, run as a user does, but started fast.

To import the program takes longer than most commands do. So a process imports it once, and forks
for each command: that copy has its own folder, environment, streams and exit status. Where nothing
can be forked, or the interpreter is to be set up otherwise, a new process is started as usual.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LIMIT_S = 300
PROGRAM = Path(__file__).parents[1] / "voiceguide" / "__main__.py"
IMPORTED = ("typer.main", "voiceguide.session", "voiceguide.export")
"""What most commands need. The command line itself is not imported: it reads the user's kinds."""


@dataclass(frozen=True)
class Used:
    """What a command and its child processes needed."""

    worked_s: float
    """Of the processor's time."""
    most_mb: float
    """The memory of the largest of its processes."""


def voiceguide(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does; ``options`` are those of ``subprocess.run``."""
    command = _command(arguments)
    if os.name == "posix" and options.keys() <= {"cwd", "env", "input"}:
        environment = dict(options.get("env") or os.environ)
        if _interpreter(environment) == _AT_FIRST:
            return _source(threading.get_ident()).run(command, environment, options)[0]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, **options
    )


def measured(*arguments: object, cwd: Path) -> tuple[subprocess.CompletedProcess[str], Used]:
    """Run the command line in a folder; return also what it used. (On POSIX alone.)

    Its import, which the copied process did, counts as memory, but not as work.
    """
    source = _source(threading.get_ident())
    return source.run(_command(arguments), dict(os.environ), {"cwd": cwd})


def _command(arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", "voiceguide", *map(str, arguments)]


def _interpreter(environment: dict[str, str]) -> dict[str, str]:
    """Return what Python reads only when it starts."""
    read = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "COVERAGE")
    return {name: value for name, value in environment.items() if name.startswith(read)}


_AT_FIRST = _interpreter(dict(os.environ))


@cache
def _source(_thread: int) -> _Source:
    return _Source()


class _Source:
    """The process that is copied, seen from here; it ends when this one does."""

    def __init__(self) -> None:
        self.line, other = socket.socketpair()
        command = [sys.executable, __file__, str(other.fileno())]
        self.process = subprocess.Popen(command, pass_fds=[other.fileno()])
        other.close()
        self.answers = self.line.makefile("r")

    def run(
        self, command: list[str], environment: dict[str, str], options: dict[str, object]
    ) -> tuple[subprocess.CompletedProcess[str], Used]:
        asked = {
            "arguments": command[3:],
            "environment": environment,
            "folder": str(Path(str(options.get("cwd") or ".")).absolute()),
        }
        request = json.dumps(asked).encode()
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(str(options.get("input") or "").encode())
            given.seek(0)
            self.line.sendall(len(request).to_bytes(4, "big"))
            streams = [stream.fileno() for stream in (given, out, err)]
            socket.send_fds(self.line, [b"\0"], streams)
            self.line.sendall(request)
            pid = int(self.answers.readline())
            overdue = threading.Timer(LIMIT_S, os.kill, (pid, signal.SIGKILL))
            overdue.start()
            status, *used = self.answers.readline().split()
            overdue.cancel()
            out.seek(0)
            err.seek(0)
            said = [io.TextIOWrapper(stream, "utf-8").read() for stream in (out, err)]
        ended = subprocess.CompletedProcess(command, int(status), *said)
        return ended, Used(*map(float, used))


def _serve(line: socket.socket) -> None:
    """Answer in the process that is copied; return only in a copy, which is then the command."""
    while head := line.recv(4, socket.MSG_WAITALL):
        _, streams, *_ = socket.recv_fds(line, 1, 3)
        request = json.loads(line.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
        pid = os.fork()
        if pid == 0:
            line.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            tempfile.tempdir = None  # it may be another's
            sys.argv = [str(PROGRAM), *request["arguments"]]
            return
        for stream in streams:
            os.close(stream)
        line.sendall(b"%d\n" % pid)
        _, status, used = os.wait4(pid, 0)
        worked_s, most_mb = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6
        line.sendall(b"%d %f %f\n" % (os.waitstatus_to_exitcode(status), worked_s, most_mb))
    os._exit(0)


if __name__ == "__main__":
    import importlib

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it: no threads
    sys.path[0] = str(Path.cwd())  # as -m sets it
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from voiceguide.__main__ import main

    main()
