"""Downloads of Piper's voices: with progress, resumed after an interruption, and verified.

Piper's own downloader (piper.download_voices) does none of these; only its addresses are used.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import http.client
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

from voiceguide.errors import VoiceError
from voiceguide.files import settle
from voiceguide.voices.piper import NEEDED, SUFFIX, folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

MIRROR = "VOICEGUIDE_PIPER_URL"
"""The environment variable for a mirror: the address of the folder with its voices.json."""

_LIST = "voices.json"
_MOST_LIST_BYTES = 20_000_000
_PART = ".part"  # a fixed name, so that the download can be resumed
_LOCK = ".lock"
_TIMEOUT_S = 30
_TRIES = 3
_BLOCK_BYTES = 1 << 16
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL_CONTENT = 206
_SERVER_ERROR = 500
"""From here on, it is the server's fault and may be temporary."""

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class _File(NamedTuple):
    path: str
    """Relative to the folder of the list."""
    size_bytes: int
    md5: str


def download(voice: str, progress: Callable[[float], None] | None = None) -> Path:
    """Download a voice into the folder of installed ones; return the path of its model.

    Afterwards, either both of its files are there and match the list of voices, or neither.
    ``progress`` is called with the fraction that is done, from 0 to 1. Raises VoiceError.
    """
    base = _base()
    files = _files(base, voice)
    whole_bytes = sum(file.size_bytes for file in files)
    into = folder()
    done_bytes = 0
    parts: list[tuple[Path, Path]] = []

    def tell(part_bytes: int) -> None:
        if progress:
            progress(min(1.0, (done_bytes + part_bytes) / max(1, whole_bytes)))

    try:
        into.mkdir(parents=True, exist_ok=True)
        with _alone(voice, into):
            for file in files:
                target = into / file.path.rpartition("/")[2]
                part = target.with_name(f"{target.name}{_PART}")
                if not _is(file, target):
                    _fetch(f"{base}{urllib.parse.quote(file.path)}", part, file, tell)
                    parts.append((part, target))
                done_bytes += file.size_bytes
                tell(0)
            for part, target in parts:  # the model last: if it exists, the voice is complete
                settle(part, target)
    except OSError as error:
        raise VoiceError(f"{into}: cannot be written: {error.strerror or error}") from error
    return into / f"{voice}{SUFFIX}"


@contextlib.contextmanager
def _alone(voice: str, into: Path) -> Iterator[None]:
    """Keep other processes from downloading the same voice; raises VoiceError if one already does.

    The lock ends with the process, however that ends. Its empty file stays: if it were removed, one
    process could lock it while another creates a new one.
    """
    with (into / f".{voice}{_LOCK}").open("ab") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError) as error:  # the second on Windows
            raise VoiceError(f"{voice} is already being downloaded") from error
        yield


def _base() -> str:
    """Return the address of the folder with the list of voices."""
    base = os.environ.get(MIRROR)
    if not base:
        try:
            from piper.download_voices import VOICES_JSON
        except ImportError as error:
            raise VoiceError(f"Piper is missing: {NEEDED}") from error
        base = VOICES_JSON.partition(_LIST)[0]
    if not base.startswith(("https://", "http://")):
        raise VoiceError(f"{MIRROR}={base}: must begin with https://")
    return base.rstrip("/") + "/"


def _files(base: str, voice: str) -> list[_File]:
    """Return the files of a voice: its configuration, then its model."""
    url = f"{base}{_LIST}"
    try:
        with _open(url) as answer:
            listed = json.loads(answer.read(_MOST_LIST_BYTES))
        names = {f"{voice}{SUFFIX}.json", f"{voice}{SUFFIX}"}
        if voice in listed and re.fullmatch(r"[\w.-]+", voice):
            files = [
                _File(path, int(about["size_bytes"]), str(about["md5_digest"]).lower())
                for path, about in listed[voice]["files"].items()
                if path.rpartition("/")[2] in names
            ]
            if len(files) == len(names):
                return sorted(files, key=lambda file: file.path, reverse=True)
    except (OSError, http.client.HTTPException) as error:
        raise VoiceError(f"{url}: {_reason(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VoiceError(f"{url}: is not a list of Piper's voices") from error
    near = difflib.get_close_matches(voice, listed, n=5, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "a name is en_US-amy-medium"
    raise VoiceError(f"Piper has no voice “{voice}”; {hint}")


def _fetch(url: str, part: Path, file: _File, tell: Callable[[int], None]) -> None:
    """Download a file into ``part``, resuming at its end; raises VoiceError, or OSError."""
    resumed = part.exists() and part.stat().st_size > 0
    for left in reversed(range(_TRIES)):
        broken = _go_on(url, part, file, tell)
        if broken is None:
            break
        if left == 0:
            here = f"{part.stat().st_size:,} of {file.size_bytes:,} bytes are here"
            fix = "run the command again to resume"
            raise VoiceError(f"{url}: {broken}; {here}; {fix}")
    if not _is(file, part):
        part.unlink(missing_ok=True)
        if resumed:  # its beginning may be from a different file
            _fetch(url, part, file, tell)
        else:
            raise VoiceError(f"{url}: is damaged (its MD5 digest is wrong); try again")


def _go_on(url: str, part: Path, file: _File, tell: Callable[[int], None]) -> str | None:
    """Download what is missing; return None, or why the connection broke."""
    with part.open("ab") as out:
        there = out.tell()
        if there > file.size_bytes:  # of another version
            out.truncate(there := 0)
        if there == file.size_bytes:
            return None
        try:
            with _open(url, there) as answer:
                begin = _begin(url, answer, there, file)
                if begin != there:  # the server starts again, or we have to
                    out.truncate(there := 0)
                if begin is None:
                    return "the server resumed at another place"
                there = _save(answer, out, there, tell)
        except _DiskError as error:
            raise error.reason from error
        except urllib.error.HTTPError as error:
            if error.code == _RANGE_NOT_SATISFIABLE:
                out.truncate(0)
            elif error.code < _SERVER_ERROR:
                raise VoiceError(f"{url}: {_reason(error)}") from error
            return _reason(error)
        except (OSError, http.client.HTTPException) as error:
            return _reason(error)
    return None if there >= file.size_bytes else "the connection broke"


def _begin(url: str, answer: http.client.HTTPResponse, there: int, file: _File) -> int | None:
    """Return where an answer begins; None if it is not the requested part.

    Raises VoiceError if it cannot be the file, such as a login page of a network.
    """
    begin = 0
    if there and answer.status == _PARTIAL_CONTENT:
        begin = there
        rest = rf"bytes {begin}-{file.size_bytes - 1}/({file.size_bytes}|\*)"
        if not re.fullmatch(rest, answer.headers.get("Content-Range", "")):
            return None
    if answer.length != file.size_bytes - begin:  # None where it does not say
        wrong = f"unexpected answer instead of the {file.size_bytes:,} bytes of the voice"
        raise VoiceError(f"{url}: {wrong}; is this a Wi-Fi network with a login page?")
    return begin


class _DiskError(Exception):
    """The disk failed, not the network; both would be an OSError."""

    def __init__(self, reason: OSError) -> None:
        self.reason = reason


def _save(
    answer: http.client.HTTPResponse, out: BinaryIO, there: int, tell: Callable[[int], None]
) -> int:
    """Save an answer; return how much of the file is there afterwards. Raises _DiskError."""
    while block := answer.read1(_BLOCK_BYTES):
        try:
            out.write(block)
        except OSError as error:
            raise _DiskError(error) from error
        there += len(block)
        tell(there)
    return there


def _open(url: str, begin: int = 0) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "voiceguide"})  # noqa: S310 (_base)
    if begin:
        request.add_header("Range", f"bytes={begin}-")
    answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    assert isinstance(answer, http.client.HTTPResponse)  # noqa: S101 (of http and https)
    return answer


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, TimeoutError):
        return f"no answer in {_TIMEOUT_S} s"
    if isinstance(error, urllib.error.URLError):
        return f"cannot be reached ({error.reason}); is there a network?"
    return f"the connection broke ({error or type(error).__name__})"


def _is(file: _File, path: Path) -> bool:
    """Whether a file is what the list says."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as opened:
        if os.fstat(opened.fileno()).st_size == file.size_bytes:
            # MD5 is what the list has; against damage, it suffices
            md5 = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False))
            return md5.hexdigest() == file.md5
    return False
