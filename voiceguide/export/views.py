"""Timeline -> what is heard, to read: text, JSON, WebVTT, LRC."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voiceguide.timeline import Event, Timeline


def captions(timeline: Timeline, form: str, *, title: str, language: str) -> str:
    """Return what is heard, as "text", "json", "vtt" (WebVTT) or "lrc".

    The JSON has the keys title, language, duration_ms, chapters, events and marks.
    """
    return "".join(
        {"text": _text, "json": _json, "vtt": _vtt, "lrc": lrc}[form](timeline, title, language)
    )


def summary(timeline: Timeline) -> str:
    """Return in a few words what is heard, and for how long."""
    phrases = len(spoken(timeline))
    counts = {
        "chapter": len(timeline.chapters),
        "phrase": phrases,
        "sound": len(timeline.events) - phrases,
    }
    length = clock(timeline.duration_ms, hours=True)
    return ", ".join(
        [length, *(f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items())]
    )


def spoken(timeline: Timeline) -> list[tuple[int, str]]:
    """Return the begin and the words of each speech."""
    return [(event.begin_ms, event.text) for event in timeline.events if event.text is not None]


def _text(timeline: Timeline, title: str, _language: str) -> Iterator[str]:
    yield f"{title} ({clock(timeline.duration_ms)})\n"
    chapters = list(timeline.chapters)
    for begin_ms, text in spoken(timeline):
        while chapters and chapters[0].begin_ms <= begin_ms:
            yield f"\n{chapters.pop(0).title}\n"
        yield f"{clock(begin_ms)}  {text}\n"
    for chapter in chapters:
        yield f"\n{chapter.title}\n"


def _json(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    document = {
        "title": title,
        "language": language,
        "duration_ms": timeline.duration_ms,
        "chapters": [
            {"title": chapter.title, "begin_ms": chapter.begin_ms, "end_ms": chapter.end_ms}
            for chapter in timeline.chapters
        ],
        "events": [*_bed(timeline), *map(_event, timeline.events)],
        "marks": [asdict(mark) for mark in timeline.marks],
    }
    yield json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _bed(timeline: Timeline) -> Iterator[dict[str, object]]:
    if timeline.bed:
        yield {
            "kind": "bed",
            "begin_ms": timeline.bed.begin_ms,
            "end_ms": timeline.duration_ms,
            "text": None,
            "source": timeline.bed.source,
            "gain_db": round(timeline.bed.gain_db, 2),
            "words": None,
        }


def _event(event: Event) -> dict[str, object]:
    return {
        "kind": event.kind,
        "begin_ms": event.begin_ms,
        "end_ms": event.end_ms,
        "text": event.text,
        "source": event.source,
        "gain_db": round(event.gain_db, 2),
        "words": None,
    }


def _vtt(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return WebVTT (https://www.w3.org/TR/webvtt1/)."""
    yield f"WEBVTT - {title}\nLanguage: {language}\n"
    for event in timeline.events:
        if event.text is not None:
            times = (clock(ms, hours=True) for ms in (event.begin_ms, event.end_ms))
            text = event.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            yield f"\n{' --> '.join(times)}\n{text}\n"


def lrc(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return LRC, whose times are minutes, seconds and hundredths."""
    yield f"[ti:{title}]\n[ar:voiceguide]\n[la:{language}]\n"
    yield f"[length:{clock(timeline.duration_ms)}]\n"
    for begin_ms, text in spoken(timeline):
        minutes, ms = divmod(begin_ms, 60_000)
        yield f"[{minutes:02}:{ms // 1000:02}.{ms % 1000 // 10:02}]{text}\n"


def clock(ms: int, *, hours: bool = False) -> str:
    """Write a time as 12:34, or with ``hours`` as 00:12:34.567."""
    seconds, ms = divmod(ms, 1000)
    if not hours:
        return f"{seconds // 60}:{seconds % 60:02}"
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
