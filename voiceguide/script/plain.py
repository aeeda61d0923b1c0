"""Plain writing -> SSML: text, Markdown, Speech Markdown.

docs/plain-text.md lists what can be written. Every line of a text becomes one line of SSML, so that
messages about the script name the line that the author knows.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from voiceguide import files
from voiceguide.clock import milliseconds
from voiceguide.errors import Findings, Position, ScriptError, near, shortened
from voiceguide.script import captions, modifiers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BEGIN = '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis">'
_END = "</speak>"
_TONES = ("bell", "chime", "start", "end", "half", "tick")
_WORDS = ("pause", "break", "breathe", "hold", "chapter", "sound", *_TONES)
_STRENGTHS = ("none", "x-weak", "weak", "medium", "strong", "x-strong")
_LEVELS = {
    "**": "strong", "__": "strong", "++": "strong", "*": "moderate", "_": "moderate",
    "+": "moderate", "~": "none", "-": "reduced",
}  # fmt: skip
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(\S.*)")
_RULE = re.compile(r"\s{0,3}([-*_])(\s*\1){2,}\s*")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+(?=\S)")
_QUOTE = re.compile(r"\s*(?:>\s?)+")
_TIMED = re.compile(r"(.*\S)\s*;\s*(\d+(?:[.,]\d+)?)\s*+s?\s*+")
"""“Breathe in.;5”: a phrase, then seconds of silence."""
_NO_HEADING = re.compile(r"\s{0,3}#{1,6}[^\W\d_].*")
_BRACKET = re.compile(
    rf"\[(?:{'|'.join(_WORDS)})\b[^\[\]]{{0,40}}|\b(?:{'|'.join(_WORDS)})\b[^\[\]]{{0,40}}\]",
    re.IGNORECASE,
)
"""A command without its other bracket."""
_OTHER_BRACKETS = re.compile(
    r"[({<]\s*(?:pause|break|breathe|hold)\b\s*:?\s*\d[\d.,:×x \t-]{0,20}(?:m?s|min|h)?\s*[)}>]",
    re.IGNORECASE,
)
_NO_MARKDOWN = re.compile(r"\s{0,3}(={2,}|`{3,}\w*)\s*")
"""A line under a heading, and around code: of Markdown, but not read here."""
_BREATHS = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)(?:\s*[x×]\s*(\d{1,4}))?")
_SECTION = re.compile(r"\s*#\[([^\[\]]*)\]\s*")
"""As in Speech Markdown: #[voice:"Ann"] changes what follows, until the next one."""
_QUOTED_KEY = re.compile(r"\s*[\w-]+\s*:\s*[\"']")
_PART = re.compile(
    r"""
      \\(?P<escaped>[\\\[\](){}*_`;#!+~/-])
    | !(?:\((?P<caption>[^()]*)\))?\[["'](?P<sound>[^"'\[\]]+)["']\](?!\()
    | !\[["']?(?P<shown>[^\[\]"']*)["']?\]\(["']?(?P<file>[^()"']+)["']?(?:"[^"]*")?\)
    | \((?P<words>(?:[^()]|\([^()]*\))*)\)\[(?P<keys>[^\[\]]*)\]
    | \((?P<named>[^()]+)\)(?:\{(?P<alias>[^{}]+)\}|/(?P<ipa>[^/\s]+)/(?!\w))
    | \[(?P<link>[^\[\]]+)\]\([^()\s]*\)
    | \[(?P<command>[^\[\]]*)\]
    | (?P<strong>\*\*|__)(?=\S)(?P<stressed>(?:(?!(?P=strong)).)+)(?<=\S)(?P=strong)
    | (?<!\w)(?P<weak>[*_])(?=\S)
      (?P<leaned>(?:(?!(?P=weak)).|(?<=[^\W_])(?P=weak)(?=[^\W_]))+)(?<=\S)(?P=weak)(?!\w)
    | (?<![\w+~-])(?P<sign>\+\+|[+~-])(?=[^\s+~-])
      (?P<signed>(?:(?!(?P=sign)).|(?<=[^\W_])(?P=sign)(?=[^\W_]))+)(?<=[^\s+~-])(?P=sign)(?![\w+~-])
    | `(?P<code>[^`]+)`
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_OTHER = re.compile(r"\A\s*(?P<tag><(?:speak|\?xml))\b|(?P<braces>\{\{|\{%)")
"""What begins a script or a template, and is no plain text."""
_BINARY = re.compile(r"[\x00-\x08]")
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_SHORTEST_HALVED_S, _COUNTED_S = 20, 3
"""Holds from this length on have a tone at half time; the last seconds are counted."""
_MOST_MISTAKES = 1000
"""How many wrong commands are looked at: names that are near take a while to find."""


def to_ssml(text: str, name: str, folders: Sequence[Path] = ()) -> tuple[str, tuple[str, ...]]:
    """Return plain writing as SSML, and warnings about what is not known in it.

    ``name`` is used in messages; ``folders`` are those of sounds, which are looked for here if
    something is wrong. Raises ScriptError that names each mistake with its line.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if binary := _BINARY.search(text):
        line = text.count("\n", 0, binary.start()) + 1
        raise ScriptError(f"{name}:{line}: is not text: it has a byte 0x{ord(binary[0]):02x}")
    text = _NO_XML.sub("", text)
    if captions.is_captions(text, name):
        problems = Findings()
        ssml = captions.to_ssml(text, problems)
        if problems:
            raise ScriptError("\n".join(problems.report(name)))
        return ssml, ()
    comments = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    writer = _Writer()
    if other := _OTHER.search(comments):
        begin = other.start("tag" if other["tag"] else "braces")
        before = comments[:begin].rpartition("\n")[2]
        ending = "script ends in .ssml" if other["tag"] else "template ends in .ssml.jinja"
        what = f"“{other[0].lstrip()}” is spoken as it is: the name of a {ending}"
        writer.warnings.add(what, Position(comments.count("\n", 0, begin) + 1, len(before) + 1))
    lines = list(writer.lines(comments.split("\n")))
    if writer.problems:
        writer.look_for_sounds(list(folders))
        raise ScriptError("\n".join(writer.problems.report(name)))
    ssml = "\n".join([f"{_BEGIN}{lines[0]}", *lines[1:]]) + _END
    return ssml, tuple(writer.warnings.report(name))


class _Writer:
    """Writes the SSML of a text, line by line; collects what is wrong or unknown."""

    def __init__(self) -> None:
        self.problems, self.warnings = Findings(), Findings()
        self._style = modifiers.Style()  # of the section
        self._mistakes = 0
        self._sounds: list[tuple[str, Position]] = []

    def look_for_sounds(self, folders: list[Path]) -> None:
        """Add the sounds that there are not to the problems."""
        where = " or ".join(map(str, folders))
        for name, place in self._sounds:
            if folders and files.find(name, folders) is None:
                self.problems.add(f"no sound {name!r} in {where}", place)

    def lines(self, lines: list[str]) -> Iterator[str]:
        """Return the SSML of each line."""
        in_paragraph = False
        for number, line in enumerate(lines, 1):
            begin = self._section(line, number)
            rest = line[begin:]
            heading, timed = _HEADING.fullmatch(rest), _TIMED.fullmatch(rest)
            item, alone = _ITEM.match(rest), rest.strip()
            if _NO_HEADING.fullmatch(rest):
                what = "a heading needs a space after its #: this is spoken"
                self.warnings.add(what, Position(number, begin + 1))
            if sign := _NO_MARKDOWN.fullmatch(rest):
                shown = shortened(sign[1])
                what = f"“{shown}” is spoken: a heading begins with #, code has no sign"
                self.warnings.add(what, Position(number, begin + sign.start(1) + 1))
            is_apart = begin or not alone or heading or timed or item or _RULE.fullmatch(rest)
            before = "</p>" if in_paragraph and is_apart else ""
            in_paragraph = in_paragraph and not is_apart
            if heading:
                yield f"{before}{_chapter(heading[1].rstrip().rstrip('#').rstrip())}"
            elif not alone:
                yield before
            elif _RULE.fullmatch(rest):
                yield f'{before}<break strength="strong"/>'
            elif timed:
                said = self._said(timed[1], number, begin)
                yield f'{before}<p>{said}</p><break time="{timed[2].replace(",", ".")}s"/>'
            elif item:
                said = self._said(rest[item.end() :], number, begin + item.end())
                yield f"{before}<p>{said}</p>"
            else:
                quote = _QUOTE.match(rest)
                quoted = quote.end() if quote else 0
                opened = "" if in_paragraph else "<p>"
                in_paragraph = True
                closed = "</p>" if number == len(lines) else ""
                said = self._said(rest[quoted:], number, begin + quoted)
                yield f"{before}{opened}{said}{closed}"

    def _section(self, line: str, number: int) -> int:
        """Note the style of a section that begins in a line; return where the line continues."""
        match = _SECTION.match(line)
        keys = modifiers.pairs(match[1]) if match else None
        if match is None or keys is None:
            return 0
        self._style, undone = modifiers.section(keys)
        for what in undone:
            self.warnings.add(what, Position(number, match.start(1)))
        return match.end()

    def _said(self, text: str, line: int, before: int) -> str:
        """Return the SSML of a text in the style of its section."""
        return f"{self._style.begin}{self._spoken(text, line, before)}{self._style.end}"

    def _spoken(self, text: str, line: int, before: int) -> str:
        """Return the SSML of a text; ``before`` is how many characters of its line precede it."""
        pieces = []
        at = 0
        for part in _PART.finditer(text):
            pieces.append(self._plain(text[at : part.start()], line, before + at))
            at = part.end()
            pieces.append(self._part(part, line, before))
        return "".join([*pieces, self._plain(text[at:], line, before + at)])

    def _plain(self, text: str, line: int, before: int) -> str:
        """Return the SSML of a text without markup; warn of a bracket that is alone."""
        for bracket in _BRACKET.finditer(text):
            what = f"“{shortened(bracket[0])}” lacks a bracket: it is spoken"
            self.warnings.add(what, Position(line, before + bracket.start() + 1))
        for other in _OTHER_BRACKETS.finditer(text):
            what = f"“{other[0]}” is spoken: a command is in square brackets, as in [pause 5s]"
            self.warnings.add(what, Position(line, before + other.start() + 1))
        return escape(text)

    def _part(self, part: re.Match[str], line: int, before: int) -> str:
        """Return the SSML of one piece of markup."""
        kind = part.lastgroup
        place = Position(line, before + part.start() + 1)
        match kind:
            case "command":
                return self._command(part[0], part["command"], place)
            case "keys":
                return self._modified(part, line, before)
            case "sound" | "file":
                return _audio(part[kind].strip(), part["caption"] or part["shown"] or "")
            case "stressed" | "leaned" | "signed":
                inner = self._spoken(part[kind], line, before + part.start(kind))
                level = _LEVELS[part["strong"] or part["weak"] or part["sign"]]
                return f'<emphasis level="{level}">{inner}</emphasis>'
            case "alias" | "ipa":
                key = "sub" if kind == "alias" else "ipa"
                return modifiers.modified({key: part[kind]}, part["named"], "")[0]
        return escape(part["escaped"] or part["link"] or part["code"])

    def _modified(self, part: re.Match[str], line: int, before: int) -> str:
        """Return the SSML of (words)[key:"value"]."""
        words, written = part["words"], part["keys"]
        inner = self._spoken(words, line, before + part.start("words"))
        keys = modifiers.pairs(written)
        place = Position(line, before + part.start("keys"))
        if keys is None or next(iter(keys), "") in _WORDS:  # (softly)[pause 5s]
            return f"({inner}){self._command(f'[{written}]', written, place)}"
        ssml, undone = modifiers.modified(keys, words, inner)
        for what in undone:
            self.warnings.add(what, place)
        return ssml

    def _command(self, shown: str, written: str, place: Position) -> str:
        """Return the SSML for what is in brackets on its own."""
        if not written.strip():
            return escape(shown)
        if self._mistakes == _MOST_MISTAKES:
            return ""  # not looked for any more: each takes a while
        keys = modifiers.pairs(written) or {}
        name = next(iter(keys), "")
        if "mark" in keys:
            return f"<mark name={quoteattr(keys['mark'])}/>"
        is_quoted = bool(keys and _QUOTED_KEY.match(written))
        if name == "sound" and keys[name]:
            self._sounds.append((keys[name], place))
        if name in _WORDS or not (is_quoted or name in modifiers.WORDS):
            try:
                return _command(written)
            except ValueError as error:
                if not (is_quoted and name == "break"):
                    self._mistakes += 1
                    self.problems.add(f"{shown} {error}", place)
                    return ""
        self.warnings.add(f"{shown} is not known: it is ignored", place)
        return ""


def _command(written: str) -> str:  # noqa: PLR0911 (one for each)
    """Return the SSML for what is in brackets; raises ValueError that says what is wrong."""
    word, _, rest = re.sub(r"^\s*(\w+)\s*:?\s*", r"\1 ", written).partition(" ")
    rest = rest.strip().strip("\"'")
    match word.lower():
        case "pause" | "break" if not rest or rest in _STRENGTHS:
            return f'<break strength="{rest or "strong"}"/>'
        case "pause" | "break":
            return f'<break time="{_seconds(rest):f}s"/>'
        case "chapter" if rest:
            return _chapter(rest)
        case "sound" if rest:
            return f"<audio src={quoteattr(rest)}/>"
        case "breathe":
            return _breaths(rest)
        case "hold":
            time, _, label = rest.partition(":")
            return _hold(_seconds(time.strip()), label.strip())
        case tone if tone in _TONES and not rest:
            return f'<audio src="{tone}.wav"/>'
    if re.fullmatch(r"\d+(\.\d+)?\s*(ms|s)", written.strip()):  # as in Speech Markdown
        return f'<break time="{_seconds(written.strip()):f}s"/>'
    raise _wrong(word)


def _wrong(word: str) -> ValueError:
    """Return what is wrong with a command that has this word."""
    if word.lower() in _TONES:
        return ValueError(f"must be [{word.lower()}]: a tone takes nothing else")
    if word.lower() in _WORDS:
        return ValueError("does not say what it needs, as in [chapter: Rest] or [sound: my.wav]")
    hint = near(word, _WORDS).removesuffix("?")
    spoken = "to have it spoken, write \\[ for ["
    return ValueError(f"is unknown{hint}{'? Otherwise, ' if hint else '; '}{spoken}")


def _audio(name: str, caption: str) -> str:
    """Return the SSML for a sound, or for the text that a picture has."""
    if name.lower().endswith(_PICTURES):
        return escape(caption)
    return f"<audio src={quoteattr(name)}>{escape(caption)}</audio>"


def _seconds(written: str) -> Decimal:
    try:
        return Decimal(milliseconds(written, bare="s")) / 1000
    except ValueError as error:
        raise ValueError(f"needs a time, such as 5s: {error}") from error


def _chapter(title: str) -> str:
    return f"<mark name={quoteattr(f'chapter:{title}')}/>"


def _breaths(written: str) -> str:
    match = _BREATHS.fullmatch(written)
    if match is None or not (Decimal(match[1]) and Decimal(match[2]) and int(match[3] or 1)):
        raise ValueError("needs seconds in and out, and how often: [breathe 4-6 x5]")
    breath = "".join(
        f'<par dur="{seconds}s"><media><mark name="{kind}:"/>'
        f'<audio src="{kind}.wav" speed="{length * 100 / Decimal(seconds):.4f}%"/></media>'
        f'<media begin="{seconds}s"><mark name="end:{kind}"/></media></par>'
        for kind, length, seconds in (("inhale", 4, match[1]), ("exhale", 6, match[2]))
    )
    return breath * int(match[3] or 1)


def _hold(seconds: Decimal, label: str) -> str:
    if not seconds:
        raise ValueError("needs a time of more than 0 s")
    mark = f"<mark name={quoteattr(f'hold:{label}')}/>"
    inside = f'<media>{mark}<audio src="start.wav"/></media>'
    if seconds >= _SHORTEST_HALVED_S:
        inside += f'<media begin="{seconds / 2:f}s"><audio src="half.wav"/></media>'
    if seconds > _COUNTED_S:
        ticks = f'begin="{seconds - _COUNTED_S:f}s" dur="1s" repeatCount="{_COUNTED_S}"'
        inside += f'<media {ticks}><audio src="tick.wav"/></media>'
    return f'<par dur="{seconds:f}s">{inside}</par><mark name="end:hold"/><audio src="end.wav"/>'
