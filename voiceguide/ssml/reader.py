"""Elements -> cue tree.

Audio only comes from the given folders; nothing is downloaded.

More than 400 lines: a method for each element, and they call each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from voiceguide import files
from voiceguide.errors import Findings, ScriptError, near
from voiceguide.languages import same_language
from voiceguide.phonemes import marked
from voiceguide.ssml import pls, say_as, values, vendors, xml
from voiceguide.ssml.cues import (
    CHAPTER,
    SPAN_KINDS,
    UNTIMED,
    Group,
    Mark,
    Pause,
    Script,
    Sound,
    Style,
    SyncBase,
    Timing,
    walk,
)
from voiceguide.ssml.elements import ATTRIBUTES, ESPEAK, LONGEST_SHOWN, Attributes, local_name
from voiceguide.ssml.flow import Flow, speakable
from voiceguide.ssml.lexicons import Lexicons
from voiceguide.ssml.values import STRENGTH_MS
from voiceguide.ssml.xml import Element

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TITLE = "{http://purl.org/dc/elements/1.1/}title"  # Dublin Core
_EMPTY = ("break", "mark", "meta", "lexicon")
_SILENT = ("desc", "lexicon", "meta", "metadata")
_MOST_COMPARED = 1000
"""How many marks of other names are compared with ours, which takes a while."""
_PLACES = ("bookmark", "viseme")
"""Elements of others that only mark a place."""


def parse(  # noqa: PLR0913 (each by its name)
    text: str | bytes,
    *,
    name: str,
    folders: list[Path],
    language: str = "en",
    problems: Findings | None = None,
    lexicons: list[Path] | None = None,
    columns: bool = True,
) -> Script:
    """Return the script in SSML ``text``.

    ``name`` is used in messages, ``folders`` are searched for ``audio src``, and those of
    ``lexicons`` for ``lexicon uri`` (by default the same); ``language`` applies if there is no
    xml:lang. Raises ScriptError with a line for each mistake; with ``problems``,
    mistakes are added to it instead, and only text that is not SSML at all is raised. Without
    ``columns``, messages name the first of each line.
    """
    reader = _Reader(folders, folders if lexicons is None else lexicons)
    root, content = xml.read(text, name, reader.warnings, columns=columns)
    if local_name(root) != "speak":
        shown = local_name(root) or root.tag
        raise ScriptError(f"{name}:{root.at}: the root is <{shown}>, but must be <speak>")
    style = Style(_tag(root.attributes.get("xml:lang")) or language)
    cue = reader.document(root, content, style)
    _check_references(cue, reader.problems)
    _check_marks(cue, reader.warnings)
    if problems is not None:
        problems.include(reader.problems)
    elif reader.problems:
        raise ScriptError("\n".join(reader.problems.report(name)))
    return Script(cue, style.language, reader.title, tuple(reader.remarks(name)))


class _Reader:
    """Walks the elements and collects mistakes, so that an author sees all of them at once."""

    def __init__(self, folders: list[Path], lexicons: list[Path]) -> None:
        self.problems = Findings()
        self.warnings = Findings()
        self._attributes = Attributes(self.problems, self.warnings)
        self._folders = folders
        self._lexicons = Lexicons(lexicons, self.problems, self.warnings)
        self._found: dict[str, Path | None] = {}
        self.title: str | None = None

    def remarks(self, name: str) -> Iterator[str]:
        """Return a line for each warning."""
        yield from self.warnings.report(name)
        yield from self._lexicons.remarks

    def document(self, root: Element, content: Iterator[Element | xml.Text], style: Style) -> Group:
        """Return ``content`` as a seq; sets the title."""
        self._attributes.check(root)
        flow = Flow()
        for item in content:
            self._item(item, style, flow)
            if self.title is None and isinstance(item, Element):
                titles = (part.own_text.split() for part in item.walk() if part.tag == _TITLE)
                self.title = next((" ".join(words) for words in titles if words), None)
        flow.flush()
        return Group("seq", tuple(flow.cues), root.at)

    def _sequence(self, element: Element, style: Style, timing: Timing = UNTIMED) -> Group:
        flow = Flow()
        self._content(element, style, flow)
        flow.flush()
        return Group("seq", tuple(flow.cues), element.at, timing)

    def _content(self, element: Element, style: Style, flow: Flow) -> None:
        for item in element.content:
            self._item(item, style, flow)

    def _item(self, item: Element | xml.Text, style: Style, flow: Flow) -> None:
        if isinstance(item, xml.Text):
            said = self._lexicons.said(item.text, style.language)
            flow.text(item.text, style, item.at, *said)
        else:
            self._element(item, style, flow)

    def _element(  # noqa: C901, PLR0912, PLR0915 (a case for each element)
        self, element: Element, style: Style, flow: Flow
    ) -> None:
        local = local_name(element)
        if local in ATTRIBUTES:
            self._attributes.check(element)
        if local is None or "xml:lang" in ATTRIBUTES.get(local, ()):
            style = _in_language(style, element.attributes.get("xml:lang"))
        if local in _EMPTY and (element.own_text.strip() or any(element.children)):
            self._warn(element, f"<{local}> has content: it is ignored")
        match local:
            case "speak":
                self._apart(element, style, flow)
            case "p" | "s":
                self._apart(element, style, flow)
                flow.gap(STRENGTH_MS["weak" if local == "s" else "strong"])
            case "break":
                self._break(element, flow)
            case "prosody":
                self._prosody(element, style, flow)
            case "emphasis":
                self._emphasis(element, style, flow)
            case "mark":
                self._mark(element, flow)
            case "audio":
                self._audio(element, style, flow)
            case "par" | "seq":
                flow.add(self._group(local, element, style))
            case "media":
                flow.add(self._sequence(element, style, self._attributes.timing(element)))
            case "voice":
                self._content(element, replace(style, voice=self._attributes.voice(element)), flow)
            case "sub":
                self._sub(element, style, flow)
            case "say-as":
                self._say_as(element, style, flow)
            case "phoneme":
                self._phoneme(element, style, flow)
            case "token" | "w":  # a separate word, even without spaces
                flow.text(" ", style, element.at)
                self._content(element, style, flow)
                flow.text(" ", style, element.at)
            case "lang":
                self._content(element, style, flow)
            case "lexicon":
                self._lexicons.add(element)
            case "lookup":
                with self._lexicons.applied(element):
                    self._content(element, style, flow)
            case "desc" | "meta" | "metadata":
                pass  # not meant to be heard
            case None:  # of another namespace: its content is spoken
                self._foreign(element, style, flow)
            case _ if local in vendors.UNPREFIXED:
                self._foreign(element, style, flow)
            case _:
                what = f"<{local}> is not an element of SSML 1.1, nor par, seq or media"
                self._problem(element, f"{what}{near(str(local), ATTRIBUTES, shown='<{}>')}")
                self._content(element, style, flow)  # to find more mistakes

    def _foreign(self, element: Element, style: Style, flow: Flow) -> None:
        called = f"<{element.written}>"
        try:
            ms, left_out = vendors.pause_ms(element)
        except ValueError as error:
            ms, left_out = None, f"{error}: it is ignored"
        style, unlike = vendors.styled(element, style)
        for what in filter(None, (left_out, unlike)):
            self._warn(element, f"{called} {what}")
        if ms is not None:
            flow.add(Pause(ms, elastic=False, at=element.at))
        elif not element.content:
            flow.text(" ", style, element.at)  # it stands between two words
            if element.name not in _PLACES and not left_out and not unlike:
                self._warn(element, f"{called} is not supported: it is ignored")
        self._content(element, style, flow)

    def _apart(self, element: Element, style: Style, flow: Flow) -> None:
        flow.flush()
        self._content(element, style, flow)
        flow.flush()

    def _break(self, element: Element, flow: Flow) -> None:
        bare = values.is_bare(element.attributes.get("time", "").strip())
        if bare:
            what = f"<break time={element.attributes['time']!r}> has no unit: it is read as seconds"
            self._warn(element, what)
        read = values.clock_value if bare else values.duration
        time = self._attributes.read(element, "time", read)
        strength = element.attributes.get("strength", "medium").strip()
        if strength not in STRENGTH_MS:
            self._attributes.not_among(element, "strength", STRENGTH_MS)
        elif time is None:
            flow.add(Pause(STRENGTH_MS[strength], elastic=True, at=element.at))
        else:
            flow.add(Pause(time, elastic=False, at=element.at))

    def _prosody(self, element: Element, style: Style, flow: Flow) -> None:
        rate = self._attributes.read(element, "rate", values.rate)
        pitch = self._attributes.read(element, "pitch", values.pitch)
        volume = self._attributes.read(element, "volume", values.volume)
        for name, read, older in (
            ("rate", rate, values.is_older_rate), ("volume", volume, values.is_older_volume)
        ):  # fmt: skip
            written = element.attributes.get(name, "").strip()
            if read is not None and older(written):
                better = f"{read:.0%}" if name == "rate" else f"{read:+.1f}dB"
                what = f"is of SSML 1.0: it is read as {better}"
                self._warn(element, f"<prosody {name}={written!r}> {what}")
        if element.attributes.get("pitch", "").strip().endswith("Hz"):
            self._warn(element, "<prosody pitch> in Hz is ignored: write semitones (+2st)")
        style = replace(
            style,
            rate=style.rate * (rate or 1.0),
            pitch_st=style.pitch_st + (pitch or 0.0),
            gain_db=style.gain_db + (volume or 0.0),
        )
        self._content(element, style, flow)

    def _emphasis(self, element: Element, style: Style, flow: Flow) -> None:
        level = element.attributes.get("level", "moderate").strip()
        if level not in values.EMPHASES:
            self._attributes.not_among(element, "level", values.EMPHASES)
        manner = values.EMPHASES.get(level, values.EMPHASES["none"])
        self._content(element, manner.of(style), flow)

    def _sub(self, element: Element, style: Style, flow: Flow) -> None:
        if "alias" not in element.attributes:
            self._problem(element, "<sub> needs an alias: the text to speak")
        flow.text(element.attributes.get("alias", ""), style, element.at)

    def _say_as(self, element: Element, style: Style, flow: Flow) -> None:
        kind = element.attributes.get("interpret-as", "").strip()
        written = element.own_text
        spoken = None
        if not kind:
            self._problem(element, "<say-as> needs interpret-as: date, ordinal, characters …")
        elif kind not in say_as.KINDS:
            what = f"<say-as interpret-as={kind[:LONGEST_SHOWN]!r}> is unknown"
            self._warn(element, f"{what}: it is spoken as written")
        elif any(element.children):
            self._warn(element, "<say-as> contains elements: it is spoken as written")
        elif written.strip():
            form = element.attributes.get("format")
            spoken = say_as.words(written, kind, form and form.strip(), style.language)
            if spoken is None or not speakable(spoken):
                spoken = None
                written = " ".join(written.split())[:LONGEST_SHOWN]
                what = f"“{written}” cannot be said as {kind}: it is spoken as written"
                self._warn(element, what)
        if spoken is None:
            self._content(element, style, flow)
        else:
            flow.text(spoken, style, element.at)

    def _phoneme(self, element: Element, style: Style, flow: Flow) -> None:
        alphabet = element.attributes.get("alphabet", "ipa").strip().lower()
        known = alphabet == "ipa" or alphabet in ESPEAK
        written = " ".join(element.attributes.get("ph", "").split())
        if not written:
            self._problem(element, "<phoneme> needs ph: how its content sounds")
        content = element.own_text
        if not content.strip():
            self._warn(element, "<phoneme> without text cannot be shown: nothing is spoken")
        elif not known:
            what = f"<phoneme alphabet={alphabet[:LONGEST_SHOWN]!r}> is not supported"
            self._warn(element, f"{what}: its content is spoken instead")
        else:
            ipa = pls.ipa(written, alphabet, style.language)
            if ipa and not any(element.children):
                flow.text(content, style, element.at, content, marked(ipa))
                return
            self._warn(element, "<phoneme> cannot be read: its content is spoken instead")
        self._content(element, style, flow)

    def _mark(self, element: Element, flow: Flow) -> None:
        name = " ".join(element.attributes.get("name", "").split())
        if not name.removeprefix(CHAPTER):
            self._problem(element, "<mark> needs a name, and a chapter a title")
        else:
            flow.add(Mark(name, element.at))

    def _audio(self, element: Element, style: Style, flow: Flow) -> None:
        source = element.attributes.get("src", "")
        sound = self._sound(element, source)
        repeat_count, repeat_dur_ms = self._attributes.repeats(element)
        timing = Timing(
            repeat_count=repeat_count,
            repeat_dur_ms=repeat_dur_ms,
            gain_db=self._attributes.read(element, "soundLevel", values.decibels) or 0.0,
        )
        if sound is not None:
            group = Group("seq", (sound,), element.at, timing)
            flow.add(sound if timing == UNTIMED else group)
            return
        if not _has_words(element):
            where = " or ".join(str(folder) for folder in self._folders)
            what = f"no sound {source!r} in {where}, and no text to speak instead"
            if not source:
                what = "<audio> needs a src, or text to speak instead"
            elif _is_url(source):
                shown = source[: LONGEST_SHOWN * 3]
                what = f"{shown!r} is not fetched: save it beside the script, and write its name"
            self._problem(element, what)
            return
        why = " (nothing is fetched)" if _is_url(source) else ""
        what = f"no sound {source!r}{why}" if source else "<audio> has no src"
        self._warn(element, f"{what}: its text is spoken instead")
        self._content(element, style, flow)

    def _sound(self, element: Element, source: str) -> Sound | None:
        """Return the sound that an audio element names; None if the file does not exist."""
        speed = self._attributes.read(element, "speed", values.speed)
        begin_ms = self._attributes.read(element, "clipBegin", values.duration) or 0
        end_ms = self._attributes.read(element, "clipEnd", values.duration)
        if end_ms is not None and end_ms <= begin_ms:
            self._problem(element, "<audio> has its clipEnd before its clipBegin")
        path = self._find(source)
        if path is None:
            return None
        return Sound(path, source, element.at, speed or 1.0, begin_ms, end_ms)

    def _find(self, source: str) -> Path | None:
        if source not in self._found:
            named = source and ":" not in source  # no URL, no drive
            names = dict.fromkeys((source, unquote(source)))  # a URI, as SSML says, or as it is
            found = (files.find(name, self._folders) for name in names if named)
            self._found[source] = next(filter(None, found), None)
        return self._found[source]

    def _group(self, kind: Literal["seq", "par"], element: Element, style: Style) -> Group:
        """Return a ``seq`` or ``par``, which may only hold par, seq and media."""
        flow = Flow()
        self._timed(element, kind, style, flow)
        return Group(kind, tuple(flow.cues), element.at, self._attributes.timing(element))

    def _timed(self, element: Element, kind: str, style: Style, flow: Flow) -> None:
        for child in element.children:
            local = local_name(child)
            if local in ("par", "seq", "media"):
                self._element(child, style, flow)
            elif local is None:
                self._timed(child, kind, style, flow)  # of another namespace: passed through
            elif local not in ("desc", "meta", "metadata"):
                self._problem(child, f"<{kind}> takes par, seq and media, not <{local}>")
                if local in ATTRIBUTES:
                    self._element(child, style, flow)  # to find more mistakes
                else:
                    self._content(child, style, flow)
        for item in element.content:
            if isinstance(item, xml.Text) and item.text.strip():
                what = f"text in <{kind}> belongs in <media><speak>…</speak></media>"
                self.problems.add(what, item.at)

    def _problem(self, element: Element, what: str) -> None:
        self.problems.add(what, element.at)

    def _warn(self, element: Element, what: str) -> None:
        self.warnings.add(what, element.at)


def _is_url(source: str) -> bool:
    return "://" in source or source.startswith("soundbank:")


def _in_language(style: Style, language: str | None) -> Style:
    """Return the style in a language; a new language gets its own voice."""
    language = _tag(language)
    if not language:
        return style
    same = same_language(language, style.language)
    return replace(style, language=language, voice=style.voice if same else None)


def _tag(written: str | None) -> str:
    """Return a BCP 47 tag; many write it as operating systems do (en_US)."""
    return (written or "").strip().replace("_", "-")


def _has_words(element: Element) -> bool:
    """Whether an element contains anything to speak or play, at any depth."""
    if local_name(element) == "sub":
        return speakable(element.attributes.get("alias", ""))
    if speakable(element.own_text):
        return True
    heard = [child for child in element.children if local_name(child) not in _SILENT]
    return any(local_name(child) in ("audio", "break") or _has_words(child) for child in heard)


def _check_references(root: Group, problems: Findings) -> None:
    """Find duplicate ids, and references to unknown ids."""
    groups = [cue for cue in walk(root) if isinstance(cue, Group)]
    ids: set[str] = set()
    for group in groups:
        if group.timing.id is not None:
            if group.timing.id in ids:
                problems.add(f"the id “{group.timing.id}” is used twice", group.at)
            ids.add(group.timing.id)
    for group in groups:
        for point in (group.timing.begin, group.timing.end):
            if isinstance(point, SyncBase) and point.id not in ids:
                fix = near(point.id, ids) or ": give it to a par, seq or media"
                what = f"no element has the xml:id “{point.id}”{fix}"
                problems.add(what, group.at)


def _check_marks(root: Group, warnings: Findings) -> None:
    """Find marks that are nearly those of a kind, and ends of what never begins."""
    marks = [cue for cue in walk(root) if isinstance(cue, Mark)]
    begun = {mark.begins[0] for mark in marks if mark.begins}
    others = []
    for mark in marks:
        if mark.ends and mark.ends not in begun:
            what = f"{_called(mark)} ends nothing: no {mark.ends} begins"
            warnings.add(what, mark.at)
        elif not (mark.begins or mark.ends or mark.chapter):
            others.append(mark)
    for mark in others[:_MOST_COMPARED]:
        name, colon, label = mark.name.partition(":")
        if name == "end":
            hint = near(label, SPAN_KINDS, shown="end:{}")
        else:
            hint = near(name, (*SPAN_KINDS, "chapter"))
        if colon and hint:
            warnings.add(f"{_called(mark)} does nothing{hint}", mark.at)


def _called(mark: Mark) -> str:
    return f"<mark name={mark.name[:LONGEST_SHOWN]!r}>"
