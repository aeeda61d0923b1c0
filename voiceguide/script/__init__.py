"""A request + the library -> SSML.

Takes what a listener asks for: a target and options (``Request``). Gives a script (``Written``):
SSML text, with a title and the folders in which its sounds may lie. The target may be a kind of
session (a region stands for massage), whose template is filled in from the library, or a script or
template of the listener's own. Templates are rendered in a sandbox; those that are not the
package's own in a child process besides, within limits of time and memory.

A kind may leave open how many rounds, areas or breaths a session has: ``choices`` says what there
is to choose from when it is to last a given time, and ``write`` takes what was chosen.

    request      what is asked for, and what comes of it
    kind         a kind's template, and its rules of choice
    treatment    a request about a region: what is treated, and how
    own          scripts and templates of the listener's own
    template     the sandbox, and what templates may call
    child        the process for templates that may come from strangers
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import RequestError
from voiceguide.script import kind, own
from voiceguide.script.request import WHOLE, Choice, Request, Written
from voiceguide.script.template import sentences

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WHOLE", "Choice", "Request", "Written", "choices", "sentences", "write"]

_STRANGE = ("*.jinja", "kinds/*/*.jinja", "kinds/*/kind.toml")
"""Where those lie that a session begins with; these lead to all others."""


def write(request: Request, choice: Choice | None = None) -> Written:
    """Write the script of a session, or of a track of a playlist.

    ``choice`` is one of those of ``choices``; without it, all is as it is by default. Raises
    RequestError where target and options do not go together, LibraryError where a text is missing
    or wrong, ScriptError where a script cannot be read or a template fails or passes a limit.
    """
    path = own.path_of(request.target)
    if path is not None:
        return own.write(request, path, lambda *source: _rendered(request, *source))
    if _has_strangers(request):
        from voiceguide.script import child

        script = kind.Script(*child.ask(request, "write", choice=choice or {}))
    else:
        script = kind.write(request, choice or {})
    return Written(
        script.text,
        f"the script of {request.target}",
        tuple(files.folders("sounds")),
        script.title,
        script.album,
        "-".join([request.target, *request.options.names()]),
        script.note,
    )


def choices(request: Request) -> list[list[Choice]]:
    """Return what a session can choose from to last as long as it is to: lists, the best first.

    Within a list, the sessions last longer and longer. Raises as ``write`` does.
    """
    if own.path_of(request.target) is not None:
        return [[{}]]
    if _has_strangers(request):
        from voiceguide.script import child

        found: list[list[Choice]] = child.ask(request, "choices")
        return found
    return kind.choices(request)


def about(request: Request) -> kind.About:
    """Return what a target is about, and the tracks of its playlist; raises as ``write`` does."""
    if own.path_of(request.target) is not None:
        raise RequestError(f"{request.target} is a script: playlists are made of regions and kinds")
    return kind.about(request)


def _rendered(request: Request, source: str, name: str, folder: Path) -> str:
    from voiceguide.script import child

    text: str = child.ask(request, "own", called=name, source=source, folder=str(folder))
    return text


def _has_strangers(request: Request) -> bool:
    """Whether a template may be used that is not the package's own."""
    own_folders = files.script_folders(request.options.library_path)[:-1]
    with contextlib.suppress(OSError):
        return any(
            path for folder in own_folders for names in _STRANGE for path in folder.glob(names)
        )
    return True
