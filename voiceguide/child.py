"""A process in which an engine runs, so that one that hangs or crashes takes nothing else with it.

Requests and answers are JSON, a line each. One that does not answer in time is replaced, and asked
once more.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from voiceguide.errors import MissingVoiceError, VoiceError

_TRIES = 2


class Child:
    """Answers requests, one at a time, also where several threads ask."""

    def __init__(self, script: Path, *arguments: str) -> None:
        """Prepare a process; it starts with the first request.

        ``script`` is called with a folder for its files, which it makes, and removes when its input
        ends, and with ``arguments``.
        """
        self._script = script
        self._arguments = arguments
        self._process: _Process | None = None
        self._asking = threading.Lock()
        self._closed = False

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process; only while one runs."""
        assert self._process is not None  # noqa: S101
        return self._process.process

    def ask(self, limit_s: float, **request: object) -> Any:
        """Return the answer to a request; raises MissingVoiceError or VoiceError.

        Each of two processes has ``limit_s`` seconds for it.
        """
        with self._asking:
            trouble = ""
            for _ in range(_TRIES):
                answer, trouble = self._exchange(json.dumps(request), limit_s)
                if answer is not None:
                    if "missing_voice" in answer:
                        what = answer["missing_voice"]
                        raise MissingVoiceError(
                            f"{what} here; “voiceguide voices” lists those there are"
                        )
                    if "error" in answer:
                        raise VoiceError(answer["error"])
                    return answer["result"]
                self._end()
        raise VoiceError(f"the engine {trouble}, and so did a new one; try “voiceguide doctor”")

    def restart(self) -> None:
        """End the process, when it has answered; the next request starts another."""
        with self._asking:
            self._end()

    def close(self) -> None:
        """End the process for good and at once; who waits for an answer gets VoiceError."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _exchange(self, request: str, limit_s: float) -> tuple[Any, str]:
        """Return the answer, or None and what happened instead."""
        if self._closed:
            raise VoiceError("the engine was closed")
        process = self._process = self._process or _Process(self._script, self._arguments)
        hung = threading.Event()

        def end() -> None:
            hung.set()
            process.process.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            process.stdin.write(request + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline()), ""
        except (OSError, ValueError):  # its pipe is broken or closed, its answer is none
            return None, f"did not answer in {limit_s:.0f} s" if hung.is_set() else "crashed"
        finally:
            timer.cancel()


class _Process:
    """A process that speaks, and the folder for its files."""

    def __init__(self, script: Path, arguments: tuple[str, ...]) -> None:
        try:
            # The process makes it, and takes it away, so that none is left if we are killed now.
            self.folder = Path(tempfile.gettempdir(), f"voiceguide-{secrets.token_hex(8)}")
            # -P keeps the script's folder, where a file may be called as the library, from the path
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and script)
                [sys.executable, "-P", str(script), str(self.folder), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
        except OSError as error:
            raise VoiceError(f"the engine cannot be started: {error}") from error
        assert self.process.stdin is not None  # noqa: S101 (both are pipes)
        assert self.process.stdout is not None  # noqa: S101
        self.stdin = self.process.stdin
        self.stdout = self.process.stdout

    def end(self) -> None:
        """Kill the process and remove its files."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):  # what it was to read, it never will
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)
