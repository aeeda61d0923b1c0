"""What is said in every session, in one language: phrases.toml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field

from voiceguide.library.models import Model, Texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Wording(Model):
    """What is said in every session: phrases with variants, side names and chapter titles."""

    language_name: str
    sides: dict[str, str]
    chapters: dict[str, str]
    phrases: dict[str, Texts]
    conjunction: str = ","
    """What joins the things that are needed: "a chair and a cushion"."""
    serial_comma: bool = False
    """Whether a comma goes before it in longer lists: "a table, a chair, and a cushion"."""
    never: str = ""
    """How warnings of what must not be pressed begin; they are said while the spot is found."""
    upright: list[str] = Field(default_factory=list)
    """Beginnings of words by which one stands or balances: eyes stay open."""
    standing: list[str] = Field(default_factory=list)
    """Beginnings of sentences by which one stands."""
    rising: list[str] = Field(default_factory=list)
    """What is said where one gets up, which takes longer than a step."""
    lowering: list[str] = Field(default_factory=list)
    """Beginnings of sentences by which one who stands gets down, which takes longer too."""
    descending: list[str] = Field(default_factory=list)
    """The same for those by which one gets down from a chair, too."""
    props: dict[str, str] = Field(default_factory=dict)
    """What is named before the session, by the beginning of the word in the texts of an area."""

    def is_upright(self, texts: Iterable[str]) -> bool:
        """Whether one stands or balances in any of these texts."""
        return any(_begins_word(start, texts) for start in self.upright)

    def props_in(self, texts: Sequence[str]) -> list[str]:
        """Return what is needed for these texts, besides the tool."""
        return [prop for start, prop in self.props.items() if _begins_word(start, texts)]


def _begins_word(start: str, texts: Iterable[str]) -> bool:
    return any(re.search(rf"\b{re.escape(start)}", text, re.IGNORECASE) for text in texts)
