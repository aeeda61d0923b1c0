"""The language that a BCP 47 tag names, without its country: in "de-AT", "de"."""

from __future__ import annotations


def primary(tag: str) -> str:
    """Return the language of a tag in lower case; "_" counts as "-", as in names of locales."""
    return tag.lower().replace("_", "-").partition("-")[0]


def same_language(one: str, other: str) -> bool:
    """Whether two tags name the same language, maybe in different countries."""
    return primary(one) == primary(other)
