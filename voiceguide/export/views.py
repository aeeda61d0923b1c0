"""Timeline -> text, JSON, WebVTT or LRC; and the table of such views."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from voiceguide import clock
from voiceguide.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voiceguide.timeline import Event, Timeline


class View(Protocol):
    """A way to show a session as text, an entry of ``CAPTIONS``."""

    def __call__(self, timeline: Timeline, title: str, language: str, /) -> Iterable[str]:
        """Return the pieces of the text, with line ends; ``language`` is a BCP 47 tag."""


CAPTIONS: Table[View] = Table(
    "voiceguide.captions",
    {
        "text": "voiceguide.export.views:text",
        "json": "voiceguide.export.views:document",
        "vtt": "voiceguide.export.views:vtt",
        "srt": "voiceguide.export.views:srt",
        "lrc": "voiceguide.export.views:lrc",
        "svg": "voiceguide.export.picture:svg",
        "html": "voiceguide.export.picture:html",
    },
    "caption format",
)
"""The formats of ``captions``."""


def captions(timeline: Timeline, form: str, *, title: str, language: str) -> str:
    """Return what is heard in a format of ``CAPTIONS``; raises RequestError for an unknown one.

    “text” is for people, “json” for programs, “vtt” (WebVTT) and “lrc” for players, “svg”
    is a picture, and “html” a page with it.
    """
    return "".join(CAPTIONS.load(form)(timeline, title, language))


def summary(timeline: Timeline) -> str:
    """Return a short summary: length, and the number of chapters, phrases and sounds."""
    phrases = len(spoken(timeline))
    counts = {
        "chapter": len(timeline.chapters),
        "phrase": phrases,
        "sound": len(timeline.events) - phrases,
    }
    length = clock.stamp(timeline.duration_ms)
    return ", ".join(
        [length, *(f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items())]
    )


def spoken(timeline: Timeline) -> list[tuple[int, str]]:
    """Return the begin and the words of each speech."""
    return [(event.begin_ms, event.text) for event in timeline.events if event.text is not None]


def text(timeline: Timeline, title: str, _language: str) -> Iterator[str]:
    """Return title, chapters and words with times."""
    yield f"{title} ({clock.text(timeline.duration_ms)})\n"
    chapters = list(timeline.chapters)
    for begin_ms, words in spoken(timeline):
        while chapters and chapters[0].begin_ms <= begin_ms:
            yield f"\n{chapters.pop(0).title}\n"
        yield f"{clock.text(begin_ms)}  {words}\n"
    for chapter in chapters:
        yield f"\n{chapter.title}\n"


def document(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return JSON with the keys title, language, duration_ms, chapters, events and marks."""
    content = {
        "title": title,
        "language": language,
        "duration_ms": timeline.duration_ms,
        "chapters": [asdict(chapter) for chapter in timeline.chapters],
        "events": [*_bed(timeline), *map(_event, timeline.events)],
        "marks": [asdict(mark) for mark in timeline.marks],
    }
    yield json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _bed(timeline: Timeline) -> Iterator[dict[str, object]]:
    if timeline.bed:
        yield {
            "kind": "bed",
            "begin_ms": timeline.bed.at_ms,
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
        "words": [
            {
                "text": word.text,
                "begin_ms": event.begin_ms + word.begin_ms,
                "end_ms": event.begin_ms + word.end_ms,
            }
            for word in event.words
        ]
        or None,
    }


def pieces(event: Event) -> list[tuple[int, str]]:
    """Return the text of speech in pieces that begin with a word, and when each begins.

    Together they are the whole text; it is one piece if the times of its words are not known.
    """
    text = event.text or ""
    found: list[tuple[int, str]] = []
    at = 0
    for word, following in itertools.zip_longest(event.words, event.words[1:]):
        end = len(text) if following is None else text.find(following.text, at + len(word.text))
        if end < 0:
            return [(event.begin_ms, text)]
        found.append((event.begin_ms + (word.begin_ms if found else 0), text[at:end]))
        at = end
    return found or [(event.begin_ms, text)]


def vtt(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return WebVTT (https://www.w3.org/TR/webvtt1/), with a timestamp before each word."""
    yield f"WEBVTT - {title}\nLanguage: {language}\n"
    for event in timeline.events:
        if event.text is not None:
            times = (clock.stamp(ms) for ms in (event.begin_ms, event.end_ms))
            (_, first), *others = [(ms, _escaped(words)) for ms, words in pieces(event)]
            words = first + "".join(f"<{clock.stamp(ms)}>{words}" for ms, words in others)
            yield f"\n{' --> '.join(times)}\n{words}\n"


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def srt(timeline: Timeline, _title: str, _language: str) -> Iterator[str]:
    """Return SubRip: numbered captions, whose times have a comma before the milliseconds."""
    said = (event for event in timeline.events if event.text is not None)
    for number, event in enumerate(said, 1):
        times = (clock.stamp(ms).replace(".", ",") for ms in (event.begin_ms, event.end_ms))
        yield f"{number}\n{' --> '.join(times)}\n{event.text}\n\n"


def lrc(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return LRC; its times are minutes, seconds and hundredths, without hours.

    The time of each word stands before it, in the enhanced form.
    """
    yield f"[ti:{title}]\n[ar:voiceguide]\n[la:{language}]\n"
    minutes, seconds = divmod(timeline.duration_ms // 1000, 60)
    yield f"[length:{minutes}:{seconds:02}]\n"
    for event in timeline.events:
        if event.text is not None:
            timed = pieces(event)
            words = "".join(f"<{_lrc_time(ms)}>{words}" for ms, words in timed)
            yield f"[{_lrc_time(event.begin_ms)}]{words if len(timed) > 1 else event.text}\n"


def _lrc_time(ms: int) -> str:
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes:02}:{ms // 1000:02}.{ms % 1000 // 10:02}"
