"""Downloads of voices: with progress, resumed after an interruption, and verified."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

from voiceguide.errors import VoiceError
from voiceguide.files import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

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


class File(NamedTuple):
    """A file to download."""

    url: str
    name: str
    """Its path in the folder of voices, with “/” between the parts."""
    size_bytes: int
    algorithm: str
    """Of the digest: "md5" or "sha256"."""
    digest: str


def base_address(given: str, variable: str) -> str:
    """Return the address of a folder, with “/” at its end; raises VoiceError.

    ``variable`` is the environment variable that it comes from, for the message.
    """
    if not _is_safe(given):
        raise VoiceError(f"{variable}={given}: must begin with https://")
    return given.rstrip("/") + "/"


def read(url: str, most_bytes: int) -> bytes:
    """Return what is at an address, up to ``most_bytes``; raises VoiceError."""
    try:
        with _open(url) as answer:
            return answer.read(most_bytes)
    except (OSError, http.client.HTTPException) as error:
        raise VoiceError(f"{url}: {_reason(error)}") from error


def missing(files: Iterable[File], into: Path) -> list[File]:
    """Return the files that are not in a folder yet, or not as they should be."""
    return [file for file in files if not _is(file, into / file.name)]


def download(
    voice: str, files: Iterable[File], into: Path, progress: Callable[[float], None] | None = None
) -> None:
    """Download the files of a voice into a folder; the last one there makes it complete.

    Afterwards, either all of them are there and are as they should be, or no file is new.
    ``progress`` is called with the fraction that is done, from 0 to 1. Raises VoiceError.
    """
    files = list(files)
    whole_bytes = sum(file.size_bytes for file in files)
    done_bytes = 0
    parts: list[tuple[Path, Path]] = []

    def tell(part_bytes: int) -> None:
        if progress:
            progress(min(1.0, (done_bytes + part_bytes) / max(1, whole_bytes)))

    try:
        into.mkdir(parents=True, exist_ok=True)
        with _alone(voice, into):
            for file in files:
                target = into / file.name
                part = target.with_name(f"{target.name}{_PART}")
                if not _is(file, target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _fetch(part, file, tell)
                    parts.append((part, target))
                done_bytes += file.size_bytes
                tell(0)
            for part, target in parts:
                settle(part, target)
    except OSError as error:
        raise VoiceError(f"{into}: cannot be written: {error.strerror or error}") from error


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


def _fetch(part: Path, file: File, tell: Callable[[int], None]) -> None:
    """Download a file into ``part``, resuming at its end; raises VoiceError, or OSError."""
    resumed = part.exists() and part.stat().st_size > 0
    for left in reversed(range(_TRIES)):
        broken = _go_on(part, file, tell)
        if broken is None:
            break
        if left == 0:
            here = f"{part.stat().st_size:,} of {file.size_bytes:,} bytes are here"
            fix = "run the command again to resume"
            raise VoiceError(f"{file.url}: {broken}; {here}; {fix}")
    if not _is(file, part):
        part.unlink(missing_ok=True)
        if resumed:  # its beginning may be from a different file
            _fetch(part, file, tell)
        else:
            what = f"is damaged (its {file.algorithm.upper()} digest is wrong); try again"
            raise VoiceError(f"{file.url}: {what}")


def _go_on(part: Path, file: File, tell: Callable[[int], None]) -> str | None:
    """Download what is missing; return None, or why the connection broke."""
    with part.open("ab") as out:
        there = out.tell()
        if there > file.size_bytes:  # of another version
            out.truncate(there := 0)
        if there == file.size_bytes:
            return None
        try:
            with _open(file.url, there) as answer:
                begin = _begin(answer, there, file)
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
                raise VoiceError(f"{file.url}: {_reason(error)}") from error
            return _reason(error)
        except (OSError, http.client.HTTPException) as error:
            return _reason(error)
    return None if there >= file.size_bytes else "the connection broke"


def _begin(answer: http.client.HTTPResponse, there: int, file: File) -> int | None:
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
        raise VoiceError(f"{file.url}: {wrong}; is this a Wi-Fi network with a login page?")
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
    answer = urllib.request.build_opener(_SafeRedirects).open(request, timeout=_TIMEOUT_S)
    assert isinstance(answer, http.client.HTTPResponse)  # noqa: S101 (of http and https)
    return answer


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0913 (as urllib calls it)
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Follow a redirect, unless others could read or change what is behind it."""
        if not _is_safe(newurl):
            raise VoiceError(f"{req.full_url}: redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_safe(url: str) -> bool:
    """Whether an address is https, or on this machine."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, TimeoutError):
        return f"no answer in {_TIMEOUT_S} s"
    if isinstance(error, urllib.error.URLError):
        return f"cannot be reached ({error.reason}); is there a network?"
    return f"the connection broke ({str(error) or type(error).__name__})"


def _is(file: File, path: Path) -> bool:
    """Whether a file is what it should be."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as opened:
        if os.fstat(opened.fileno()).st_size == file.size_bytes:
            begin = functools.partial(hashlib.new, file.algorithm, usedforsecurity=False)
            return hashlib.file_digest(opened, begin).hexdigest() == file.digest
    return False
