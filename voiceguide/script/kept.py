"""Scripts that were written before, and what was chosen for a length, in the cache: as data.

To write a script, its templates are compiled and the library is read and checked: most of what
``voiceguide script`` does. A script only depends on the package's files and the request, and of
this not on length, voice and bed, so it is kept under a digest of both. With texts of the
listener's own, it is written each time.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from voiceguide import __version__, clock, files, library, options
from voiceguide.script import own
from voiceguide.script.request import KindScript

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from types import ModuleType

    from voiceguide.script.request import Choice, Request

MOST_BYTES = 20_000_000
"""How large the folder may grow: some 500 scripts."""
_CODE = (
    *sorted(str(path) for path in Path(__file__).parent.glob("*.py")),
    *sorted(str(path) for path in Path(library.__file__).parent.glob("*.py")),
    clock.__file__,
    options.__file__,
)
"""What decides how a script is written, besides its texts."""
_ALL = frozenset(options.OPTIONS)
_OF_SCRIPTS = frozenset(
    name for name, one in options.OPTIONS.items() if one.of_kinds or one.of_words
) - {"minutes", "max_length"}
"""The options on which a script depends; on a length, only what is chosen for it does."""


def script(
    request: Request, choice: Choice, write: Callable[[Request, Choice], KindScript]
) -> KindScript:
    """Return the script of a request, from the cache or from ``write``, which is then kept."""
    name = _name([request], choice, of=_OF_SCRIPTS)
    if name is None:
        return write(request, choice)
    store = files.Store(files.cache_folder() / "scripts", ".json")
    kept = store.read(name)
    if kept is not None:
        return KindScript(*json.loads(kept))
    written = write(request, choice)
    _keep(store, name, written)
    return written


class Kept(NamedTuple):
    """How sessions came to have a length, and what that depends on besides the request."""

    choice: Choice
    stretch: float
    """The factor by which their pauses were scaled."""
    lengths_ms: list[int]
    """How long each of their clips and sounds was."""


class KeptChoice:
    """What was chosen so that sessions have a length: the next time, nothing else is tried."""

    def __init__(
        self,
        requests: Sequence[Request],
        length_ms: int,
        voice_id: str,
        stages: Sequence[ModuleType],
    ) -> None:
        """Take all that decides, besides the lengths of clips; ``stages`` have its code."""
        is_ours = all(own.path_of(one.target) is None for one in requests)
        more = {"length_ms": length_ms, "voice": voice_id}
        code = [str(path) for one in stages for path in sorted(Path(one.__path__[0]).glob("*.py"))]
        self._name = _name(requests, more, code) if is_ours else None
        self._store = files.Store(files.cache_folder() / "choices", ".json")

    def read(self) -> Kept | None:
        """Return what was chosen, if anything was."""
        kept = self._store.read(self._name) if self._name else None
        return None if kept is None else Kept(*json.loads(kept))

    def write(self, choice: Choice, stretch: float, lengths_ms: Callable[[], list[int]]) -> None:
        """Keep what was chosen, if possible: not with texts of the listener's own."""
        if self._name:
            _keep(self._store, self._name, Kept(choice, stretch, lengths_ms()))


def _name(
    requests: Sequence[Request],
    more: Mapping[str, object],
    code: Sequence[str] = (),
    of: Collection[str] = _ALL,
) -> str | None:
    """Return a digest of all that decides how scripts are written; None if some are not ours.

    ``of`` are the options that are among it.
    """
    *others, packaged = files.script_folders(requests[0].options.library_path)
    if others:
        return None
    texts = [one for one in files.states(packaged) if one[0].endswith((".toml", ".jinja"))]
    stats = [(path, os.stat(path)) for path in (*_CODE, *code)]  # noqa: PTH116 (a Path takes long)
    programs = [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]
    sources = _digest((*texts, *programs))
    asked = [[one.target, _chosen(one, of), one.part, one.title] for one in requests]
    content = json.dumps([asked, more], sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(sources + content, digest_size=20).hexdigest()


def _chosen(request: Request, of: Collection[str]) -> dict[str, object]:
    return {name: value for name, value in request.options.chosen().items() if name in of}


def _keep(store: files.Store, name: str, content: object) -> None:
    store.write(name, json.dumps(content).encode())
    store.prune(MOST_BYTES)


@functools.lru_cache(maxsize=8)
def _digest(sources: tuple[tuple[str, int, int], ...]) -> bytes:
    """Return a digest of files, given with their sizes and times: they may be edited meanwhile."""
    versions = f"{__version__} {importlib.metadata.version('jinja2')}"
    digest = hashlib.blake2b(versions.encode(), digest_size=20)
    for path in (Path(name) for name, *_ in sources):
        content = path.read_bytes()
        digest.update(f"\0{path.name} {len(content)}\0".encode())
        digest.update(content)
    return digest.digest()
