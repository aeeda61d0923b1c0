"""The library: the files of scripts/<language> -> regions, areas, methods and wording.

It takes the name of a language and, if the listener has one, a folder of texts that override all
others. Files are looked for there first, then in the user's configuration folder, then in what is
shipped:

    scripts/en/regions/calf.toml    a region: its complaints, its areas, what is said of each
    scripts/en/methods.toml         the ways of treating a spot
    scripts/en/phrases.toml         what is said in every session

It returns a ``Library``, which reads a file when it is asked for and finds a region, area or method
by any of its names: ``load("en").region("Tennis Elbow")``. What it returns are frozen models, which
hold to what the stages after this one rely on.

A mistake of an author is a ``LibraryError``: it has a line for each mistake of the file, with file,
line and key. A name that nobody has is a ``RequestError``, with the names that are near.

    models.py   what a file may hold
    toml.py     reading a file; where in it a mistake is
    texts.py    the library of one language; which languages there are
    missing.py  what a language lacks
    listing.py  regions and methods as lists
"""

from __future__ import annotations

from voiceguide.library.missing import missing
from voiceguide.library.models import Area, Method, Region, Wording, for_side
from voiceguide.library.texts import REFERENCE, Library, languages, load

__all__ = [
    "REFERENCE",
    "Area",
    "Library",
    "Method",
    "Region",
    "Wording",
    "for_side",
    "languages",
    "load",
    "missing",
]
