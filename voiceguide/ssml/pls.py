"""A lexicon in W3C's PLS 1.0 -> entries (https://www.w3.org/TR/pronunciation-lexicon/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from voiceguide import phonemes
from voiceguide.errors import Findings, ScriptError
from voiceguide.files import MAX_SCRIPT_BYTES
from voiceguide.library.lexicon import Entry, Lexicon
from voiceguide.ssml import xml
from voiceguide.ssml.elements import ESPEAK, LONGEST_SHOWN, local_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voiceguide.ssml.xml import Element

_PLS = "http://www.w3.org/2005/01/pronunciation-lexicon"


class Document(NamedTuple):
    """A lexicon in a file."""

    language: str
    lexicon: Lexicon
    warnings: tuple[str, ...]


def read(path: Path) -> Document:
    """Return the lexicon in a file; raises ScriptError with file and line if it cannot be read.

    Of several pronunciations, the preferred one is used, or else the first.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error
    root, content = xml.read(data, str(path))
    if local_name(root, _PLS) != "lexicon":
        raise ScriptError(f"{path}:{root.at}: the root is <{root.name}>, but must be <lexicon>")
    language = root.attributes.get("xml:lang", "")
    alphabet = root.attributes.get("alphabet", "ipa")
    problems, warnings = Findings(), Findings()
    if not language:
        problems.add("<lexicon> needs xml:lang: the language of its words", root.at)
    entries: list[Entry] = []
    for item in content:
        if isinstance(item, xml.Text):
            continue
        if local_name(item, _PLS) == "lexeme":
            entries += _entries(item, alphabet, language, problems, warnings)
        elif local_name(item, _PLS) not in (None, "meta", "metadata"):
            warnings.add(f"<{item.name}> is not an element of PLS: it is ignored", item.at)
    if problems:
        raise ScriptError("\n".join(problems.report(str(path))))
    return Document(language, Lexicon(entries), tuple(warnings.report(str(path))))


def _entries(
    lexeme: Element, alphabet: str, language: str, problems: Findings, warnings: Findings
) -> Iterator[Entry]:
    """Yield the entries of a lexeme, one for each way to write it."""
    children = list(lexeme.children)
    written = [_text(child) for child in children if local_name(child, _PLS) == "grapheme"]
    sounds = [child for child in children if local_name(child, _PLS) in ("phoneme", "alias")]
    if not any(written):
        problems.add("<lexeme> needs a <grapheme>: how the word is written", lexeme.at)
        return
    if not sounds:
        problems.add("<lexeme> needs a <phoneme> or an <alias>", lexeme.at)
        return
    preferred = [one for one in sounds if one.attributes.get("prefer", "").strip() == "true"]
    sound = (preferred or sounds)[0]
    said: str | None = _text(sound)
    is_ipa = local_name(sound, _PLS) == "phoneme"
    if is_ipa:
        alphabet = sound.attributes.get("alphabet", alphabet).strip().lower()
        said = ipa(_text(sound), alphabet, language)
        if said is None:
            what = f"<phoneme> in {alphabet[:LONGEST_SHOWN]!r}"
            warnings.add(f"{what} cannot be read: its word is spoken as written", sound.at)
            return
    if not said or "[[" in said or "]]" in said:
        problems.add(f"<{sound.name}> is empty, or has double brackets", sound.at)
        return
    for grapheme in filter(None, written):
        yield Entry(grapheme, said, is_ipa)


def ipa(written: str, alphabet: str, language: str) -> str | None:
    """Return phonemes in IPA, from IPA or espeak-ng's mnemonics; None if they cannot be read."""
    if "[[" in written or "]]" in written:
        return None
    if alphabet in ESPEAK:
        return phonemes.from_espeak(written, language)
    return written if alphabet == "ipa" and not phonemes.unknown(written) else None


def _text(element: Element) -> str:
    return " ".join(element.own_text.split())
