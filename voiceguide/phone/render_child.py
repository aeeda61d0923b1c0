"""The process in which a session or playlist is made: it can be stopped, its memory is returned.

The work is JSON on standard input; answers are JSON, one a line, on standard output: {"progress":
0.4} now and then, at last {"done": true} or {"error": "…"}, where it hangs on the length with those
that can be had: {"error": "…", "nearest_ms": […], "one_side_ms": 300000}.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import Playlist, Session, export, playlist, script
from voiceguide.errors import LengthRequestError, VoiceguideError
from voiceguide.export import cover

if TYPE_CHECKING:
    from collections.abc import Callable

ABOUT, TIMELINE = "about.json", "session.json"
AUDIO, CAPTIONS, CHAPTERS = "session.mp3", "session.vtt", "session.chapters.json"
"""The files of a session, in a folder of its own."""

_STEP = 0.01


def main() -> None:
    """Do one piece of work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # cleaning up on the way
    # What an engine or a library prints must not be among the answers.
    say = functools.partial(_say, os.dup(sys.stdout.fileno()))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    work = json.load(sys.stdin)
    make = {"sessions": make_session, "playlists": make_playlist}[work["kind"]]
    with contextlib.suppress(BrokenPipeError):  # the server was killed
        try:
            make(work["options"], Path(work["folder"]), _progress(say))
            say({"done": True})
        except LengthRequestError as error:
            nearest = {"nearest_ms": error.nearest_ms, "one_side_ms": error.one_side_ms}
            say({"error": str(error), **nearest})
        except VoiceguideError as error:
            say({"error": str(error)})


def make_session(options: dict[str, Any], folder: Path, progress: Callable[[float], None]) -> None:
    """Write a session, its timeline, and what there is to know about it into ``folder``."""
    session = Session(options["target"], **_without_target(options))
    region = script.about(session.request).region or session.request.target
    tags = replace(session.tags, cover=cover.png(region))
    audio = session.export(folder / AUDIO, progress, tags=tags)
    for name, form in ((TIMELINE, "json"), (CAPTIONS, "vtt")):
        text = export.captions(
            session.timeline, form, title=session.title, language=session.language
        )
        export.write_bytes(folder / name, text.encode())
    export.write_bytes(folder / CHAPTERS, playlist.chapters(playlist.read(audio)))
    about = {
        "title": session.title,
        "region": region,
        "language": session.language,
        "duration_ms": session.timeline.duration_ms,
        "file": session.default_path.name,
        "options": options,
    }
    export.write_bytes(folder / ABOUT, json.dumps(about, ensure_ascii=False).encode())


def make_playlist(options: dict[str, Any], folder: Path, progress: Callable[[float], None]) -> None:
    """Write a playlist into ``folder``; what is there already is not made again."""
    Playlist(options["target"], **_without_target(options)).export(folder, progress)


def _without_target(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "target"}


def _progress(say: Callable[[dict[str, object]], None]) -> Callable[[float], None]:
    said = -1.0

    def progress(done: float) -> None:
        nonlocal said
        if done - said >= _STEP:
            said = done
            say({"progress": round(done, 3)})

    return progress


def _say(to: int, answer: dict[str, object]) -> None:
    os.write(to, f"{json.dumps(answer)}\n".encode())


if __name__ == "__main__":
    main()
