"""XML -> elements with their positions.

Expat parses it, because lxml does not report columns. Nothing is downloaded, no entity is expanded,
and documents that would fill the memory are refused.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from voiceguide.errors import Position, ScriptError
from voiceguide.files import MAX_SCRIPT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voiceguide.errors import Findings

MAX_ELEMENTS = 300_000
MAX_LINES = 300_000
MAX_DEPTH = 150
"""How large a script may be; one for twelve hours has some 10,000 elements, ten deep."""

SSML = "http://www.w3.org/2001/10/synthesis"
_XML = "http://www.w3.org/XML/1998/namespace"
_VOICEGUIDE = "urn:voiceguide"
_PREFIXES = {_XML: "xml:", _VOICEGUIDE: "vg:"}

_PIECE_BYTES = 1 << 15

_DECLARATION = re.compile(r"\s{0,100}<\?xml\s.{0,200}?\?>\s{0,100}", re.DOTALL)
_BETWEEN = "\x1f"
"""Between the parts of a name; no document may contain it."""
_ROOT = re.compile(
    rb"""(
        (?> \s++ | \xef\xbb\xbf | <\?.*?\?> | <!--.*?--> | <!DOCTYPE[^\[>]*+> )*+
        <[^\s<>/!?]++ (?> \s++ [^\s=<>/]++ \s*+ = \s*+ (?> "[^"]*+" | '[^']*+' ) )*+
    )\s*+/?>""",
    re.VERBOSE | re.DOTALL,
)
"""A document up to the end of its first tag."""
_UNREAD = re.compile(rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_MOST_PREFIXES = 100
_PREFIXED = re.compile(rb"<([A-Za-z_][\w.-]*):")
_PREFIXED_ATTRIBUTES = re.compile(rb"""\s([A-Za-z_][\w.-]*):[\w.-]+\s*=\s*["']""")
_DECLARED = re.compile(rb"xmlns:([A-Za-z_][\w.-]*)\s*=")
_TYPOGRAPHIC = {*"“”„‟‘’‚«»"}
_STRAIGHT = 'quotation marks around a value must be straight: "…"'
_ENTITY = re.compile(r"&[^;\s]{1,40};")


class Text(NamedTuple):
    """A run of characters."""

    text: str
    at: Position
    """The position of its first word."""


@dataclass(slots=True)
class Element:
    """An element of a document."""

    tag: str
    """Its name, preceded by its namespace in braces if it has one."""
    written: str
    """Its name as it is written, with its prefix."""
    attributes: dict[str, str]
    """By name; "xml:id" and "vg:pan" for these namespaces; other namespaces are left out."""
    at: Position
    content: list[Element | Text] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name without the namespace."""
        return self.tag.rpartition("}")[2]

    @property
    def children(self) -> Iterator[Element]:
        """Its child elements."""
        return (item for item in self.content if isinstance(item, Element))

    @property
    def own_text(self) -> str:
        """Its text, without that of its children."""
        return "".join(item.text for item in self.content if isinstance(item, Text))

    def walk(self) -> Iterator[Element]:
        """Return the element and all elements in it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


def read(
    document: str | bytes,
    name: str,
    oddities: Findings | None = None,
    *,
    columns: bool = True,
) -> tuple[Element, Iterator[Element | Text]]:
    """Return the root of ``document`` without content, and its content piece by piece.

    This way, a long script is never in memory as a whole. ``name`` is used in messages. With
    ``oddities``, two mistakes of many scripts are added to it, and mended: prefixes that are not
    declared, and a <speak> in another namespace than that of SSML. Without ``columns``, all begins
    in the first one: only the lines are those of the author. Both raise ScriptError, with line and
    column, if the document is not well-formed XML or too large.
    """
    data = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if len(data) > MAX_SCRIPT_BYTES:
        raise ScriptError(
            f"{name}: {len(data):,} bytes are more than a script may have ({MAX_SCRIPT_BYTES:,})"
        )
    encoding = "utf-8" if isinstance(document, str) else None
    builder = _Builder(name, data, encoding, oddities, columns=columns)
    return builder.root(), builder.content()


def text_of(document: str | bytes) -> str:
    """Return the text of a document in any encoding, without the XML declaration."""
    text = document if isinstance(document, str) else _decoded(document)
    declaration = _DECLARATION.match(text)
    return text[declaration.end() :] if declaration else text


def _decoded(document: bytes) -> str:
    declared: list[str | None] = []
    parser = expat.ParserCreate()
    parser.XmlDeclHandler = lambda _version, encoding, _alone: declared.append(encoding)
    with contextlib.suppress(expat.ExpatError, LookupError, ValueError):
        parser.Parse(document, True)  # noqa: FBT003 (the end)
    utf16 = document[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if utf16 else (declared or [None])[0] or "utf-8"
    try:
        text = document.decode(encoding)
    except (LookupError, UnicodeError):
        text = document.decode(errors="replace")
    return text.removeprefix("\ufeff")


class _Builder:
    """Builds elements from Expat's events."""

    def __init__(
        self,
        name: str,
        data: bytes,
        encoding: str | None,
        oddities: Findings | None,
        *,
        columns: bool = True,
    ) -> None:
        self._name = name
        self._columns = columns
        self._oddities = oddities
        self._inserted_at, self._inserted = Position(0, 0), 0
        self._data = self._with_prefixes(data)
        self._speak = SSML
        self._begin = 0
        self._parser = parser = expat.ParserCreate(encoding, namespace_separator=_BETWEEN)
        parser.namespace_prefixes = True
        self._open: list[Element] = []
        self._root: Element | None = None
        self._count = 0
        self._lines = 0
        self._run: list[str] = []
        self._run_at = Position(1, 1)
        self._space = ""
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity_declared
        parser.AttlistDeclHandler = self._attributes_declared
        parser.SkippedEntityHandler = self._entity_skipped

    def root(self) -> Element:
        """Parse until the root begins, and return it."""
        while self._root is None:
            self._parse_piece()
        return self._root

    def content(self) -> Iterator[Element | Text]:
        """Return the content of the root, each item when it is complete."""
        root = self.root()
        while True:
            complete = len(root.content) - (len(self._open) > 1)
            yield from root.content[:complete]
            del root.content[:complete]
            if self._begin >= len(self._data):
                return
            self._parse_piece()

    def _parse_piece(self) -> None:
        end = self._begin + _PIECE_BYTES
        piece, self._begin = self._data[self._begin : end], end
        try:
            self._parser.Parse(piece, end >= len(self._data))
        except expat.ExpatError as error:
            at = Position(error.lineno, error.offset + 1)
            raise self._error(at, self._explain(error)) from error
        except (LookupError, ValueError) as error:  # an encoding that Python does not know
            raise self._error(Position(1, 1), f"cannot be read: {error}") from error

    def _explain(self, error: expat.ExpatError) -> str:  # noqa: PLR0911 (one for each kind)
        codes, data = expat.errors.codes, self._data
        if error.code == codes[expat.errors.XML_ERROR_NO_ELEMENTS] and self._open:
            unclosed = self._open[-1]
            return f"ends, but <{unclosed.name}> on line {unclosed.at.line} is not closed"
        if error.code == codes[expat.errors.XML_ERROR_NO_ELEMENTS]:
            return "is empty" if not data.strip() else "has no element"
        if error.code == codes[expat.errors.XML_ERROR_TAG_MISMATCH]:
            unclosed = self._open[-1]
            return f"<{unclosed.name}> on line {unclosed.at.line} is not closed before this end tag"
        if error.code == codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]:
            line = data.splitlines()[error.lineno - 1].decode(errors="replace")
            found = _ENTITY.search(line, max(0, error.offset))
            return _unknown_entity(found[0] if found else "")
        if error.code == codes[expat.errors.XML_ERROR_INVALID_TOKEN]:
            try:
                data.decode("utf-8")
            except UnicodeDecodeError as wrong:
                if b"encoding=" not in data[:200]:
                    return f"is not UTF-8: byte 0x{data[wrong.start]:02x}; save it as UTF-8"
            line = data.splitlines()[error.lineno - 1].decode(errors="replace")
            if line[error.offset : error.offset + 1] in _TYPOGRAPHIC:
                return f"is not well-formed XML: {_STRAIGHT}"
            return "is not well-formed XML: is there a & or < in the text? write &amp; or &lt;"
        is_script = self._oddities is not None
        if error.code == codes[expat.errors.XML_ERROR_SYNTAX] and not self._root and is_script:
            what = "it must begin with <speak>; text without tags belongs in a .txt or .md file"
            return f"is not well-formed XML: {what}"
        return f"is not well-formed XML: {expat.ErrorString(error.code)}"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._close_text()
        at = self._at()
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            raise self._error(at, f"elements are nested more than {MAX_DEPTH} deep")
        if self._count > MAX_ELEMENTS:
            raise self._error(at, f"has more than {MAX_ELEMENTS:,} elements")
        space, local, prefix = _split(name)
        kept = {}
        for written, value in attributes.items():
            uri, attribute, _ = _split(written)
            if not uri or uri in _PREFIXES:
                kept[_PREFIXES.get(uri, "") + attribute] = value
        if self._root is None and self._oddities is not None and local == "speak" and space:
            self._speak = space
            if space != SSML:
                what = f'the namespace of <speak> is not that of SSML: write xmlns="{SSML}"'
                self._oddities.add(what, at)
        space = SSML if space == self._speak else space
        written = f"{prefix}:{local}" if prefix else local
        element = Element(f"{{{space}}}{local}" if space else local, written, kept, at)
        self._root = self._root or element
        self._add(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._close_text()
        self._open.pop()

    def _text(self, piece: str) -> None:
        if piece.isspace():
            self._space = " "  # a thousand empty lines count as one space
            return
        at = self._at()
        self._lines += 1
        if self._lines > MAX_LINES:
            raise self._error(at, f"has more than {MAX_LINES:,} lines of text")
        if not self._run:
            indent = len(piece) - len(piece.lstrip()) if self._columns else 0
            self._run_at = Position(at.line, at.column + indent)
        self._run.append(self._space + piece)
        self._space = ""

    def _close_text(self) -> None:
        """Add a run of characters as a whole; Expat reports it in lines and pieces."""
        if self._run or self._space:
            at = self._run_at if self._run else self._at()
            self._add(Text("".join(self._run) + self._space, at))
            self._run.clear()
            self._space = ""

    def _add(self, item: Element | Text) -> None:
        if self._open:
            self._open[-1].content.append(item)

    def _entity_declared(self, name: str, *_: object) -> None:
        raise self._error(self._at(), f"declares the entity “{name}”: write its text instead")

    def _attributes_declared(self, element: str, *_: object) -> None:
        what = f"declares attributes of <{element}>: write them on the element itself"
        raise self._error(self._at(), what)

    def _entity_skipped(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            raise self._error(self._at(), _unknown_entity(f"&{name};"))

    def _at(self) -> Position:
        at = Position(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)
        if not self._columns:
            return Position(at.line, 1)
        if at.line == self._inserted_at.line and at.column > self._inserted_at.column:
            return Position(at.line, at.column - self._inserted)
        return at

    def _with_prefixes(self, data: bytes) -> bytes:
        """Return a document whose root declares all prefixes; what is missing is an oddity."""
        if self._oddities is None or not (root := _ROOT.match(data)):
            return data
        declared = {*_DECLARED.findall(data), b"xml", b"xmlns"}
        tags = _UNREAD.sub(b"", data)
        used = {*_PREFIXED.findall(tags), *_PREFIXED_ATTRIBUTES.findall(tags)}
        missing = used - declared
        if not 1 <= len(missing) <= _MOST_PREFIXES:
            return data
        before = data[: root.end(1)]
        line_begin = before.rfind(b"\n") + 1
        column = len(before[line_begin:].decode(errors="replace")) + 1
        self._inserted_at = Position(before.count(b"\n") + 1, column)
        added = b""
        for prefix in sorted(missing):
            name = prefix.decode()
            space = _VOICEGUIDE if name == "vg" else f"urn:undeclared:{name}"
            added += f' xmlns:{name}="{space}"'.encode()
            self._oddities.add(
                f'the prefix “{name}” is not declared: write xmlns:{name}="…" in <speak>',
                Position(1, 1),
            )
        self._inserted = len(added)
        return before + added + data[root.end(1) :]

    def _error(self, at: Position, what: str) -> ScriptError:
        return ScriptError(f"{self._name}:{at}: {what}")


def _split(name: str) -> tuple[str, str, str]:
    """Return the namespace, local name and prefix of a name as Expat gives it."""
    parts = name.split(_BETWEEN)
    if len(parts) == 1:
        return "", name, ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 (with a prefix)


def _unknown_entity(entity: str) -> str:
    return f"unknown entity “{entity}”: write the character itself"
