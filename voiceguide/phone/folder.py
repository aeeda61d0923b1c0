"""The folder of a published site: what is its own in there, and what of it has to go."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide.errors import ExportError
from voiceguide.files import remove, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RECORD = ".voiceguide-site.json"
"""The names of the files of a site, so that they can be removed, and no others."""
_HAS_OTHERS = (errno.ENOTEMPTY, errno.EEXIST)


class Files:
    """The files of a site: what is written, and in the end, what is not part of it any longer."""

    def __init__(self, folder: Path, parts: Sequence[str]) -> None:
        """Open the ``folder`` of a site; one that is new may have none of the ``parts``.

        Raises ExportError.
        """
        self.folder = folder
        self._now: set[str] = set()
        try:
            listed = map(str, json.loads((folder / RECORD).read_bytes()))
            self._before = {name for name in listed if name.isprintable()}  # as all of ours are
        except FileNotFoundError:
            self._before = set()
            for name in parts:
                if (folder / name).exists():
                    what = f"{folder} already has “{name}”, which publish did not make"
                    raise ExportError(f"{what}; choose another folder (-o)") from None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ExportError(
                f"{folder / RECORD}: cannot be read: {error}; choose another folder (-o)"
            ) from error

    def claim(self, names: Iterable[str]) -> None:
        """Note names as the site's own, before they are written."""
        self._now |= set(names)
        self._note(self._before | self._now)

    def write(self, name: str, content: bytes | str) -> None:
        """Write a file, unless it is there already."""
        self._now.add(name)
        write_bytes(self.folder / name, content.encode() if isinstance(content, str) else content)

    def finish(self) -> None:
        """Remove what is not part of the site any longer."""
        root = self.folder.resolve()
        again: set[str] = set()
        for name in sorted(self._before - self._now):
            path = self.folder / name
            if path.resolve().is_relative_to(root):  # whoever may have written the record
                remove(path)
                try:
                    for folder in path.parents[: len(Path(name).parts) - 1]:
                        folder.rmdir()
                except FileNotFoundError:
                    pass  # with another name
                except OSError as error:
                    if error.errno not in _HAS_OTHERS:
                        again.add(name)  # the next run removes its folder
        self._note(self._now | again)

    def _note(self, names: Iterable[str]) -> None:
        write_bytes(self.folder / RECORD, json.dumps(sorted(names), indent=0).encode())
