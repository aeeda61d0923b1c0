"""<lexicon> and <lookup>: which lexicons of a script apply to a text."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import ScriptError
from voiceguide.languages import same_language
from voiceguide.ssml import pls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voiceguide.errors import Findings
    from voiceguide.ssml.xml import Element

_AS_WRITTEN = "words are spoken as the voice reads them"


class Lexicons:
    """The lexicons of a script, by their ids, and those that apply where it is being read."""

    def __init__(self, folders: list[Path], problems: Findings, warnings: Findings) -> None:
        """Search ``folders`` for them; what is wrong is added to ``problems`` or ``warnings``."""
        self._folders = folders
        self._problems = problems
        self._warnings = warnings
        self._by_id: dict[str, pls.Document | None] = {}
        self._applying: list[pls.Document] = []
        self.remarks: list[str] = []
        """What is odd in their files."""

    def add(self, element: Element) -> None:
        """Read the lexicon that an element names."""
        uri = element.attributes.get("uri", "").strip()
        called = element.attributes.get("xml:id", "")
        named = uri and ":" not in uri  # no URL, no drive
        path = files.find(uri, self._folders) if named else None
        document = None
        if path is None:
            what = f"no lexicon {uri!r} beside the script or in the library"
            self._warnings.add(f"{what}: {_AS_WRITTEN}", element.at)
        else:
            try:
                document = pls.read(path)
            except ScriptError as error:
                for line in str(error).splitlines():
                    self._problems.add(line, element.at)
                return
            self.remarks += document.warnings
            if not called:
                what = "<lexicon> has no xml:id, so no <lookup> can name it"
                self._warnings.add(f"{what}: it is ignored", element.at)
        if called:
            self._by_id[called] = document

    @contextlib.contextmanager
    def applied(self, element: Element) -> Iterator[None]:
        """Apply the lexicon that a ``lookup`` names, before those around it."""
        ref = element.attributes.get("ref", "").strip()
        if ref not in self._by_id:
            what = f"no <lexicon> before has the xml:id “{ref}”" if ref else "<lookup> needs a ref"
            self._warnings.add(f"{what}: {_AS_WRITTEN}", element.at)
        document = self._by_id.get(ref)
        if document is None:
            yield
            return
        self._applying.append(document)
        yield
        self._applying.pop()

    def said(self, text: str, language: str) -> tuple[str, str]:
        """Return a text with aliases, and the same with its words in IPA in double brackets."""
        aliased, spoken = text, text.replace("[[", "")
        for document in reversed(self._applying):
            if same_language(document.language, language):
                aliased = document.lexicon.aliased(aliased)
                spoken = document.lexicon.applied(spoken)
        return aliased, spoken
