"""A child process that answers requests, so that hangs and crashes stay in it.

The parent has a ``Child``. The child is a script that calls ``serve``. Requests and answers are
JSON, a line each:

    {"do": "speak", "text": "Hello."}     "do" names a method, the rest are its arguments
    {"progress": 0.4}                     any number of lines in between, by ``Asker.tell``
    {"result": …}                         or
    {"error": "…", "kind": "VoiceError"}  the kind is one of our errors, or null

Where several are asked at once, a request has an "id", and so has its answer.

The script runs on its own, without importing its parent packages, and this module imports what only
the parent needs inside functions: a process of pyttsx3 starts in a seventh of a second.

More than 400 lines: both ends of one protocol, which only make sense together.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
import threading
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from voiceguide import errors, files
from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).resolve().parents[1]
_PROGRAM = (
    "import runpy, sys; root, script = sys.argv[1:3]; del sys.argv[:2]; "
    "sys.path.append(root); runpy.run_path(script, run_name='__main__')"
)
"""``root`` comes last in the path: in a checkout, nothing else leads to the package."""


def cores(most: int) -> int:
    """Return how many threads to work with: one for each core, ``most`` at most.

    Fewer where OMP_NUM_THREADS says so (OpenMP 5.2, 21.1.2): workers that make a session on each
    core, as those of Dask do, have 1 there.
    """
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    count = int(allowed) if allowed.isdecimal() else os.cpu_count() or 1
    return max(1, min(most, count))


class Limits(NamedTuple):
    """Limits of the process; enforced on POSIX systems, for memory only on Linux."""

    cpu_s: float | None = None
    """CPU time for one request."""
    memory_bytes: int | None = None
    """Memory for all its data."""


class Child:
    """Answers requests of any threads, ``at_once`` at a time."""

    def __init__(  # noqa: PLR0913 (each by its name)
        self,
        script: Path,
        *arguments: str,
        name: str,
        failure: Callable[[str], VoiceguideError],
        limits: Limits | None = None,
        tries: int = 2,
        at_once: int = 1,
    ) -> None:
        """Prepare a process; it starts with the first request.

        ``name`` is used in messages; ``failure`` makes the error if the process did not explain
        itself. A process that hangs or crashes is replaced and asked again, up to ``tries`` times
        in total. ``at_once`` is what the script gives to ``serve``.
        """
        self._script = script
        self._arguments = arguments
        self._name = name
        self._failure = failure
        self._limits = limits or Limits()
        self._tries = tries
        self._process: _Process | None = None
        self._starting = threading.Lock()
        self._places = threading.BoundedSemaphore(at_once)
        self._at_once = at_once
        self._waiting = threading.Lock()
        self._closed = False

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process; only valid while it runs."""
        assert self._process is not None  # noqa: S101
        return self._process.process

    def ask(self, limit_s: float, *, do: str, name: str | None = None, **request: object) -> Any:
        """Return the answer to a request; raises the VoiceguideError of its method, or the failure.

        Each process that is tried gets ``limit_s`` seconds. ``name`` is used in messages instead of
        the child's.
        """
        for again in range(self._tries):
            # What crashes does not take with it a second time what is asked beside it.
            with self._place(alone=again > 0):
                try:
                    answer = self._exchange(limit_s, do, request)
                except _TroubleError as error:
                    trouble = f"{name or self._name} {error}"
                    if error.is_final:
                        raise self._failure(trouble) from error
                else:
                    return result(answer, self._failure)
        if self._tries > 1:
            trouble += ", and so did a new one; try “voiceguide doctor”"
        raise self._failure(trouble)

    @contextlib.contextmanager
    def _place(self, *, alone: bool) -> Iterator[None]:
        """Wait until a request may be sent, or until it is the only one."""
        with contextlib.ExitStack() as stack:
            if alone:
                stack.enter_context(self._waiting)
            for _ in range(self._at_once if alone else 1):
                stack.enter_context(self._places)
            yield

    def restart(self) -> None:
        """End the process after its current answers; the next request starts a new one."""
        with self._place(alone=True):
            self._end()

    def close(self) -> None:
        """End the process at once and for good; a caller that waits for an answer gets an error."""
        self._closed = True
        self._end()

    def _end(self, only: _Process | None = None) -> None:
        """End the process, if there is one; with ``only``, if it is still that one."""
        with self._starting:
            process = self._process
            if process is None or only not in (None, process):
                return
            self._process = None
        process.end()

    def _started(self) -> _Process:
        """Return the process; raises _TroubleError if there is none and none can be started."""
        with self._starting:
            if self._closed:
                raise _TroubleError("was closed", is_final=True)
            try:
                self._process = self._process or _Process(
                    self._script, self._arguments, self._limits
                )
            except OSError as error:
                raise _TroubleError(f"cannot be started: {error}", is_final=True) from error
            return self._process

    def _exchange(self, limit_s: float, do: str, request: dict[str, object]) -> dict[str, Any]:
        """Return the answer; raises _TroubleError after ending the process."""
        process = self._started()
        hung = threading.Event()

        def end() -> None:
            hung.set()
            process.process.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            return process.exchange(do, request)
        except (OSError, ValueError) as error:  # a broken or closed pipe, or not JSON
            self._end(process)
            if hung.is_set():
                raise _TroubleError(f"did not answer in {limit_s:.0f} s") from error
            if sys.platform != "win32" and process.process.returncode == -signal.SIGPROF:
                what = f"needed more than {self._limits.cpu_s:g} s of computing time"
                raise _TroubleError(what, is_final=True) from error
            raise _TroubleError("crashed") from error
        finally:
            timer.cancel()


def command(script: Path, folder: Path, *arguments: str, limits: Limits | None = None) -> list[str]:
    """Return the command line of a process that serves."""
    # -P keeps the script's folder out of the path: a file in it may have the name of a library.
    given = [_ROOT, script, folder, json.dumps(limits or Limits())]
    return [sys.executable, "-P", "-c", _PROGRAM, *map(str, given), *arguments]


def question(do: str, **request: object) -> str:
    """Return the line of a request."""
    return f"{json.dumps({'do': do, **request})}\n"


def result(answer: dict[str, Any], failure: Callable[[str], VoiceguideError]) -> Any:
    """Return the result in the last line of an answer, or raise its error."""
    if "error" not in answer:
        return answer["result"]
    kind = getattr(errors, str(answer.get("kind")), None)
    is_ours = isinstance(kind, type) and issubclass(kind, VoiceguideError)
    raise (kind if is_ours else failure)(answer["error"])  # type: ignore[misc]


class _TroubleError(Exception):
    """A process does not answer."""

    def __init__(self, what: str, *, is_final: bool = False) -> None:
        super().__init__(what)
        self.is_final = is_final
        """Whether another try is pointless."""


class _Process:
    """A process that runs ``serve``, and the folder for its files."""

    def __init__(self, script: Path, arguments: tuple[str, ...], limits: Limits) -> None:
        import subprocess

        # The process creates and removes the folder, so that none is left if we are killed now.
        self.folder = files.scratch()
        self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and script)
            command(script, self.folder, *arguments, limits=limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        assert self.process.stdin is not None  # noqa: S101 (both are pipes)
        assert self.process.stdout is not None  # noqa: S101
        self.stdin = self.process.stdin
        self.stdout = self.process.stdout
        self._numbers = itertools.count()
        self._writing = threading.Lock()
        self._coming = threading.Condition()
        self._is_read = False
        self._answers: dict[int, dict[str, Any]] = {}
        self._trouble: Exception | None = None

    def exchange(self, do: str, request: dict[str, object]) -> dict[str, Any]:
        """Return the answer to a request; raises OSError or ValueError if none comes.

        Of the threads that wait for one, one reads all answers until its own has come.
        """
        with self._writing:
            number = next(self._numbers)
            self.stdin.write(question(do, id=number, **request))
            self.stdin.flush()
        while True:
            with self._coming:
                self._coming.wait_for(
                    lambda: number in self._answers or self._trouble or not self._is_read
                )
                if number in self._answers:
                    return self._answers.pop(number)
                if self._trouble:
                    raise OSError("the process has ended") from self._trouble
                self._is_read = True
            answer: dict[str, Any] = {}
            try:
                answer = json.loads(self.stdout.readline())
            except (OSError, ValueError) as error:
                self._trouble = error
            finally:  # also after Ctrl-C: another thread reads on
                with self._coming:
                    self._is_read = False
                    if answer:
                        self._answers[answer.get("id", number)] = answer
                    self._coming.notify_all()

    def end(self) -> None:
        """Kill the process and remove its files."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):  # the process will not read it any more
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Asker:
    """The parent, as the child process sees it."""

    def __init__(self) -> None:
        folder, limits, *self.arguments = sys.argv[1:]
        self._path = Path(folder)
        self.limits = Limits(*json.loads(limits))
        # Output of libraries must not mix with the answers.
        self._telling = threading.Lock()
        self._answers = os.dup(1)
        os.dup2(2, 1)

    @cached_property
    def folder(self) -> Path:
        """The folder for files; it is removed when the process ends."""
        files.create_claimed(self._path)  # as long as this process lives
        return self._path

    def tell(self, **facts: object) -> None:
        """Write a line: a message before the answer, or the answer."""
        line = f"{json.dumps(facts)}\n".encode()
        with self._telling:
            while line:
                line = line[os.write(self._answers, line) :]

    def remove_folder(self) -> None:
        """Remove the folder, if it was created."""
        if "folder" in self.__dict__:
            shutil.rmtree(self._path, ignore_errors=True)


def serve(
    start: Callable[[Asker], object],
    at_once: int = 1,
    *,
    copies: bool = False,
) -> None:
    """Answer requests until there are no more, or the parent has gone.

    ``start`` is called at the first request, and again if it failed. It returns an object whose
    methods the requests name. With ``copies``, each request is answered by a copy of the process
    (POSIX): no answer depends on those before. With ``at_once``, so many threads answer.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # exits with cleanup
    asker = Asker()
    serving: list[object] = []
    starting = threading.Lock()

    def started() -> object:
        with starting:
            if not serving:
                serving.append(start(asker))
        return serving[0]

    def answer(line: str) -> None:
        asker.tell(**_answer(line, started, asker))

    try:
        with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
            _limit_memory(asker.limits.memory_bytes)
            if at_once > 1:
                _serve_at_once(at_once, answer, asker)
            for line in sys.stdin:
                if not copies:
                    answer(line)
                    continue
                with contextlib.suppress(Exception):  # a copy tries again, and tells
                    started()
                if not _answered_by_copy(line, answer):
                    sys.exit(1)
    finally:
        asker.remove_folder()


def _serve_at_once(at_once: int, answer: Callable[[str], None], asker: Asker) -> None:
    """Answer requests by threads; what ends one of them, or SIGTERM, ends the process at once."""
    from concurrent.futures import ThreadPoolExecutor

    def ending(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:  # noqa: BLE001 (nothing may wait for other threads)
            asker.remove_folder()
            os._exit(1)

    def read() -> None:
        for line in sys.stdin:
            pool.submit(ending, partial(answer, line))

    with ThreadPoolExecutor(at_once) as pool:
        ending(read)


def _answer(line: str, start: Callable[[], object], asker: Asker) -> dict[str, Any]:
    """Return the answer to a request, by what ``start`` returns."""
    request = json.loads(line)
    named = {"id": request.pop("id")} if "id" in request else {}
    _limit_cpu(asker.limits.cpu_s)
    try:
        method = getattr(start(), request.pop("do"))
        return {**named, "result": method(**request)}
    except BrokenPipeError:
        raise
    except VoiceguideError as error:
        return {**named, "error": error.args[0], "kind": type(error).__name__}
    except Exception as error:  # noqa: BLE001 (the parent gets any error)
        sys.excepthook(type(error), error, error.__traceback__)
        return {**named, "error": str(error) or type(error).__name__, "kind": None}
    finally:
        _limit_cpu(None)


def _answered_by_copy(line: str, answer: Callable[[str], None]) -> bool:
    """Let a copy of this process answer; return whether it could."""
    assert sys.platform != "win32"  # noqa: S101
    copy = os.fork()
    if copy == 0:
        try:
            _end_with_parent()
            answer(line)
        except BaseException:  # noqa: BLE001 (it must not go on as its parent)
            os._exit(1)
        os._exit(0)
    return os.waitpid(copy, 0)[1] == 0


def _end_with_parent() -> None:
    """Let the system kill this process when its parent ends (Linux)."""
    import ctypes

    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG of prctl.h
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def _limit_memory(most_bytes: int | None) -> None:
    if most_bytes is not None:
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most))


def _limit_cpu(seconds: float | None) -> None:
    """Let SIGPROF end the process after this much CPU time; None for no limit."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds or 0)
