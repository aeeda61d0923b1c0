"""Files and other content -> answers, with the headers that browsers and players need."""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.datastructures import Headers
    from starlette.requests import Request

TYPES = {
    "mp3": "audio/mpeg",
    "json": "application/json",
    "chapters.json": "application/json+chapters",
    "vtt": "text/vtt",
    "m3u8": "audio/x-mpegurl",  # the type of HLS would mislead players
    "xspf": "application/xspf+xml",
    "xml": "application/rss+xml",
    "png": "image/png",
    "svg": "image/svg+xml",
    "css": "text/css",
    "js": "text/javascript",
}

_PIECE_BYTES = 1 << 16
_GZIP = re.compile(r"\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?", re.IGNORECASE)
"""An encoding that a client accepts; a quality of 0 means that it does not."""
_PART = r"(\d{1,15}-(\d{1,15})?|-\d{1,15})"
_RANGE = re.compile(rf"bytes={_PART}(\s*,\s*{_PART})*", re.IGNORECASE)


def file(request: Request, path: Path, download: str | None = None) -> Response:
    """Return a file, or the part that was requested; with ?download, as a file to save."""
    try:
        status = path.stat()
    except OSError as error:
        raise HTTPException(404, "not found") from error
    form = "chapters.json" if path.name.endswith(".chapters.json") else path.suffix[1:]
    disposition = "attachment" if "download" in request.query_params else "inline"
    if not _RANGE.fullmatch(request.headers.get("range", "")):
        # RFC 9110, 14.2: an invalid range is ignored.
        headers = request.scope["headers"]
        request.scope["headers"] = [one for one in headers if one[0] != b"range"]
    response = FileResponse(
        path, media_type=TYPES[form], filename=download, stat_result=status,
        content_disposition_type=disposition,
    )  # fmt: skip
    return _unless_known(request, response)


def content(request: Request, body: bytes, kind: str) -> Response:
    """Return ``body`` as content of the type ``kind``."""
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    return _unless_known(request, Response(body, headers={"ETag": etag}, media_type=kind))


def packed(request: Request, body: bytes, kind: str) -> Response:
    """Return ``body``, a text without secrets, compressed for clients that accept it."""
    # In secrets, compression would betray to others on the network what a guess has in common.
    accepts = any(map(_GZIP.fullmatch, _split(request.headers, "accept-encoding")))
    response = content(request, gzip.compress(body, mtime=0) if accepts else body, kind)
    response.headers["Vary"] = "Accept-Encoding"
    if accepts and response.status_code == 200:  # noqa: PLR2004 (a 304 has no content)
        response.headers["Content-Encoding"] = "gzip"
    return response


def _unless_known(request: Request, response: Response) -> Response:
    """Return ``response``, or 304 if the client has it already."""
    known = [one.strip().removeprefix("W/") for one in _split(request.headers, "if-none-match")]
    if "*" not in known and response.headers["etag"] not in known:
        return response
    kept = {
        name: response.headers[name]
        for name in ("etag", "last-modified")
        if name in response.headers
    }
    return Response(status_code=304, headers=kept)


def _split(headers: Headers, name: str) -> list[str]:
    return ",".join(headers.getlist(name)).split(",")


def zipped(request: Request, name: str, paths: list[Path]) -> Response:
    """Return ``paths`` as a ZIP file, made while it is sent: without ranges."""
    found = [(path.name, path.stat()) for path in paths]
    made_of = repr([(file, status.st_size, status.st_mtime_ns) for file, status in found])
    headers = {
        "Accept-Ranges": "none",
        "Content-Disposition": f'attachment; filename="{name}.zip"',
        "ETag": f'"{hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()}"',
    }
    response = StreamingResponse(_zip(name, paths), 200, headers, "application/zip")
    return _unless_known(request, response)


def _zip(name: str, paths: list[Path]) -> Iterator[bytes]:
    """Yield a ZIP file of ``paths``, in a folder ``name``, piece by piece, uncompressed."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w") as archive:  # type: ignore[call-overload]
        for path in paths:
            entry = zipfile.ZipInfo.from_file(path, f"{name}/{path.name}", strict_timestamps=False)
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while piece := source.read(_PIECE_BYTES):
                    target.write(piece)
                    yield pieces.take()
    yield pieces.take()


class _Pieces:
    """A write-only file, whose content is taken out as it comes."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._written.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: it is in memory."""

    def take(self) -> bytes:
        taken = b"".join(self._written)
        self._written.clear()
        return taken
