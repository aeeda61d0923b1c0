"""The process in which a session or playlist is made: it can be stopped, and frees its memory.

It reports {"progress": 0.4} now and then. The result is null, or for a length that is not possible,
those that are: {"error": "…", "nearest_ms": […], "one_side_ms": 300000}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import Playlist, Session, export, playlist, script
from voiceguide.child import Asker, serve
from voiceguide.errors import LengthRequestError
from voiceguide.files import write_bytes
from voiceguide.phone.wanted import asked, without_target

if TYPE_CHECKING:
    from collections.abc import Callable

ABOUT, TIMELINE = "about.json", "session.json"
AUDIO, CAPTIONS, CHAPTERS = "session.mp3", "session.vtt", "session.chapters.json"
"""The files of a session, in a folder of its own."""

_STEP = 0.01


class Maker:
    """Makes what its methods are named after, and reports the progress."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def sessions(self, options: dict[str, Any], folder: str) -> dict[str, object] | None:
        """Make a session; return None, or why the length is not possible, and which are."""
        return self._make(make_session, options, folder)

    def playlists(self, options: dict[str, Any], folder: str) -> dict[str, object] | None:
        """Make a playlist; return None, or why the length is not possible, and which are."""
        return self._make(make_playlist, options, folder)

    def _make(
        self, make: Callable[..., None], options: dict[str, Any], folder: str
    ) -> dict[str, object] | None:
        try:
            make(options, Path(folder), self._progress())
        except LengthRequestError as error:
            return {
                "error": str(error),
                "nearest_ms": error.nearest_ms,
                "one_side_ms": error.one_side_ms,
            }
        return None

    def _progress(self) -> Callable[[float], None]:
        said = -1.0

        def progress(done: float) -> None:
            nonlocal said
            if done - said >= _STEP:
                said = done
                self._asker.tell(progress=round(done, 3))

        return progress


def make_session(options: dict[str, Any], folder: Path, progress: Callable[[float], None]) -> None:
    """Write a session, its timeline, and what is known about it into ``folder``.

    “region” is what it is about: the region's id, or that of a kind that is about itself.
    """
    session = Session(options["target"], **without_target(options))
    subject = script.about(session.request).region or session.request.target
    audio = session.export(folder / AUDIO, progress)
    for name, form in ((TIMELINE, "json"), (CAPTIONS, "vtt")):
        text = export.captions(
            session.timeline, form, title=session.title, language=session.language
        )
        write_bytes(folder / name, text.encode())
    write_bytes(folder / CHAPTERS, playlist.chapters(playlist.read(audio)))
    about = {
        "title": session.title,
        "region": subject,
        "language": session.language,
        "duration_ms": session.timeline.duration_ms,
        "file": session.default_path.name,
        "options": asked(options),
    }
    write_bytes(folder / ABOUT, json.dumps(about, ensure_ascii=False).encode())


def make_playlist(options: dict[str, Any], folder: Path, progress: Callable[[float], None]) -> None:
    """Write a playlist into ``folder``; tracks that exist already are not made again."""
    Playlist(options["target"], **without_target(options)).export(folder, progress)


if __name__ == "__main__":
    serve(Maker)
