"""A request + the library -> SSML.

Takes what a listener asks for: a target and options (``Request``). Gives a script (``Written``):
SSML text, with a title and the folders that may hold its sounds. The target may be a kind of
session (a region means massage), whose template is filled in from the library, or a script or
template of the listener's own. Templates are rendered in a sandbox; those that are not the
package's own are rendered in a child process too, with limits on time and memory.

A kind may leave open how many rounds, areas or breaths a session has: ``choices`` returns the
options when it has to last a given time, and ``write`` takes the one that was chosen.

    request      what is asked for, and the script that results
    subject      what a target means: a kind and its library; the tracks of its playlist
    kind         a kind's template, and its rules of choice
    treatment    a request about a region: what is treated, and how
    own          scripts, templates and texts of the listener's own
    plain        plain text and Markdown -> SSML
    modifiers    what Speech Markdown has in brackets behind words -> SSML
    captions     captions -> SSML
    template     the sandbox, and what templates may call
    child        the process for templates that may come from strangers
    kept         scripts that were written before

Jinja is slow to load: what needs it is imported where it is used.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.errors import RequestError
from voiceguide.options import OPTIONS
from voiceguide.script import kept, own, subject, treatment
from voiceguide.script.kept import KeptChoice
from voiceguide.script.request import WHOLE, Choice, KindScript, Request, Written

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["WHOLE", "Choice", "KeptChoice", "Request", "Written", "choices", "write"]

_STRANGE = ("*.jinja", "kinds/*/*.jinja", "kinds/*/kind.toml")
"""Where the first templates of a session are; they import all others."""


def write(request: Request, choice: Choice | None = None) -> Written:
    """Write the script of a session, or of a track of a playlist.

    ``choice`` is one that ``choices`` returned; without it, the defaults are used. Raises
    RequestError if target and options do not fit, LibraryError if a text is missing or wrong,
    ScriptError if a script cannot be read or a template fails or exceeds a limit.
    """
    path = own.path_of(request.target)
    if path is not None:
        return own.write(request, path, lambda *source: _rendered(request, *source))
    if _has_strangers(request):
        from voiceguide.script import child

        script = KindScript(*child.ask(request, "write", choice=choice or {}))
    else:
        script = kept.script(request, choice or {}, _written)
    return Written(
        script.text,
        f"the script of {request.target}",
        tuple(files.sound_folders(request.options.library_path)),
        script.title,
        script.album,
        "-".join([request.target, *request.options.names()]),
        script.note,
    )


def choices(request: Request) -> list[list[Choice]]:
    """Return the choices for fitting a session to a length: lists, the best list first.

    Within a list, sessions get longer and longer. Raises as ``write`` does.
    """
    if is_own(request.target):
        return [[{}]]
    if _has_strangers(request):
        from voiceguide.script import child

        found: list[list[Choice]] = child.ask(request, "choices")
        return found
    from voiceguide.script import kind

    return kind.choices(request)


def is_own(target: str) -> bool:
    """Whether a target is a script, template or text of the listener's own."""
    return own.path_of(target) is not None


def about(request: Request, *, with_files: bool = False) -> subject.About:
    """Return the subject of a target and the tracks of its playlist; raises as ``write`` does.

    ``with_files`` is whether the files that tracks name have to be there.
    """
    if is_own(request.target):
        raise RequestError(f"{request.target} is a script: playlists are made of regions and kinds")
    return subject.about(request, with_files=with_files)


def pictured(request: Request) -> str | None:
    """Return the id of the region or kind that a target means; None for a script.

    Raises RequestError for an unknown target; LibraryError.
    """
    if is_own(request.target):
        return None
    found, library = subject.meant(request)
    return found.id if found.about == "itself" else library.region(request.target).id


def options_of(request: Request) -> list[str]:
    """Return the options that apply to a target, of those that only apply to certain kinds.

    Raises RequestError for an unknown target; LibraryError.
    """
    if is_own(request.target):
        return []
    return subject.meant(request)[0].options


def suiting(request: Request, optional: Collection[str]) -> dict[str, Any]:
    """Return the chosen options, without those among ``optional`` that the target has no use for.

    A script of the listener's own has no use for a length: it is as long as it says. Raises as
    ``options_of`` does.
    """
    path = own.path_of(request.target)
    values = request.options.chosen()
    applying = options_of(request)
    unused = {name for name in values if OPTIONS[name].of_kinds and name not in applying}
    if path is not None:
        unused |= {"minutes"} if own.is_template(path) else {"minutes", "variables"}
    if "variables" in (values.keys() & set(optional)) - unused:
        values["variables"] = _used(request)
    return {
        name: value for name, value in values.items() if name not in unused.intersection(optional)
    }


def _used(request: Request) -> dict[str, Any]:
    """Return the variables that a template or kind may use."""
    path, given = own.path_of(request.target), request.options.variables
    if path is not None:
        return own.used(path, given)
    known = subject.meant(request)[0].variables
    return {name: value for name, value in given.items() if name in known}


def method_of(request: Request) -> str | None:
    """Return the id of the method that a session takes; None for one that is not about a region.

    Raises as ``write`` does.
    """
    if is_own(request.target):
        return None
    found = subject.subject(request)
    is_region = found.kind.about == "region"
    return treatment.treatment(request, found.library).method.id if is_region else None


def _written(request: Request, choice: Choice) -> KindScript:
    from voiceguide.script import kind

    return kind.write(request, choice)


def _rendered(request: Request, source: str, name: str, folder: Path) -> str:
    from voiceguide.script import child

    text: str = child.ask(request, "own", name, source=source, template=name, folder=str(folder))
    return text


def _has_strangers(request: Request) -> bool:
    """Whether templates other than the package's own may be used."""
    own_folders = files.script_folders(request.options.library_path)[:-1]
    with contextlib.suppress(OSError):
        return any(
            path for folder in own_folders for names in _STRANGE for path in folder.glob(names)
        )
    return True
