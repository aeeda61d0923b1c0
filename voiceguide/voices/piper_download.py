"""Downloads of Piper's voices.

Piper's own downloader (piper.download_voices) does not resume, verify, or show progress; only its
addresses are used.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import urllib.parse
from typing import TYPE_CHECKING

from voiceguide.errors import VoiceError
from voiceguide.voices import download as downloads
from voiceguide.voices.piper import NEEDED, SUFFIX, folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIRROR = "VOICEGUIDE_PIPER_URL"
"""The environment variable for a mirror: the address of the folder with its voices.json."""

_LIST = "voices.json"
_MOST_LIST_BYTES = 20_000_000


def download(voice: str, progress: Callable[[float], None] | None = None) -> Path:
    """Download a voice into the folder of installed ones; return the path of its model.

    Afterwards, either both of its files are there and match the list of voices, or neither.
    ``progress`` is called with the fraction that is done, from 0 to 1. Raises VoiceError.
    """
    downloads.download(voice, _files(_base(), voice), folder(), progress)
    return folder() / f"{voice}{SUFFIX}"


def _base() -> str:
    """Return the address of the folder with the list of voices."""
    base = os.environ.get(MIRROR)
    if not base:
        try:
            from piper.download_voices import VOICES_JSON
        except ImportError as error:
            raise VoiceError(f"Piper is missing: {NEEDED}") from error
        base = VOICES_JSON.partition(_LIST)[0]
    return downloads.base_address(base, MIRROR)


def _files(base: str, voice: str) -> list[downloads.File]:
    """Return the files of a voice: its configuration, then its model, which makes it complete."""
    url = f"{base}{_LIST}"
    content = downloads.read(url, _MOST_LIST_BYTES)
    try:
        listed = json.loads(content)
        names = {f"{voice}{SUFFIX}.json", f"{voice}{SUFFIX}"}
        if voice in listed and re.fullmatch(r"[\w.-]+", voice):
            # MD5 is what the list has; against damage, it suffices.
            files = [
                downloads.File(
                    f"{base}{urllib.parse.quote(path)}",
                    path.rpartition("/")[2],
                    int(about["size_bytes"]),
                    "md5",
                    str(about["md5_digest"]).lower(),
                )
                for path, about in listed[voice]["files"].items()
                if path.rpartition("/")[2] in names
            ]
            if len(files) == len(names):
                return sorted(files, key=lambda file: file.name, reverse=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VoiceError(f"{url}: is not a list of Piper's voices") from error
    near = difflib.get_close_matches(voice, listed, n=5, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "a name is en_US-amy-medium"
    raise VoiceError(f"Piper has no voice “{voice}”; {hint}")
