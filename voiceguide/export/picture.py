"""Timeline -> a picture of it, to scale: as SVG, as a page, and as Jupyter shows a session.

Time runs from left to right, a minute a row. A row has lanes: chapters, sides, exercises (holds,
moves, stretches), breaths, words, tones, bed; those that nothing lies in are left out.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from voiceguide import clock
from voiceguide.export.lettering import cut
from voiceguide.export.rows import WIDTH_PX, add, legal, number, rows
from voiceguide.languages import primary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voiceguide.timeline import Event, Timeline

_HEAD_PX = 58
_ROW_GAP_PX = 16
_MARGIN_PX = 14
_TITLE_PX = 17

_COLORS = {
    "ground": ("#ffffff", "#12191c"),
    "ink": ("#16242a", "#e7eef0"),
    "muted": ("#51626a", "#a3b4bb"),
    "grid": ("#dde4e7", "#2a363b"),
    "chapter": ("#1f6f7d", "#5fb3c1"),
    "side": ("#7d4fa0", "#c3a1e0"),
    "hold": ("#c05a00", "#f2a65a"),
    "move": ("#1d62b5", "#82b4f2"),
    "stretch": ("#2c7a34", "#86cf8d"),
    "breath": ("#00798c", "#63cfe0"),
    "speech": ("#16242a", "#e7eef0"),
    "sound": ("#a3343f", "#f0919a"),
    "bed": ("#5c6f3b", "#b4c98c"),
}
"""Of each class: in the light, and in the dark."""

_STYLE = """
svg.voiceguide:root { color-scheme: light dark }
svg.voiceguide text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: currentColor }
svg.voiceguide .title { font-size: 17px; font-weight: bold }
svg.voiceguide .label { font-size: 10px }
svg.voiceguide .grid path { stroke: currentColor; fill: none }
svg.voiceguide .ground { fill: currentColor }
svg.voiceguide .band { fill: currentColor; fill-opacity: .2; stroke: currentColor }
svg.voiceguide .bar { fill: currentColor }
svg.voiceguide .curve { fill: currentColor; fill-opacity: .2 }
svg.voiceguide .line { fill: none; stroke: currentColor; stroke-width: 1.5 }
@media print { svg.voiceguide { max-width: 100%; height: auto } }
"""
_PAGE_STYLE = """
svg.voiceguide:root { color-scheme: light dark }
@page { size: landscape; margin: 12mm }
body { margin: 0 auto; max-width: 1290px; padding: 1rem; overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, sans-serif; background: #ffffff; color: #16242a; color-scheme: light }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem } h3 { font-size: 1rem; margin-bottom: .3rem }
a { color: #1d62b5 } ol { list-style: none; padding: 0 }
li { display: flex; gap: .7rem } time { min-width: 3.5rem; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto } .scroll svg { display: block }
@media screen and (prefers-color-scheme: dark) {
  body { background: #12191c; color: #e7eef0; color-scheme: dark } a { color: #82b4f2 } }
@media print { .scroll { overflow: visible } .scroll svg, li { break-inside: avoid } }
"""
_NO_REQUESTS = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_WORDS = {
    "en": {
        "chapter": "Chapter", "side": "Side", "exercise": "Exercise", "breath": "Breath",
        "speech": "Words", "sound": "Tones", "bed": "Bed",
        "hold": "Hold", "move": "Move", "stretch": "Stretch",
        "inhale": "Breathe in", "exhale": "Breathe out", "left": "left", "right": "right",
        "scale": "1 pixel is 50 ms, a row is 1 minute",
        "picture": "Picture", "chapters": "Chapters",
        "long": "This session is longer than 10 minutes, so it has no player here: "
        "play() plays it, and export() writes a file.",
    },
    "de": {
        "chapter": "Kapitel", "side": "Seite", "exercise": "Übung", "breath": "Atem",
        "speech": "Worte", "sound": "Töne", "bed": "Klangbett", "hold": "Halten", "move": "Bewegen",
        "stretch": "Dehnen", "inhale": "Einatmen", "exhale": "Ausatmen",
        "left": "links", "right": "rechts",
        "scale": "1 Pixel sind 50 ms, eine Zeile 1 Minute",
        "picture": "Bild", "chapters": "Kapitel",
        "long": "Diese Sitzung dauert länger als 10 Minuten und hat deshalb hier keinen Player: "
        "play() spielt sie, und export() schreibt eine Datei.",
    },
}  # fmt: skip
"""What the picture says of itself, by language; English for all others."""


def svg(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return the session as a picture, a file of its own."""
    yield ET.tostring(_picture(timeline, title, language), encoding="unicode") + "\n"


def html(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Return a page with the picture, the chapters, and what is said and when."""
    own, words = _words(language)
    page = ET.Element("html", lang=own)
    head = add(page, "head")
    add(head, "meta", charset="utf-8")
    add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(head, "meta", {"http-equiv": "Content-Security-Policy"}, content=_NO_REQUESTS)
    add(head, "title", text=title)
    add(head, "link", rel="icon", href="data:,")
    add(head, "style", text=_PAGE_STYLE + _style())
    main = add(add(page, "body"), "main")
    add(main, "h1", text=title, lang=language)
    add(main, "p", text=clock.text(timeline.duration_ms))
    chapters = add(add(main, "nav", {"aria-label": words["chapters"]}), "ol", lang=language)
    for place, chapter in enumerate(timeline.chapters):
        line = _timed(chapters, chapter.begin_ms)
        add(line, "a", text=chapter.title, href=f"#chapter-{place}")
    add(main, "h2", text=words["picture"])
    add(main, "p", text=words["scale"])
    scroll = add(main, "div", {"class": "scroll", "tabindex": "0", "role": "img"})
    scroll.set("aria-label", _name(timeline, title))
    for row, height in rows(timeline, language, words):  # each its own, so that no page cuts it
        one = _svg(height + _ROW_GAP_PX)
        one.set("aria-hidden", "true")
        one.append(row)
        scroll.append(one)
    add(main, "h2", text=words["speech"])
    said = add(main, "section", lang=language)
    for place, (heading, events) in enumerate(_by_chapter(timeline), start=-1):
        if heading is not None:
            add(said, "h3", text=heading, id=f"chapter-{place}")
        if events:
            spoken = add(said, "ol")
            for event in events:
                add(_timed(spoken, event.begin_ms), "span", text=event.text)
    yield "<!doctype html>\n" + ET.tostring(page, encoding="unicode", method="html") + "\n"


def notebook(timeline: Timeline, title: str, language: str, audio: bytes | None) -> str:
    """Return the picture with a player of ``audio``, an MP3 file, for Jupyter."""
    own, words = _words(language)
    figure = ET.Element("figure", lang=own, style="margin: 0")
    scroll = add(figure, "div", tabindex="0", style="overflow: auto; max-height: 640px")
    scroll.append(_picture(timeline, title, language))
    if audio is None:
        add(figure, "p", text=words["long"])
    else:
        source = "data:audio/mpeg;base64," + base64.b64encode(audio).decode("ascii")
        about = {"aria-label": title, "style": "width: 100%", "controls": "controls"}
        add(figure, "audio", about, src=source)
    return ET.tostring(figure, encoding="unicode", method="html")


def _by_chapter(timeline: Timeline) -> Iterator[tuple[str | None, list[Event]]]:
    """Return what is said before the first chapter, then each chapter's title and words."""
    begins = [chapter.begin_ms for chapter in timeline.chapters]
    ends = [*begins, timeline.duration_ms + 1]
    titles = [None, *(chapter.title for chapter in timeline.chapters)]
    spoken = [event for event in timeline.events if event.text is not None]
    for heading, begin_ms, end_ms in zip(titles, [-1, *begins], ends, strict=True):
        yield heading, [one for one in spoken if begin_ms <= one.begin_ms < end_ms]


def _timed(parent: ET.Element, ms: int) -> ET.Element:
    line = add(parent, "li")
    add(line, "time", text=clock.text(ms), datetime=f"PT{ms / 1000:.3f}S")
    return line


def _picture(timeline: Timeline, title: str, language: str) -> ET.Element:
    _, words = _words(language)
    drawn = list(rows(timeline, language, words))
    height = _HEAD_PX + sum(height + _ROW_GAP_PX for _, height in drawn)
    picture = _svg(height)
    picture.set("role", "img")
    picture.set("aria-label", _name(timeline, title))
    add(picture, "title", text=_name(timeline, title))
    add(picture, "style", text=_style())
    everything = {"class": "ground", "width": f"{WIDTH_PX}", "height": number(height)}
    add(picture, "rect", everything)
    head = cut(title, WIDTH_PX - 2 * _MARGIN_PX, 1.1 * _TITLE_PX)  # bold is wider
    add(picture, "text", {"class": "ink title", "lang": language}, text=head, x="14", y="26")
    about = f"{clock.text(timeline.duration_ms)} · {words['scale']}"
    add(picture, "text", {"class": "muted scale"}, text=about, x="14", y="44")
    top = float(_HEAD_PX)
    for row, row_height in drawn:
        row.set("transform", f"translate(0 {number(top)})")
        picture.append(row)
        top += row_height + _ROW_GAP_PX
    return picture


def _svg(height: float) -> ET.Element:
    size = {"width": f"{WIDTH_PX}", "height": number(height)}
    about = {"class": "voiceguide", "viewBox": f"0 0 {WIDTH_PX} {number(height)}"}
    return ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **about, **size})


def _style() -> str:
    light, dark = (
        "".join(f"svg.voiceguide .{name} {{ color: {colors[which]} }}\n"
                for name, colors in _COLORS.items())
        for which in (0, 1)
    )  # fmt: skip
    return f"{_STYLE}{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _name(timeline: Timeline, title: str) -> str:
    return legal(f"{title} ({clock.text(timeline.duration_ms)})")


def _words(language: str) -> tuple[str, dict[str, str]]:
    own = primary(language) if primary(language) in _WORDS else "en"
    return own, _WORDS[own]
