"""What the page asks for: JSON -> a target and options that may come from anyone."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from voiceguide import script
from voiceguide.errors import UsageError, VoiceguideError, near
from voiceguide.options import DEFAULTS, OPTIONS, chosen
from voiceguide.script import Request

OFFERED = tuple(name for name, option in OPTIONS.items() if option.page)
"""The options that the page may choose; all others could name files of this machine."""
MOST_MINUTES, LEAST_MINUTES = 180, 1
_LONGEST = 60  # characters of a value
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read(body: bytes) -> dict[str, Any]:
    """Return the target and the options that differ from the defaults, as a Session takes them.

    Raises VoiceguideError that says what is wrong.
    """
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"that is not JSON: {error}") from error
    if not isinstance(wanted, dict):
        raise UsageError('send an object, such as {"target": "calf"}')
    for name, value in wanted.items():
        if name not in ("target", *OFFERED):
            raise UsageError(f"unknown option “{name[:_LONGEST]}”{near(name, OFFERED)}")
        if isinstance(value, str) and len(value) > _LONGEST:
            raise UsageError(f"{name}: is longer than {_LONGEST} characters")
    target = wanted.pop("target", None)
    if not isinstance(target, str) or not _SLUG.fullmatch(target):
        raise UsageError("target: must be the name of a region, a complaint or a kind")
    minutes = wanted.get("minutes")
    if minutes is not None and not (
        isinstance(minutes, int | float) and LEAST_MINUTES <= minutes <= MOST_MINUTES
    ):
        raise UsageError(f"minutes: must lie between {LEAST_MINUTES} and {MOST_MINUTES}")
    given = {name: value for name, value in wanted.items() if value != DEFAULTS[name]}
    script.about(Request(target, chosen(given)))
    return {"target": target, **given}


def session_name(options: dict[str, Any], stamp: str) -> str:
    """Name a session by all that it is made of; ``stamp`` stands for what it is made with."""
    target, *_ = options.values()
    about = script.about(Request(target, chosen(_without_target(options))))
    made_of = json.dumps([options, stamp], sort_keys=True)
    digest = hashlib.blake2b(made_of.encode(), digest_size=8).hexdigest()
    return f"{about.region or target}-{digest}"


def playlist_name(options: dict[str, Any]) -> str:
    """Name a playlist by what was chosen, as its folder is called; raises VoiceguideError."""
    if "area" in options:
        raise VoiceguideError("area: a playlist treats all areas of a region")
    chosen_options = chosen(_without_target(options))
    names = [re.sub(r"[^a-z0-9]+", "-", name.lower()) for name in chosen_options.names()]
    return "-".join([options["target"], *names])


def _without_target(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "target"}
