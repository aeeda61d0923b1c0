"""The process in which a session or playlist is made: it can be stopped, its memory is returned.

The work is JSON on standard input; answers are JSON, one a line, on standard output: {"progress":
0.4} now and then, at last {"done": true} or {"error": "…", "nearest_ms": […]}.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import Playlist, Session, cover, export, library, playlist
from voiceguide.errors import LengthRequestError, VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Callable

ABOUT, TIMELINE = "about.json", "session.json"
AUDIO, CAPTIONS, CHAPTERS = "session.mp3", "session.vtt", "session.chapters.json"
"""The files of a session, in a folder of its own."""

_STEP = 0.01


def main() -> None:
    """Do one piece of work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # cleaning up on the way
    work = json.load(sys.stdin)
    make = {"sessions": make_session, "playlists": make_playlist}[work["kind"]]
    try:
        make(work["options"], Path(work["folder"]), _progress())
        _say({"done": True})
    except VoiceguideError as error:
        nearest_ms = error.nearest_ms if isinstance(error, LengthRequestError) else ()
        _say({"error": str(error), "nearest_ms": nearest_ms})


def make_session(options: dict[str, Any], folder: Path, progress: Callable[[float], None]) -> None:
    """Write a session, its timeline, and what there is to know about it into ``folder``."""
    session = Session(**options)
    region = library.load(session.language).region(options["target"])
    tags = replace(session.tags, cover=cover.png(region.id))
    audio = session.export(folder / AUDIO, progress, tags=tags)
    for name, form in ((TIMELINE, "json"), (CAPTIONS, "vtt")):
        text = export.captions(
            session.timeline, form, title=session.title, language=session.language
        )
        export.write_bytes(folder / name, text.encode())
    export.write_bytes(folder / CHAPTERS, playlist.chapters(playlist.read(audio)))
    about = {
        "title": session.title,
        "region": region.id,
        "language": session.language,
        "duration_ms": session.timeline.duration_ms,
        "file": session.default_path.name,
        "options": options,
    }
    export.write_bytes(folder / ABOUT, json.dumps(about, ensure_ascii=False).encode())


def make_playlist(options: dict[str, Any], folder: Path, progress: Callable[[float], None]) -> None:
    """Write a playlist into ``folder``; what is there already is not made again."""
    Playlist(**options).export(folder, progress)


def _progress() -> Callable[[float], None]:
    said = -1.0

    def progress(done: float) -> None:
        nonlocal said
        if done - said >= _STEP:
            said = done
            _say({"progress": round(done, 3)})

    return progress


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 (to the server; if it is gone, this ends)


if __name__ == "__main__":
    main()
