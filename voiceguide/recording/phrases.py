"""The phrases to record: all that sessions need, as a list and as a sheet to read from.

phrases.csv   name, text, language, session, chapter, times
phrases.html  the same in large type, to print
"""

from __future__ import annotations

import csv
import html
import io
import itertools
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from voiceguide.errors import LibraryError
from voiceguide.files import write_bytes
from voiceguide.voices import recordings
from voiceguide.voices.recordings import LIST, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from voiceguide.session import Session

SHEET = "phrases.html"

_STYLE = """
  body { font: 20pt/1.5 Georgia, serif; max-width: 32em; margin: 2em auto; padding: 0 1em; }
  header { font: 11pt/1.5 sans-serif; }
  h1 { font-size: 18pt; } h2 { font-size: 14pt; margin: 2em 0 0.5em; break-after: avoid; }
  h3 { font: italic 12pt sans-serif; break-after: avoid; }
  ol { list-style: none; padding: 0 0 0 1.5em; }
  li { margin: 0 0 0.9em; break-inside: avoid; }
  li::before { content: attr(value); float: left; margin-left: -3em; width: 2.5em;
    text-align: right; font: 11pt/30pt sans-serif; color: #666; }
  small { display: block; font: 9pt monospace; color: #666; }
"""

_ADVICE = """<p>A quiet room, a hand's breadth from the microphone. Read each phrase calmly and
evenly, as if to one person lying on the floor. Leave a second of silence before and after.</p>
<p><code>voiceguide record</code> records them one by one. With another program, save each
under the name below it: WAV, FLAC, MP3, OGG or AIFF.</p>
"""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to record."""

    name: str
    """The name of its file, without suffix."""
    text: str
    language: str
    session: str
    """The title of the first session that says it."""
    chapter: str
    """The first chapter there that says it."""
    times: int
    """How often it occurs in the scripts of all these sessions."""


def phrases_in(sessions: Iterable[Session]) -> list[Phrase]:
    """Return what sessions say, each phrase once, in the order of their first use.

    So what belongs together is recorded together. Raises a VoiceguideError of a session.
    """
    phrases: dict[str, Phrase] = {}
    for session in sessions:
        for chapter, utterance in session.utterances:
            text = " ".join(utterance.text.split())
            name = name_of(text, utterance.language)
            phrase = phrases.get(name) or Phrase(
                name, text, utterance.language, session.title, chapter or "", 0
            )
            phrases[name] = replace(phrase, times=phrase.times + 1)
    return list(phrases.values())


def read(folder: Path) -> list[Phrase]:
    """Return the list in ``folder``; raises LibraryError that says where it is wrong."""
    path = folder / LIST
    columns = [field.name for field in fields(Phrase)]
    try:
        rows = recordings.rows(folder)
    except FileNotFoundError as error:
        fix = f"“voiceguide phrases calf -o {folder}” creates it"
        raise LibraryError(f"{path}: no such list of phrases; {fix}") from error
    phrases = []
    for number, row in enumerate(rows, 2):
        values = {name: row.get(name) or "" for name in columns}
        if values["name"] != name_of(values["text"], values["language"]):
            what = "the name does not match the text and the language"
            fix = f"delete the list, then “voiceguide phrases … -o {folder}” creates it again"
            raise LibraryError(f"{path}: row {number}: {what}; {fix}")
        times = values.pop("times")
        phrases.append(Phrase(**values, times=int(times) if re.fullmatch(r"\d{1,9}", times) else 0))
    return phrases


def write(phrases: list[Phrase], folder: Path) -> list[Phrase]:
    """Add ``phrases`` to the list in ``folder``, and write its sheet; return all that it lists now.

    Raises ExportError; a file is written completely or not at all.
    """
    by_name = {one.name: one for one in (read(folder) if (folder / LIST).exists() else [])}
    by_name |= {one.name: one for one in phrases}
    every = list(by_name.values())
    write_bytes(folder / LIST, _as_csv(every).encode())
    write_bytes(folder / SHEET, _as_html(every).encode())
    return every


def _as_csv(phrases: list[Phrase]) -> str:
    rows = io.StringIO(newline="")
    writer = csv.DictWriter(rows, [field.name for field in fields(Phrase)])
    writer.writeheader()
    writer.writerows(map(asdict, phrases))
    return "\ufeff" + rows.getvalue()  # without this mark, Excel does not read it as UTF-8


def _as_html(phrases: list[Phrase]) -> str:
    language = html.escape(phrases[0].language if phrases else "en", quote=True)
    lines = [
        f'<!doctype html>\n<html lang="{language}">\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{len(phrases)} phrases to record</title>\n<style>{_STYLE}</style>",
        f"<header>\n<h1>{len(phrases)} phrases to record</h1>",
        f"{_ADVICE}</header>",
    ]
    numbered = enumerate(phrases, 1)
    for session, of_session in itertools.groupby(numbered, lambda one: one[1].session):
        lines.append(f"<h2>{html.escape(session)}</h2>")
        for chapter, of_chapter in itertools.groupby(of_session, lambda one: one[1].chapter):
            lines += [f"<h3>{html.escape(chapter)}</h3>"] * bool(chapter) + ["<ol>"]
            lines += [
                f'<li value="{number}" lang="{html.escape(one.language, quote=True)}">'
                f"{html.escape(one.text)} <small>{one.name}</small></li>"
                for number, one in of_chapter
            ]
            lines.append("</ol>")
    return "\n".join([*lines, "</html>", ""])
