"""What is there: the manifest, a line of JSON for each session, and the records behind it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from voiceguide.catalogue.place import place
from voiceguide.catalogue.requests import TARGET
from voiceguide.catalogue.work import line
from voiceguide.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voiceguide.catalogue.place import Place
    from voiceguide.catalogue.work import Order

MANIFEST = "manifest.jsonl"
FAILED = "failed.jsonl"

_KINDS: dict[str, type] = {
    "key": str, "request": dict, "file": str, "sha256": str, "bytes": int, "length_ms": int,
    "words": int, "title": str, "language": str, "seed": int, "voice": dict, "program": str,
}  # fmt: skip
"""What is in a record."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that could not be made."""

    at: str
    """Where it is written."""
    request: dict[str, Any]
    why: str

    def __str__(self) -> str:
        return f"{self.at}: {self.why}"


def read(address: str) -> list[dict[str, Any]]:
    """Return what the manifest at an address lists: a record for each session.

    It is empty if there is no manifest.

    Raises CatalogueError that names a wrong line.
    """
    found = []
    for number, text in enumerate((place(address).read(MANIFEST) or b"").splitlines(), 1):
        record, wrong = _record(text)
        if record is None:
            raise CatalogueError(
                f"{address}/{MANIFEST}:{number}: {wrong}; run “voiceguide catalogue” with the same "
                "requests: it writes the manifest anew from its records"
            )
        found.append(record)
    return found


def there(
    output: Place, orders: Iterable[Order], warn: Callable[[str], object]
) -> dict[str, dict[str, Any]]:
    """Return the records of those orders that are there, by their keys.

    An order is there if it has a record, and a file as large as that says. ``warn`` is called for
    each wrong line of the manifest; its record is read instead. Raises CatalogueError.
    """
    sizes = output.sizes()
    listed: dict[str, dict[str, Any]] = {}
    for number, text in enumerate((output.read(MANIFEST) or b"").splitlines(), 1):
        record, wrong = _record(text)
        if record is not None:
            listed[record["key"]] = record
        else:
            warn(f"{MANIFEST}:{number}: {wrong}; the line is written anew from its record")
    found = {}
    for order in orders:
        if order.record not in sizes or order.file not in sizes:
            continue
        record = listed.get(order.key)
        if record is None:
            record, _ = _record(output.read(order.record) or b"")
        if record and record["file"] == order.file and record["bytes"] == sizes[order.file]:
            found[order.key] = record
    return found


def write(
    output: Place,
    orders: Iterable[Order],
    made: dict[str, dict[str, Any]],
    failed: Iterable[Failure],
) -> None:
    """Write the manifest, in the order of the requests, and the list of what failed.

    Raises CatalogueError.
    """
    lines = [line(made[order.key]) for order in orders if order.key in made]
    output.write(MANIFEST, b"".join(lines))
    wrong = [line(asdict(failure)) for failure in failed]
    if wrong or output.read(FAILED):
        output.write(FAILED, b"".join(wrong))


def _record(text: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return what a line says, or None and what is wrong with it."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None, "is not JSON"
    if not isinstance(record, dict):
        return None, "is not a table"
    for name, kind in _KINDS.items():
        if not isinstance(record.get(name), kind):
            return None, f"“{name}” is missing or of another kind"
    if not isinstance(record["request"].get(TARGET), str):
        return None, f"“{TARGET}” of its “request” is missing or of another kind"
    return record, ""
