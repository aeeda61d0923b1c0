"""Things that are found by name: engines, devices, audio formats, caption formats; one table each.

The built-in ones are listed where the table is made. A package adds its own by entry points: its
pyproject.toml has a section ``[project.entry-points."voiceguide.devices"]`` with a line
``name = "module:thing"``. What a thing must provide is next to its table: ``voices.engine.Voices``
(voiceguide.engines), ``player.device.Opener`` (.devices), ``export.formats.Format`` (.formats) and
``export.views.View`` (.captions).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from voiceguide.errors import RequestError, VoiceguideError, near

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint

Thing = TypeVar("Thing")


class Table(Generic[Thing]):
    """Things by name; each is imported when it is first needed."""

    def __init__(self, group: str, ours: Mapping[str, str], what: str) -> None:
        """Make a table of ``ours`` ("module:attribute" or "module") and those of other packages.

        ``group`` is the group of their entry points, ``what`` the word for one thing in messages.
        """
        self.group = group
        self._ours = dict(ours)
        self._what = what

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self._theirs()

    @property
    def ours(self) -> list[str]:
        """The names of the built-in ones, in their order."""
        return list(self._ours)

    def names(self) -> list[str]:
        """Return all names: ours in their order, then those of other packages, sorted."""
        return [*self._ours, *sorted(self._theirs().keys() - self._ours.keys())]

    def load(self, name: str) -> Thing:
        """Return the thing with a name; ours, if a package has one of the same name.

        Raises RequestError for an unknown name, VoiceguideError if it cannot be imported. Its own
        VoiceguideError, such as for a library that it needs, is passed on.
        """
        if name in self._ours:
            return self._import_ours(name)
        theirs = self._theirs()
        if name in theirs:
            return self._import_theirs(theirs[name])
        raise RequestError(f"unknown {self._what} “{name}”{near(name, self)}")

    def _import_ours(self, name: str) -> Thing:
        module, _, attribute = self._ours[name].partition(":")
        try:
            loaded: Any = importlib.import_module(module)
        except ImportError as error:
            what = f"the {self._what} “{name}” cannot be loaded: {error}"
            raise VoiceguideError(f"{what}; install voiceguide again") from error
        thing: Thing = getattr(loaded, attribute) if attribute else loaded
        return thing

    def _import_theirs(self, entry: EntryPoint) -> Thing:
        try:
            thing: Thing = entry.load()
        except VoiceguideError:
            raise
        except Exception as error:  # a stranger's module may raise anything
            package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package"
            reason = " ".join(f"{type(error).__name__}: {error}".split())  # on one line
            raise VoiceguideError(
                f"the {self._what} “{entry.name}” of {package} cannot be loaded from "
                f"“{entry.value}” ({reason}); update that package, or uninstall it"
            ) from error
        return thing

    def _theirs(self) -> dict[str, EntryPoint]:
        """Return the entry points of the packages that are installed now, by name."""
        from importlib.metadata import entry_points  # slow to load, and not needed for ours

        entries: dict[str, EntryPoint] = {}
        for entry in entry_points(group=self.group):
            entries.setdefault(entry.name, entry)
        return entries
