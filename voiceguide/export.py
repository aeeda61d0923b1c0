"""Blocks -> MP3, WAV, FLAC or OGG, with tags and chapters; timeline -> captions.

A file is written under a temporary name and renamed when it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

import numpy as np
from mutagen import MutagenError, flac, id3, mp3, oggvorbis, wave
from pedalboard.io import AudioFile

from voiceguide.errors import ExportError
from voiceguide.mp3 import KBIT_PER_S, Encoder
from voiceguide.ssml import Speech
from voiceguide.voices.clip import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from voiceguide.timeline import Event, Timeline

FORMATS = ("mp3", "wav", "flac", "ogg")
"""The suffixes that can be written."""

VERSION = 3
"""Raise it whenever the same session becomes another file: a playlist's are then made anew."""

SOUNDS = "voiceguide sounds"
"""The tag by which “play” knows holds and breaths."""

_SOUND = re.compile(r"(\d+) (\d+) (.+)")

_ISO_639_2 = {"en": "eng", "de": "deu"}  # ISO 639-2, as ID3v2.4 wants it
UNDETERMINED = "und"
"""The language of a file whose language ID3 has no code for here."""

_PART = ".voiceguide-part-"
_STALE_S = 24 * 3600

_MARK = "TXXX:voiceguide"
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Tags:
    """What a player shows of a session."""

    title: str
    album: str
    language: str
    """A BCP 47 tag."""
    date: str
    """As ISO 8601 has it: "2026-11-23"."""
    comment: str
    artist: str = "voiceguide"
    genre: str = "Health"
    track: str = "1"
    """Its number, or "2/5"."""
    cover: bytes | None = None
    """A PNG picture; MP3 and WAV files carry it."""
    mark: str | None = None
    """What an MP3 is made of; ``read_mark`` gives it back while the file is as it was written."""


def suffix(path: Path) -> str:
    """Give the format that a file's name asks for; raises ExportError for one not known."""
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise ExportError(f"{path}: cannot write “{path.suffix}” files; use one of {known}")
    return name


def write(  # noqa: PLR0913 (each is a part of a file)
    path: Path,
    blocks: Iterable[bytes],
    *,
    channels: int,
    tags: Tags,
    timeline: Callable[[], Timeline],
    progress: Callable[[], object],
) -> None:
    """Write ``blocks`` (48,000 Hz, 16 bit, interleaved) to ``path``, in the format of its suffix.

    ``timeline`` is asked when all blocks are written; ``progress`` is called after each. Raises
    ExportError where the file cannot be written.
    """
    form = suffix(path)
    with _whole(path) as file:
        _encode(file, form, blocks, channels, progress)
        if tags.mark is not None:
            tags = replace(tags, mark=f"{tags.mark} {_digest(file, 0)}")
        _tag(file, form, tags, timeline())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file whole, unless it holds ``content`` already; raises ExportError."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    with _whole(path) as file:
        file.write(content)


def read_mark(path: Path) -> str | None:
    """Give the mark of an MP3; None where it has none, or its sound is not what was written."""
    with contextlib.suppress(OSError, MutagenError, ValueError, IndexError):
        tags = id3.ID3(path)
        mark, sound = tags[_MARK].text[0].split(" ")
        with path.open("rb") as file:
            return str(mark) if _digest(file, tags.size) == sound else None
    return None


def is_ours(path: Path) -> bool:
    """Tell whether an MP3 has a mark, even if it was damaged since."""
    with contextlib.suppress(OSError, MutagenError):
        return _MARK in id3.ID3(path)
    return False


def read_sounds(lines: str) -> list[tuple[int, int, str]]:
    """Give begin and end in ms and the name of each sound in the tag ``SOUNDS``."""
    found = filter(None, map(_SOUND.fullmatch, lines.splitlines()))
    return [(int(match[1]), int(match[2]), match[3]) for match in found]


def language(code: str) -> str:
    """Give the BCP 47 tag for a code of ISO 639-2, as ID3 has them."""
    return {long: short for short, long in _ISO_639_2.items()}.get(code, UNDETERMINED)


def _digest(file: IO[bytes], begin: int) -> str:
    """Give a digest of a file from the byte ``begin`` on."""
    file.seek(begin)
    digest = hashlib.blake2b(digest_size=20)
    while part := file.read(_PIECE_BYTES):
        digest.update(part)
    return digest.hexdigest()


def captions(timeline: Timeline, form: str, *, title: str, language: str) -> str:
    """Tell what is heard, as "text", "json", "vtt" (WebVTT) or "lrc".

    The JSON has the keys title, language, duration_ms, chapters and events.
    """
    return "".join(
        {"text": _text, "json": _json, "vtt": _vtt, "lrc": _lrc}[form](timeline, title, language)
    )


def summary(timeline: Timeline) -> str:
    """Tell in a few words what is heard, and for how long."""
    spoken = len(_spoken(timeline))
    counts = {
        "chapter": len(timeline.chapters),
        "phrase": spoken,
        "sound": len(timeline.events) - spoken,
    }
    length = _clock(timeline.duration_ms, hours=True)
    return ", ".join(
        [length, *(f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items())]
    )


class _Pedalboard:
    """Writes 48,000 Hz, 16 bit to a file as WAV, FLAC or OGG; ``close`` makes it whole."""

    def __init__(self, file: IO[bytes], form: str, channels: int) -> None:
        quality = {"quality": KBIT_PER_S[channels]} if form == "ogg" else {}
        self._channels = channels
        self._file = AudioFile(
            file, "w", samplerate=RATE_HZ, num_channels=channels, format=form, bit_depth=16,
            **quality,
        )  # fmt: skip

    def write(self, block: bytes) -> None:
        self._file.write(np.frombuffer(block, dtype="<i2").reshape(-1, self._channels).T)

    def close(self) -> None:
        self._file.close()


def _encode(
    file: IO[bytes],
    form: str,
    blocks: Iterable[bytes],
    channels: int,
    progress: Callable[[], object],
) -> None:
    encoder = Encoder(file, channels) if form == "mp3" else _Pedalboard(file, form, channels)
    with (
        contextlib.closing(encoder),
        ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool,
    ):
        # The encoder works beside the mixer, a block behind it: it needs most of the time.
        written: Future[None] | None = None
        for block in blocks:
            if written:
                written.result()
            written = pool.submit(encoder.write, block)
            progress()
        if written:
            written.result()


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path``; rename it if all goes well, else remove it."""
    temporary = path.with_name(f"{_PART}{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(f"{_PART}*"):  # left behind by a render that was killed
            if time.time() - old.stat().st_mtime > _STALE_S:
                old.unlink(missing_ok=True)
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, MutagenError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExportError(
            f"{path}: cannot be written: {reason}; mend that, or choose another place (-o)"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _tag(file: IO[bytes], form: str, tags: Tags, timeline: Timeline) -> None:
    file.seek(0)
    match form:
        case "mp3":
            audio = mp3.MP3(file)
        case "wav":
            audio = wave.WAVE(file)
        case "flac":
            audio = flac.FLAC(file)
        case _:
            audio = oggvorbis.OggVorbis(file)
    if form in ("mp3", "wav"):
        audio.add_tags()
        for frame in _id3_frames(tags, timeline):
            audio.tags.add(frame)
    else:
        if audio.tags is None:
            audio.add_tags()
        for key, value in _vorbis_comments(tags, timeline):
            audio[key] = value
    file.seek(0)
    audio.save(file)


def _id3_frames(tags: Tags, timeline: Timeline) -> Iterator[id3.Frame]:
    """Give ID3v2.4 frames, with the chapters of its addendum (https://id3.org/id3v2-chapters-1.0)."""
    language = _ISO_639_2.get(tags.language.partition("-")[0].lower(), UNDETERMINED)
    utf8 = id3.Encoding.UTF8
    yield id3.TIT2(utf8, tags.title)
    yield id3.TPE1(utf8, tags.artist)
    yield id3.TALB(utf8, tags.album)
    yield id3.TRCK(utf8, tags.track)
    yield id3.TCON(utf8, tags.genre)
    yield id3.TLAN(utf8, language)
    yield id3.TDRC(utf8, tags.date)
    yield id3.COMM(utf8, language, "", tags.comment)
    if tags.cover is not None:
        front = id3.PictureType.COVER_FRONT
        yield id3.APIC(id3.Encoding.LATIN1, "image/png", front, "", tags.cover)
    if tags.mark is not None:
        yield id3.TXXX(utf8, _MARK.partition(":")[2], tags.mark)
    spoken = _spoken(timeline)
    yield id3.USLT(utf8, language, "", "\n".join(text for _, text in spoken))
    yield id3.SYLT(utf8, language, 2, 1, "", [(text, ms) for ms, text in spoken])
    yield id3.TXXX(utf8, SOUNDS, _sounds(timeline))
    if not timeline.chapters:
        return
    # mutagen writes the shorter frame first, then by name. Names that make up for the titles'
    # lengths keep the chapters in order for players that do not read the table of contents.
    lengths = [len(chapter.title.encode()) for chapter in timeline.chapters]
    names = [
        f"{number:03}".ljust(3 + max(lengths) - length, "-")
        for number, length in enumerate(lengths)
    ]
    flags = id3.CTOCFlags.TOP_LEVEL | id3.CTOCFlags.ORDERED
    yield id3.CTOC("toc", flags, names, [id3.TIT2(utf8, tags.title)])
    for name, chapter in zip(names, timeline.chapters, strict=True):
        unused = 0xFFFFFFFF  # byte offsets: the times count
        title = id3.TIT2(utf8, chapter.title)
        yield id3.CHAP(name, chapter.begin_ms, chapter.end_ms, unused, unused, [title])


def _vorbis_comments(tags: Tags, timeline: Timeline) -> Iterator[tuple[str, str]]:
    yield "title", tags.title
    yield "artist", tags.artist
    yield "album", tags.album
    yield "tracknumber", tags.track
    yield "genre", tags.genre
    yield "language", tags.language
    yield "date", tags.date
    yield "comment", tags.comment
    yield "lyrics", "\n".join(text for _, text in _spoken(timeline))
    yield "syncedlyrics", "".join(_lrc(timeline, tags.title, tags.language))
    yield SOUNDS, _sounds(timeline)
    for number, chapter in enumerate(timeline.chapters):
        yield f"chapter{number:03}", _clock(chapter.begin_ms, hours=True)
        yield f"chapter{number:03}name", chapter.title


def _spoken(timeline: Timeline) -> list[tuple[int, str]]:
    """Give the begin and the words of each speech."""
    return [
        (event.begin_ms, event.cue.text)
        for event in timeline.events
        if isinstance(event.cue, Speech)
    ]


def _sounds(timeline: Timeline) -> str:
    """Tell begin, end and name of each sound, a line each."""
    return "\n".join(
        f"{event.begin_ms} {event.end_ms} {event.cue.source}"
        for event in timeline.events
        if not isinstance(event.cue, Speech)
    )


def _text(timeline: Timeline, title: str, _language: str) -> Iterator[str]:
    yield f"{title} ({_clock(timeline.duration_ms)})\n"
    chapters = list(timeline.chapters)
    for begin_ms, text in _spoken(timeline):
        while chapters and chapters[0].begin_ms <= begin_ms:
            yield f"\n{chapters.pop(0).title}\n"
        yield f"{_clock(begin_ms)}  {text}\n"
    for chapter in chapters:
        yield f"\n{chapter.title}\n"


def _json(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    document = {
        "title": title,
        "language": language,
        "duration_ms": timeline.duration_ms,
        "chapters": [
            {"title": chapter.title, "begin_ms": chapter.begin_ms, "end_ms": chapter.end_ms}
            for chapter in timeline.chapters
        ],
        "events": [*_bed(timeline), *map(_event, timeline.events)],
    }
    yield json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _bed(timeline: Timeline) -> Iterator[dict[str, object]]:
    if timeline.bed:
        yield {
            "kind": "bed",
            "begin_ms": timeline.bed.begin_ms,
            "end_ms": timeline.duration_ms,
            "text": None,
            "source": timeline.bed.source,
            "gain_db": round(timeline.bed.gain_db, 2),
        }


def _event(event: Event) -> dict[str, object]:
    return {
        "kind": event.kind,
        "begin_ms": event.begin_ms,
        "end_ms": event.end_ms,
        "text": event.cue.text if isinstance(event.cue, Speech) else None,
        "source": None if isinstance(event.cue, Speech) else event.cue.source,
        "gain_db": round(event.gain_db, 2),
    }


def _vtt(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Give WebVTT (https://www.w3.org/TR/webvtt1/)."""
    yield f"WEBVTT - {title}\nLanguage: {language}\n"
    for event in timeline.events:
        if isinstance(event.cue, Speech):
            times = (_clock(ms, hours=True) for ms in (event.begin_ms, event.end_ms))
            text = event.cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            yield f"\n{' --> '.join(times)}\n{text}\n"


def _lrc(timeline: Timeline, title: str, language: str) -> Iterator[str]:
    """Give LRC, whose times are minutes, seconds and hundredths."""
    yield f"[ti:{title}]\n[ar:voiceguide]\n[la:{language}]\n"
    yield f"[length:{_clock(timeline.duration_ms)}]\n"
    for begin_ms, text in _spoken(timeline):
        minutes, ms = divmod(begin_ms, 60_000)
        yield f"[{minutes:02}:{ms // 1000:02}.{ms % 1000 // 10:02}]{text}\n"


def _clock(ms: int, *, hours: bool = False) -> str:
    """Write a time as 12:34, or with ``hours`` as 00:12:34.567."""
    seconds, ms = divmod(ms, 1000)
    if not hours:
        return f"{seconds // 60}:{seconds % 60:02}"
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
