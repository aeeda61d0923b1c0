"""A request -> its file and its record, in the catalogue's place. This is what workers run."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from voiceguide import __version__, export, files, mixer
from voiceguide.catalogue.place import place
from voiceguide.catalogue.requests import TARGET, as_json
from voiceguide.errors import CatalogueError, ExportError, VoiceguideError, spellings
from voiceguide.languages import primary
from voiceguide.session import Session
from voiceguide.voices import DEFAULT, ENGINES, PLAIN, best, cache, clip, engines, piper
from voiceguide.voices.voice import Standby

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voiceguide.catalogue.place import Place
    from voiceguide.script import Request

RECORDS = "records"
"""The folder of records; a record is written when its file is complete."""
_KINDS = (".toml", ".jinja")
"""The texts of which sessions are made."""
_NAMES = "names.toml"
"""What is called by a name, in any language."""
_ENGINES = Standby()
"""They wait for the next session that this process makes."""
_RETURNED_FROM_BYTES = 1024 * 1024
"""Smaller arrays are reused, 5 % faster beside other workers, with 9 MB more memory."""
_DIGEST_IN_NAME = 12  # characters
_LONGEST_NAME = 80  # characters, without the digest


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker has to make; orders with the same key are equal."""

    key: str
    """A digest of everything that decides what the file contains."""
    request: dict[str, Any] = field(compare=False)
    """As it is written in a file of requests."""
    file: str = field(compare=False)
    """The name of its file in the catalogue."""
    made_with: dict[str, Any] = field(compare=False)
    """What makes it: see ``made_with``."""
    output: str = field(compare=False)
    """The address of the catalogue."""
    clips: str | None = field(compare=False)
    """The address of the clips and encoded segments that workers share."""

    @property
    def record(self) -> str:
        """The name of its record in the catalogue."""
        return f"{RECORDS}/{self.key[:2]}/{self.key}.json"


class Made(NamedTuple):
    """A session that is there."""

    record: dict[str, Any]


class Failed(NamedTuple):
    """A request that could not be made."""

    why: str


def made_with(language: str, own: Path | None, voice: str | None) -> dict[str, Any]:
    """Return what makes a file: the program, its texts and sounds, and the engine.

    These may change while we run: texts are edited, voices are installed.
    """
    return {
        "program": __version__,
        "sound": [clip.VERSION, mixer.VERSION, export.VERSION],
        "texts": _digest(tuple(_texts(language, own))),
        "engine": _engine(voice),
    }


def order(
    request: Request,
    form: str,
    output: str,
    clips: str | None,
    made_with: Callable[[str, Path | None, str | None], dict[str, Any]] = made_with,
) -> Order:
    """Return what a worker has to make for a request, in the format ``form`` (“mp3”).

    Nothing is spoken for it. For many requests, ``made_with`` may remember what it has returned.
    Raises VoiceguideError if its voice or its texts are missing.
    """
    written, options = as_json(request), request.options
    made_by = made_with(options.language, options.library_path, options.voice)
    told = {name: value for name, value in written.items() if name != "library"}
    key = cache.key(sorted(told.items()), sorted(made_by.items()), form)
    (name, *_) = sorted(spellings(request.target)) or ["session"]
    stem = "-".join([name, *options.names()])
    safe = "".join(one if one.isascii() and (one.isalnum() or one in "-.") else "-" for one in stem)
    file = f"{safe[:_LONGEST_NAME]}-{key[:_DIGEST_IN_NAME]}.{form}"
    folder = f"{options.language}/{name[:_LONGEST_NAME]}"
    return Order(key, written, f"{folder}/{file}", made_by, output, clips)


def make(order: Order) -> Made | Failed:
    """Make a session, and write its file, then its record.

    Whatever is wrong with the request is returned. Raises CatalogueError if nothing else can be
    made here either: the place is full or closed, or this is another program.
    """
    clip.keep_memory_flat(_RETURNED_FROM_BYTES)
    written = dict(order.request)
    try:
        _check(order, {"program": __version__})  # another one may not know these options
        session = Session(written.pop(TARGET), **written)
        options = session.request.options
        _check(order, made_with(options.language, options.library_path, options.voice))
        output = place(order.output)
        with files.sharing(place(order.clips) if order.clips else None), _ENGINES.used():
            return Made(_made(order, session, output))
    except CatalogueError:
        raise
    except ExportError as error:  # nor can any other be written here
        hint = (
            "" if "TMPDIR" in str(error) else "; TMPDIR names another folder for unfinished files"
        )
        raise CatalogueError(f"on {platform.node()}: {error}{hint}") from error
    except VoiceguideError as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 (a mistake of ours must not stop all others)
        return Failed(f"unexpected {type(error).__name__}: {error}")


def end() -> None:
    """End what waits for the next session."""
    _ENGINES.close()


def _made(order: Order, session: Session, output: Place) -> dict[str, Any]:
    """Make a session, write its file and its record, and return the record."""
    with files.scratch_folder() as folder:
        path = folder / Path(order.file).name
        tags = replace(session.tags, date="")  # the same file on every day
        session.export(path, tags=tags)
        record = _record(order, session, path)
        output.write(order.file, path)
    output.write(order.record, line(record))
    return record


def line(record: dict[str, Any]) -> bytes:
    """Return a record as a line of JSON."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _record(order: Order, session: Session, path: Path) -> dict[str, Any]:
    options = session.request.options
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    texts = [event.text for event in session.timeline.events if event.text]
    voice, licence = _voice(options.voice, session.language)
    return {
        "key": order.key,
        "request": order.request,
        "file": order.file,
        "sha256": digest,
        "bytes": path.stat().st_size,
        "length_ms": session.timeline.duration_ms,
        "words": sum(len(text.split()) for text in texts),
        "title": session.title,
        "language": session.language,
        "seed": options.seed,
        "voice": {"name": voice, "licence": licence},
        "program": f"voiceguide {__version__}",
    }


def _check(order: Order, here: dict[str, Any]) -> None:
    """Raise CatalogueError if what would make an order is not what it was given to."""
    what = {"program": "another version of voiceguide", "sound": "another version of voiceguide",
            "texts": "other texts or sounds", "engine": "other voices"}  # fmt: skip
    for name, found in here.items():
        wanted = order.made_with.get(name)
        if found != wanted:
            raise CatalogueError(
                f"the worker on {platform.node()} has {what[name]} ({found}, not {wanted}); "
                "install the same there, then run the same command again: what was made stays"
            )


def _texts(language: str, own: Path | None) -> Iterator[tuple[str, str, int, int]]:
    """Return all texts, templates and sounds that may be in a session.

    Each has its name in the library, its path, its size and when it was modified.
    """
    spoken = {language, primary(language), "kinds"}
    for root in files.script_folders(own):
        for path, size, changed_ns in files.states(root):
            name = Path(path).relative_to(root)
            is_part = name.name == _NAMES or len(name.parts) == 1 or name.parts[0] in spoken
            if name.suffix in _KINDS and is_part:
                yield name.as_posix(), path, size, changed_ns
    for root in files.sound_folders(own):
        for path, size, changed_ns in files.states(root):
            yield Path(path).relative_to(root).as_posix(), path, size, changed_ns


@functools.lru_cache(maxsize=32)
def _digest(texts: tuple[tuple[str, str, int, int], ...]) -> str:
    """Return a digest of files; they are read again when their sizes or times have changed.

    Raises CatalogueError.
    """
    digest = hashlib.sha256()
    for name, path, size, _ in texts:
        digest.update(f"{name}\0{size}\0".encode())
        try:
            digest.update(Path(path).read_bytes())
        except OSError as error:
            raise CatalogueError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:16]


def _engine(voice: str | None) -> str:
    """Return the id of the engine that speaks."""
    engine = engines(voice)()
    engine.close()
    return hashlib.sha256(engine.id.encode()).hexdigest()[:16]


def _voice(voice: str | None, language: str) -> tuple[str, str | None]:
    """Return the name of the voice that speaks a language, and its licence if it is known."""
    if voice is None:
        found = best.voices().get(primary(language))
        return (found.id, found.licence) if found else (PLAIN, None)
    if voice == DEFAULT:
        return PLAIN, None
    if (licence := piper.licence(voice)) is not None:  # also of a model that is given by its path
        return voice, licence
    others = (name for name in ENGINES if name != DEFAULT)  # the system's have none
    licences = (
        one.licence
        for name in others
        for one in ENGINES.load(name).voices()
        if voice in (one.id, name)  # “kokoro” is one of its voices
    )
    return voice, next(licences, None)
