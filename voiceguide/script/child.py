"""The process that renders templates that are not the package's own, so that it can be stopped."""

from __future__ import annotations

import atexit
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.child import Asker, Child, Limits, serve
from voiceguide.errors import ScriptError
from voiceguide.options import chosen
from voiceguide.script import kind, own
from voiceguide.script.request import Request

if TYPE_CHECKING:
    from voiceguide.script.request import Choice, KindScript

LIMITS = Limits(cpu_s=3, memory_bytes=200_000_000)
"""CPU time and memory that a template may use; the package's own take 0.02 s."""
WALL_S = 60.0
"""How long it may take on a busy machine."""

_starting = threading.Lock()
_running: dict[Path, Child] = {}
"""The process, by the configuration folder with which it was started."""


def ask(request: Request, do: str, called: str = "", **work: object) -> Any:
    """Ask the process to do something; ``called`` is the name in messages. Raises its errors."""
    options = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in request.options.chosen().items()
    }
    asked = {**asdict(request), "options": options}
    called = called or f"the template of {request.target}"
    return _child().ask(WALL_S, do=do, name=called, request=asked, **work)


class Templates:
    """The requests that the process answers, a method each."""

    def __init__(self, _asker: Asker) -> None:
        pass

    def write(self, request: dict[str, Any], choice: Choice) -> KindScript:
        """Write the script of a session."""
        return kind.write(_request(request), choice)

    def choices(self, request: dict[str, Any]) -> list[list[Choice]]:
        """Return the choices for fitting a session to a length."""
        return kind.choices(_request(request))

    def own(self, request: dict[str, Any], source: str, template: str, folder: str) -> str:
        """Fill in a template of the listener's own."""
        return own.fill_in(_request(request), source, template, Path(folder))


def _request(asked: dict[str, Any]) -> Request:
    return Request(**{**asked, "options": chosen(asked["options"])})


def _child() -> Child:
    """Return the process; a different configuration folder gets a new process."""
    folder = files.config_folder()
    with _starting:
        if folder not in _running:
            close()
            _running[folder] = Child(
                Path(__file__), name="a template", failure=_failure, limits=LIMITS, tries=1
            )
        return _running[folder]


def _failure(what: str) -> ScriptError:
    hint = ": check the template for an endless loop" if "computing time" in what else ""
    return ScriptError(f"{what}{hint}")


@atexit.register
def close() -> None:
    """End the process."""
    while _running:
        _running.popitem()[1].close()


if __name__ == "__main__":
    serve(Templates)
