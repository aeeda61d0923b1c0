"""The process in which templates are rendered that are not our own, so that it can be stopped.

Work and answer are JSON, on standard input and output.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import errors, script
from voiceguide.errors import ScriptError, VoiceguideError
from voiceguide.options import chosen
from voiceguide.script import kind
from voiceguide.script.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

CPU_S = 3
"""What a template may work; the package's take 0.02 s."""
WALL_S = 60.0
"""How long it may take on a busy machine."""
MEMORY_BYTES = 200_000_000
"""What all data of the process may take, where the system keeps to it (Linux does)."""


def ask(request: Request, do: str, called: str = "", **work: object) -> Any:
    """Have the process do something; ``called`` stands in messages. Raises what it raises there."""
    called = called or f"the template of {request.target}"
    options = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in request.options.chosen().items()
    }
    asked = {"target": request.target, "options": options, "part": request.part}
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-m", "voiceguide.script.child"],
            input=json.dumps({"request": asked, "do": do, "called": called, **work}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=WALL_S,
            check=False,
        )
        answer = json.loads(process.stdout)
    except subprocess.TimeoutExpired as error:
        raise ScriptError(f"{called}: {_TOO_LONG}") from error
    except ValueError as error:
        if process.returncode in _ENDED_FOR_CPU:
            raise ScriptError(f"{called}: {_TOO_LONG}") from error
        what = f"its process ended with status {process.returncode}: did it need too much memory?"
        raise ScriptError(f"{called}: cannot be rendered: {what}") from error
    if "error" in answer:
        raise getattr(errors, answer["kind"])(answer["error"])
    return answer["result"]


_TOO_LONG = f"took longer than {CPU_S} s: check the template for an endless loop"
_ENDED_FOR_CPU = (-24, -9)
"""SIGXCPU, and SIGKILL, which follows it."""


def main() -> None:
    """Do one piece of work."""
    work = json.load(sys.stdin)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, most))
        spent = resource.getrusage(resource.RUSAGE_SELF)
        begun_s = int(spent.ru_utime + spent.ru_stime) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (begun_s + CPU_S, begun_s + CPU_S + 1))
    asked: Mapping[str, Any] = work["request"]
    request = Request(asked["target"], chosen(asked["options"]), asked["part"])
    answer: dict[str, Any]
    try:
        match work["do"]:
            case "write":
                answer = {"result": kind.write(request, work["choice"])}
            case "choices":
                answer = {"result": kind.choices(request)}
            case _:
                folder = Path(work["folder"])
                text = script.render_source(request, work["source"], work["called"], folder)
                answer = {"result": text}
    except VoiceguideError as error:
        answer = {"error": error.args[0], "kind": type(error).__name__}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
