"""Speech Markdown's modifiers -> SSML: ``(words)[rate:"slow";lang:"de"]``.

They are those of https://www.speechmarkdown.org/. What is unknown changes nothing but is told, and
the words are kept.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from voiceguide.errors import near

_QUOTED = r"""(?:"([^"]*)"|'([^']*)')"""
_UNQUOTED = r"""([^;"'\s]*+(?:\s++[^;"'\s]++)*+)"""
_PAIR = re.compile(rf"\s*+([A-Za-z0-9_-]++)\s*+(?::\s*+(?:{_QUOTED}|{_UNQUOTED})\s*+)?+(?:;\s*+|$)")
_ALIAS = re.compile(rf"\s*{_QUOTED}\s*")
_IPA = re.compile(r"\s*/([^/]+)/\s*")

_OTHER_NAMES = {
    "vol": "volume", "chars": "characters", "number": "cardinal", "phone": "telephone",
    "bleep": "expletive",
}  # fmt: skip
_SAID_AS = ("characters", "digits", "cardinal", "ordinal", "telephone", "date", "time")
_AS_WRITTEN = ("address", "fraction", "interjection", "unit")
"""What tells a kind of text that is read aloud correctly anyway."""
_DEFAULTS = {"rate": "medium", "pitch": "medium", "volume": "medium", "emphasis": "moderate"}
_VALUES = {
    "rate": r"x-slow|slow|medium|fast|x-fast|\+?[1-9]\d{1,2}%|-[1-9]\d?%",
    "pitch": r"x-low|low|medium|high|x-high|[+-]\d{1,2}(\.\d)?(st|%)",
    "volume": r"silent|x-soft|soft|medium|loud|x-loud|[+-]\d{1,2}(\.\d)?dB",
    "emphasis": r"strong|moderate|none|reduced",
}
_STYLES = ("voice", "lang", "whisper", *_VALUES)
_KNOWN = (*_STYLES, *_SAID_AS, *_AS_WRITTEN, *_OTHER_NAMES, "expletive", "ipa", "sub")
WORDS = (*_KNOWN, "excited", "disappointed", "newscaster", "dj")
"""All that Speech Markdown documents, also for other programs."""
_PROSODY = ("rate", "pitch", "volume")
_DEVICE = "device"
"""The voice that is the session's own."""
_RESET = "defaults"

_WHISPERED = {"rate": "90%", "volume": "soft"}
_BLEEP = '<audio src="tick.wav"/>'


class Style(NamedTuple):
    """The tags around words in a style."""

    begin: str = ""
    end: str = ""


def pairs(written: str) -> dict[str, str] | None:
    """Return the keys and values in the brackets of a modifier; None if it is not one."""
    for short, key in ((_ALIAS, "sub"), (_IPA, "ipa")):
        if match := short.fullmatch(written):
            return {key: "".join(filter(None, match.groups()))}
    found: dict[str, str] = {}
    at = 0
    while at < len(written):
        pair = _PAIR.match(written, at)
        if pair is None:
            return None
        key = pair[1].lower()
        found[_OTHER_NAMES.get(key, key)] = next(filter(None, pair.groups()[1:]), "").rstrip(";")
        at = pair.end()
    return found


def modified(keys: dict[str, str], words: str, inner: str) -> tuple[str, list[str]]:
    """Return the SSML of words with modifiers, and what is not done of them.

    ``inner`` is the SSML of the words on their own.
    """
    kind = next((key for key in keys if key in (*_SAID_AS, "sub", "ipa", "expletive")), None)
    if kind == "expletive":
        inner = _BLEEP
    elif kind == "sub":
        inner = f"<sub alias={quoteattr(keys[kind])}>{escape(words)}</sub>"
    elif kind == "ipa":
        inner = f'<phoneme alphabet="ipa" ph={quoteattr(keys[kind])}>{escape(words)}</phoneme>'
    elif kind:
        form = f" format={quoteattr(keys[kind])}" if keys[kind] else ""
        inner = f'<say-as interpret-as="{kind}"{form}>{escape(words)}</say-as>'
    begin, end = style(keys)
    undone = _unknown(keys, (kind, *_STYLES, *_AS_WRITTEN))
    return f"{begin}{inner}{end}", [f"{what}: the words are spoken as they are" for what in undone]


def section(keys: dict[str, str]) -> tuple[Style, list[str]]:
    """Return the style from ``#[voice:"Ann"]`` on, and what is not done of it."""
    undone = _unknown(keys, (*_STYLES, _RESET))
    return style(keys), [f"{what}: it changes nothing" for what in undone]


def style(keys: dict[str, str]) -> Style:
    """Return the tags for voice, language, manner of speaking and emphasis among ``keys``."""
    valid = {
        key: value or _DEFAULTS.get(key, "")
        for key, value in keys.items()
        if key in _STYLES and not _is_wrong(key, value)
    }
    prosody = {key: valid[key] for key in _PROSODY if key in valid}
    if "whisper" in valid:
        prosody = {**_WHISPERED, **prosody}
    voice = valid.get("voice", "")
    tags = (
        ("voice", {"name": "" if voice == _DEVICE else voice}),
        ("lang", {"xml:lang": valid.get("lang", "")}),
        ("prosody", prosody),
        ("emphasis", {"level": valid.get("emphasis", "")}),
    )
    used = [(name, attributes) for name, attributes in tags if any(attributes.values())]
    begin = "".join(
        f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in attributes.items())}>"
        for name, attributes in used
    )
    return Style(begin, "".join(f"</{name}>" for name, _ in reversed(used)))


def _unknown(keys: dict[str, str], done: tuple[str | None, ...]) -> list[str]:
    """Return what is wrong with the keys that are not ``done``, and with values."""
    return [
        f"[{key}] is not known here{near(key, _KNOWN)}" if key not in done else
        f"[{key}:{value}] is not known"
        for key, value in keys.items()
        if key not in done or _is_wrong(key, value)
    ]  # fmt: skip


def _is_wrong(key: str, value: str) -> bool:
    return bool(value) and key in _VALUES and not re.fullmatch(_VALUES[key], value)
