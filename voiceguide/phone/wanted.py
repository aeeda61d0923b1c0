"""What the page asks for: JSON -> a target and options that may come from anyone."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from voiceguide import files, script
from voiceguide.errors import UsageError, near, option
from voiceguide.options import BEDS, Options, chosen
from voiceguide.phone import speakers
from voiceguide.phone.form import OFFERED, VARIABLES
from voiceguide.script import Request

MOST_MINUTES, LEAST_MINUTES = 180, 1
_LONGEST = 60  # characters of a name or value
NAME = re.compile(r"[a-z0-9]+([-+][a-z0-9]+)*")
"""What is a name: of a target, a session or a playlist."""


def read(body: bytes) -> dict[str, Any]:
    """Return the target and the options that differ from the defaults, as a Session takes them.

    The same wish, however it is written, returns the same. Raises a VoiceguideError that says what
    is wrong.
    """
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request is not JSON: {error}") from error
    if not isinstance(wanted, dict):
        raise UsageError('the request must be an object, such as {"target": "calf"}')
    target = wanted.pop("target", None)
    if not isinstance(target, str) or len(target) > _LONGEST or not NAME.fullmatch(target):
        raise UsageError("target: must be a name such as calf, tennis-elbow, neck+jaw or breathing")
    for name, value in wanted.items():
        if name == VARIABLES and isinstance(value, dict):
            for variable, its_value in value.items():
                _check(variable, its_value)
        elif name in OFFERED:
            _check(name, value)
        else:
            raise UsageError(f"unknown option “{_shown(name)}”{near(name, OFFERED)}")
    options = chosen(wanted)
    given = options.chosen()
    if options.length_ms is not None:
        given["minutes"] = options.length_ms / 60_000
        if isinstance(wanted["minutes"], bool) or not (
            LEAST_MINUTES <= given["minutes"] <= MOST_MINUTES
        ):
            raise UsageError(f"minutes: must be between {LEAST_MINUTES} and {MOST_MINUTES}")
    _check_paths(options)
    script.about(Request(target, options))
    return {"target": target, **given}


def request(options: dict[str, Any]) -> Request:
    """Return what ``read`` has returned as a request."""
    return Request(options["target"], chosen(without_target(options)))


def without_target(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options alone."""
    return {name: value for name, value in options.items() if name != "target"}


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked for, without the seed: that is today's."""
    return {name: value for name, value in options.items() if name != "seed"}


def session_name(options: dict[str, Any], stamp: str) -> str:
    """Name a session by all that it is made of; ``stamp`` stands for what it is made with.

    Raises a VoiceguideError for a session that cannot be made: its script is written to find out.
    """
    asked = request(options)
    script.write(asked)
    about = script.about(asked)
    return f"{about.region or asked.target}-{files.digest([options, stamp])}"


def playlist_name(options: dict[str, Any]) -> str:
    """Name a playlist by what was chosen, as its folder is called; raises UsageError."""
    asked = request(options)
    for track in script.about(asked).tracks:
        for name in (*track.options, *track.variables):
            if name in {**options, **options.get(VARIABLES, {})}:
                raise UsageError(
                    f"{option(name)}: each track of a playlist has its own; leave it out"
                )
    names = [re.sub(r"[^a-z0-9]+", "-", name.lower()) for name in asked.options.names()]
    return "-".join([asked.target, *names])


def _check_paths(options: Options) -> None:
    """Refuse what could name a file of this machine; raises UsageError."""
    if options.voice is not None:
        speakers.check(options.voice)
    if options.bed is not None and options.bed not in BEDS:
        raise UsageError(f"bed: must be one of {', '.join(BEDS)}")


def _check(name: str, value: object) -> None:
    """Refuse what no option may be; raises UsageError."""
    if not isinstance(value, str | bool | int | float | None):
        raise UsageError(f"{_shown(name)}: must be a text, a number, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{_shown(name)}: must be a number that is finite")
    if len(str(value)) > _LONGEST:
        raise UsageError(f"{_shown(name)}: must have at most {_LONGEST} characters")
    if not str(value).isprintable():
        raise UsageError(f"{_shown(name)}: must be a line of text")


def _shown(name: str) -> str:
    """Return a name as a message can hold it."""
    return name[:_LONGEST] if name.isprintable() else ascii(name[:_LONGEST])
