"""Elements of Amazon, Microsoft and Google -> what can be done of them here.

Their names are in namespaces of their own, but scripts often do not declare those, so the local
name decides. Sources: Alexa's and Polly's SSML reference, Azure's “Customize voice and sound with
SSML”, Watson's “Understanding SSML”, Google's “Speech Synthesis Markup Language”.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voiceguide.ssml import values

if TYPE_CHECKING:
    from voiceguide.ssml.cues import Style
    from voiceguide.ssml.xml import Element

_WHISPERED = values.Manner(0.9, -6.0)
_SOFT = values.Manner(1.0, -3.0)
UNPREFIXED = ("bookmark", "express-as", "viseme", "voice-transformation")
"""Elements that Azure and IBM's Watson have without a prefix."""
BREATHS_MS = {"x-short": 200, "short": 350, "medium": 500, "long": 800, "x-long": 1200}
"""How long the pause for an audible breath of Polly is."""

_SPEAKS = "is not supported: its content is spoken as it is"
_AS_PAUSE = "is a pause here: breaths are not heard"


def styled(element: Element, style: Style) -> tuple[Style, str | None]:
    """Return the style of what is in a vendor's element, and what is not done of it, if anything.

    ``element`` is one of another namespace than SSML's.
    """
    attributes = element.attributes
    match element.name:
        case "effect" if attributes.get("name") == "whispered":
            return _WHISPERED.of(style), None
        case "effect" if attributes.get("phonation") == "soft":
            return _SOFT.of(style), None
        case "express-as" if attributes.get("style") == "whispering":
            return _WHISPERED.of(style), None
        case "effect" | "express-as" | "emotion" | "style" | "domain" | "auto-breaths":
            return style, _SPEAKS
        case "backgroundaudio":
            return style, "is not supported: lay a bed under the session with --bed"
    return style, None


def pause_ms(element: Element) -> tuple[int | None, str | None]:
    """Return how long the pause is that a vendor's element makes, and what is not done of it.

    The pause is None for elements that make none. Raises ValueError for a time that cannot be read.
    """
    match element.name:
        case "silence" if "value" in element.attributes:
            kind = element.attributes.get("type", "Leading").removesuffix("-exact").lower()
            if kind not in ("leading", "tailing"):
                return None, "between sentences or at commas is not supported: it is ignored"
            return values.duration(element.attributes["value"].strip()), None
        case "breath":
            length = element.attributes.get("duration", "medium")
            return BREATHS_MS.get(length, BREATHS_MS["medium"]), _AS_PAUSE
    return None, None
