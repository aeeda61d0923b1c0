"""The library: the files of scripts/<language> -> regions, areas, methods and wording.

It takes the name of a language and optionally a folder of texts that override all others. Files
are searched there first, then in the user's configuration folder, then among the built-in ones:

    scripts/en/regions/calf.toml    a region: its complaints, its areas, what is said of each
    scripts/en/muscles.toml         what to avoid and how hard to press, and when to see a doctor
    scripts/en/names.toml           everyday words for regions, areas, complaints and methods
    scripts/en/methods.toml         the ways of treating a spot
    scripts/en/phrases.toml         what is said in every session
    scripts/en/lexicon.toml         how words sound that an engine would say wrong

It returns a ``Library``, which reads a file when it is needed and finds a region, area, complaint
or method by any of its names: ``load("en").find("Tennisarm")``. It returns frozen, checked models,
so later stages can rely on them.

An author's mistakes raise a ``LibraryError`` with a line for each: file, line and key. An unknown
name raises a ``RequestError`` that suggests similar names.

    models.py   what a file may contain
    wording.py  what phrases.toml may contain
    toml.py     reading a file, and finding the line of a mistake
    texts.py    the library of one language; the available languages
    missing.py  what a language lacks
    checks.py   what is wrong in the files of a language
    unread.py   files that nothing reads
    nowhere.py  why a name leads nowhere
    lexicon.py  how words sound
    kinds.py    kinds of session
    listing.py  regions, methods and kinds as lists
"""

from __future__ import annotations

from voiceguide.library.lexicon import Lexicon
from voiceguide.library.missing import missing
from voiceguide.library.models import Area, Method, Region, for_side
from voiceguide.library.texts import REFERENCE, Library, languages, lexicon, listed, load
from voiceguide.library.unread import unread
from voiceguide.library.wording import Wording

__all__ = [
    "REFERENCE",
    "Area",
    "Lexicon",
    "Library",
    "Method",
    "Region",
    "Wording",
    "for_side",
    "languages",
    "lexicon",
    "listed",
    "load",
    "missing",
    "unread",
]
