"""The process in which templates are rendered that are not our own, so that it can be stopped."""

from __future__ import annotations

import atexit
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.child import Asker, Child, Limits, serve
from voiceguide.errors import ScriptError
from voiceguide.options import chosen
from voiceguide.script import kind, own
from voiceguide.script.request import Request

if TYPE_CHECKING:
    from voiceguide.script.request import Choice

LIMITS = Limits(cpu_s=3, memory_bytes=200_000_000)
"""What a template may work and hold; the package's take 0.02 s."""
WALL_S = 60.0
"""How long it may take on a busy machine."""

_running: dict[Path, Child] = {}
"""The process, by the configuration folder that it started with."""


def ask(request: Request, do: str, called: str = "", **work: object) -> Any:
    """Have the process do something; ``called`` stands in messages. Raises what it raises there."""
    options = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in request.options.chosen().items()
    }
    asked = {**_plain(request), "options": options}
    called = called or f"the template of {request.target}"
    return _child(called).ask(WALL_S, do=do, request=asked, called=called, **work)


class Templates:
    """What the process does; the methods are called after what is asked."""

    def __init__(self, _asker: Asker) -> None:
        pass

    def write(self, request: dict[str, Any], choice: Choice, called: str) -> kind.Script:
        """Write the script of a session."""
        del called
        return kind.write(_request(request), choice)

    def choices(self, request: dict[str, Any], called: str) -> list[list[Choice]]:
        """Return what a session can choose from."""
        del called
        return kind.choices(_request(request))

    def own(self, request: dict[str, Any], source: str, folder: str, called: str) -> str:
        """Fill in a template of the listener's own."""
        return own.fill_in(_request(request), source, called, Path(folder))


def _request(asked: dict[str, Any]) -> Request:
    return Request(**{**asked, "options": chosen(asked["options"])})


def _plain(request: Request) -> dict[str, Any]:
    return {one.name: getattr(request, one.name) for one in fields(request)}


def _child(called: str) -> Child:
    """Return the process; another configuration folder takes another process."""
    folder = files.config_folder()
    if folder not in _running:
        close()
        _running[folder] = Child(
            Path(__file__),
            name=called,
            failure=lambda what: ScriptError(f"{what}: check the template for an endless loop"),
            limits=LIMITS,
            tries=1,
        )
    return _running[folder]


@atexit.register
def close() -> None:
    """End the process."""
    while _running:
        _running.popitem()[1].close()


if __name__ == "__main__":
    serve(Templates)
