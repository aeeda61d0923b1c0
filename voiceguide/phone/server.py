"""The page's server: what can be chosen, what is made, and the files, with ranges.

    GET  /                              the page
    GET  /api/library?language=en       regions, areas, methods
    GET  /api/sessions                  those that are made, the latest first
    POST /api/sessions                  have one made; the answer has its id and state
    GET  /api/sessions/ID               waiting, making, ready, or failed (status 422)
    DELETE /api/sessions/ID             have it made no longer
    GET  /sessions/ID.mp3               .json (the timeline), .vtt, .chapters.json
    …    /api/playlists                 the same for playlists
    GET  /playlists/NAME/FILE           tracks; M3U8, XSPF and feed.xml for this address
    GET  /playlists/NAME/TRACK.marks.json     its holds, breaths and sides
    GET  /playlists/NAME.zip            all of them
    GET  /playlists/NAME/               the page, open there
    GET  /covers/REGION.png

A mistake of the asker is told as {"error": "…"} with a status from 400 on.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import hashlib
import json
import re
import socket
import tomllib
import zipfile
from abc import abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import jinja2
import segno
import uvicorn
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import (
    FileResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from voiceguide import Playlist, __version__, export, files, library, mixer, playlist, script
from voiceguide.errors import VoiceguideError
from voiceguide.export import cover
from voiceguide.phone import access, render_child
from voiceguide.phone.renders import BusyError, Kind, Render, Renders, pathless, touch
from voiceguide.voices import clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import TextIO

    from starlette.datastructures import Headers
    from starlette.requests import Request

MAX_BODY_BYTES = 4096
BODY_S = 10.0
"""How long a client may take to send it."""
MAX_MINUTES = 180
RETRY_S = 30
"""When to come again if we are busy."""

COVER_PX = 512
_MOST_LISTED = 50
_PIECE_BYTES = 1 << 16
_OTHER_FILES = 50  # that are open besides

_PAGE = Path(__file__).with_name("page")
_BODY = Path(cover.__file__).with_name("body.svg")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MOST_CHARACTERS = 150  # of a name
_LANGUAGE_COOKIE = "language"
_MARKS = ".marks.json"

_DIGITS = r"\d{1,15}"
_PART = re.compile(rf"({_DIGITS})-({_DIGITS})?|-({_DIGITS})")
_RANGE = re.compile(rf"bytes=({_PART.pattern})(\s*,\s*({_PART.pattern}))*", re.IGNORECASE)
_ZIP_ENTRY_BYTES, _ZIP_END_BYTES = 30 + 16 + 46, 22
"""Of an entry that is stored: its header, descriptor and line in the directory, without the name in
two of them (APPNOTE 4.3)."""

_TYPES = {
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

_Slug = Annotated[str, Field(pattern=rf"^{_NAME.pattern}$", max_length=60)]


class _Wanted(BaseModel):
    """What may be chosen; the words are those of the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: _Slug
    method: _Slug | None = None
    side: Literal["left", "right", "both"] = "both"
    level: Literal["gentle", "standard", "deep"] = "standard"
    guidance: Literal["full", "brief", "tones"] = "full"
    explain: bool = False
    prepare: bool = False
    minutes: Annotated[float, Field(ge=1, le=MAX_MINUTES, allow_inf_nan=False)] | None = None
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")] = "en"

    def options(self) -> dict[str, Any]:
        """Return what differs from the defaults, as a Session takes it."""
        chosen = self.model_dump(mode="json", exclude_defaults=True)
        return {"target": chosen.pop("region"), **chosen}

    @abstractmethod
    def name(self) -> str:
        """Check that it can be had, and name it; raises VoiceguideError."""


class WantedSession(_Wanted):
    """A session that is asked for."""

    area: _Slug | None = None

    def name(self) -> str:
        """Check that it can be had, and name it by all that it is made of."""
        options = self.options()
        asked = script.request(**options)
        region = script.treatment(asked, library.load(asked.language)).region
        made_of = json.dumps([options, _stamp()], sort_keys=True)
        return f"{region.id}-{hashlib.blake2b(made_of.encode(), digest_size=8).hexdigest()}"


class WantedPlaylist(_Wanted):
    """A playlist that is asked for."""

    def name(self) -> str:
        """Check that it can be had, and name it by what was chosen, as its folder is called."""
        options = self.options()
        Playlist(**options)
        if "minutes" in options:
            minutes = f"{options.pop('minutes'):.12g}".replace(".", "-")
            options["minutes"] = f"{minutes}-min"
        return "-".join(
            name if chosen is True else str(chosen).lower() for name, chosen in options.items()
        )


_WantedT = TypeVar("_WantedT", bound=_Wanted)


def serve(folder: Path, host: str, port: int, out: TextIO) -> None:
    """Serve the page until a signal comes; say where on ``out``. Raises VoiceguideError."""
    key = access.load_key()
    renders = Renders(folder)
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    _say_where(host, port, key, out)
    config = uvicorn.Config(
        application(renders, key),
        http=access.TimeoutProtocol,
        ws="none",
        access_log=False,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_most_connections(),
        h11_max_incomplete_event_size=access.MAX_HEAD_BYTES,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config).run([listening])


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End at once: who is in the middle of a download can go on another time."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)


def application(renders: Renders, key: str) -> access.Gate:
    """Return the page as an ASGI application, behind its gate."""
    page = _Page(renders, key)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(renders.run())
        yield
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    def failure(_: Request, error: Exception) -> Response:
        """Return what is wrong, never how it came to be."""
        if isinstance(error, HTTPException):
            return JSONResponse({"error": error.detail}, error.status_code, error.headers)
        if isinstance(error, VoiceguideError):
            return JSONResponse({"error": pathless(str(error), renders.folder)}, 422)
        if isinstance(error, OSError) and error.errno not in (errno.EMFILE, errno.ENFILE):
            raise error
        if isinstance(error, BusyError | OSError):
            busy = {"error": "busy: others wait already; try again in a little while"}
            return JSONResponse(busy, 503, {"Retry-After": str(RETRY_S)})
        return JSONResponse({"error": "something went wrong"}, 500)

    kinds = (HTTPException, BusyError, VoiceguideError, OSError, Exception)
    app = Starlette(
        routes=page.routes(), lifespan=lifespan, exception_handlers=dict.fromkeys(kinds, failure)
    )
    return access.Gate(app, key)


class _Page:
    def __init__(self, renders: Renders, key: str) -> None:
        self._renders = renders
        self._folder = renders.folder
        self._key = key
        self._texts = tomllib.loads((_PAGE / "texts.toml").read_text("utf-8"))

    def routes(self) -> list[Route]:
        def each(kind: Kind, path: str, answer: Callable[..., Any], method: str) -> Route:
            return Route(path, functools.partial(answer, kind), methods=[method])

        kinds: list[Kind] = ["sessions", "playlists"]
        routes = [
            Route("/", self._index),
            Route("/page/{name}", _asset),
            Route("/api/library", _library),
            Route("/covers/{name}.png", _cover),
            Route("/sessions/{file}", self._session_file),
            Route("/playlists/{name}.zip", self._zip),
            Route("/playlists/{name}", self._playlist_page),
            Route("/playlists/{name}/", self._playlist_page),
            Route("/playlists/{name}/{file}", self._playlist_file),
        ]
        for kind in kinds:
            routes += [
                each(kind, f"/api/{kind}", self._list, "GET"),
                each(kind, f"/api/{kind}", self._ask, "POST"),
                each(kind, f"/api/{kind}/{{name}}", self._state, "GET"),
                each(kind, f"/api/{kind}/{{name}}", self._cancel, "DELETE"),
            ]
        return routes

    async def _index(self, request: Request) -> Response:
        wanted = request.query_params.get("language") or request.cookies.get(_LANGUAGE_COOKIE)
        accepted = request.headers.get("accept-language", "")
        language = _language(f"{wanted or ''},{accepted}", self._texts)
        content = await run_in_threadpool(self._html, language)
        response = _content(request, content.encode(), "text/html")
        if wanted == language and "language" in request.query_params:
            year_s = 365 * 24 * 3600
            response.set_cookie(_LANGUAGE_COOKIE, language, year_s, httponly=True, samesite="lax")
        response.headers["Vary"] = "Accept-Language, Cookie"
        return response

    def _html(self, language: str) -> str:
        return _html(language, _stamp(), json.dumps(self._texts))

    async def _list(self, kind: Kind, _: Request) -> Response:
        find = self._made_sessions if kind == "sessions" else self._made_playlists
        return JSONResponse(await run_in_threadpool(find))

    async def _ask(self, kind: Kind, request: Request) -> Response:
        body = await _body(request)
        wanted = _validated(WantedSession if kind == "sessions" else WantedPlaylist, body)
        name = await run_in_threadpool(wanted.name)
        if kind == "sessions" and (about := await run_in_threadpool(self._session, name)):
            return JSONResponse(about)
        render = self._renders.ask(kind, name, wanted.options())
        return JSONResponse(self._progress(render), 202)

    async def _state(self, kind: Kind, request: Request) -> Response:
        name = _name(request)
        if render := self._renders.find(kind, name):
            status = 422 if render.state == "failed" else 200
            return JSONResponse(self._progress(render), status)
        find = self._session if kind == "sessions" else self._playlist
        if (about := await run_in_threadpool(find, name)) is None:
            raise HTTPException(404, "not found")
        return JSONResponse(about)

    async def _cancel(self, kind: Kind, request: Request) -> Response:
        if not self._renders.cancel(kind, _name(request)):
            raise HTTPException(404, "not found")
        return Response(status_code=204)

    def _progress(self, render: Render) -> dict[str, object]:
        about: dict[str, object] = {
            "id": render.name,
            "state": render.state,
            "options": render.options,
        }
        match render.state:
            case "waiting":
                about["position"] = self._renders.position(render)
            case "making":
                about["progress"] = render.progress
            case "failed":
                about |= {"error": render.error, "nearest_ms": render.nearest_ms}
                about["one_side_ms"] = render.one_side_ms
        return about

    def _session(self, name: str) -> dict[str, object] | None:
        """Tell about a session that is made."""
        path = files.find(f"{name}/{render_child.ABOUT}", [self._renders.sessions])
        if path is None:
            return None
        with contextlib.suppress(OSError, ValueError):
            about = json.loads(path.read_bytes())
            touch(path.parent)
            return {"id": name, "state": "ready", **about}
        return None

    def _made_sessions(self) -> list[dict[str, object]]:
        found = []
        for path in self._renders.sessions.glob(f"*/{render_child.ABOUT}"):
            with contextlib.suppress(OSError, ValueError):
                made = (path.stat().st_mtime, path.parent.name, json.loads(path.read_bytes()))
                found.append(made)
        found.sort(key=lambda made: made[:2], reverse=True)
        return [{"id": name, "state": "ready", **about} for _, name, about in found[:_MOST_LISTED]]

    async def _session_file(self, request: Request) -> Response:
        name, _, form = request.path_params["file"].partition(".")
        if not _is_name(name) or form not in ("mp3", "json", "vtt", "chapters.json"):
            raise HTTPException(404, "not found")
        file = f"{name}/session.{form}"
        path = await run_in_threadpool(files.find, file, [self._renders.sessions])
        if path is None:
            raise HTTPException(404, "not found")
        await run_in_threadpool(touch, path.parent)
        shown = name
        if about := await run_in_threadpool(self._session, name):
            shown = str(about["file"]).removesuffix(".mp3")
        return _file(request, path, f"{shown}.{form}")

    def _playlist(self, name: str) -> dict[str, object] | None:
        """Tell about a playlist that is made, here or by the command line."""
        folder = self._folder / name
        found = _files(folder, _modified(folder))
        listed = files.find(f"{name}/{name}.m3u8", [self._folder])
        if listed is None or not found:
            return None
        tracks = playlist.tracks(folder)
        return {
            "id": name,
            "state": "ready",
            "title": tracks[0].album,
            "language": tracks[0].language,
            "duration_ms": sum(track.duration_ms for track in tracks),
            "size_bytes": sum(track.size_bytes for track in tracks),
            "feed": f"/key/{self._key}/playlists/{name}/{playlist.FEED}",
            "list": f"/key/{self._key}/playlists/{name}/{name}.m3u8",
            "tracks": [
                {"title": one.title, "file": one.path.name, "duration_ms": one.duration_ms}
                for one in tracks
            ],
        }

    def _made_playlists(self) -> list[dict[str, object]]:
        found = []
        for path in sorted(self._folder.glob("*/*.m3u8")):
            name = path.parent.name
            if path.stem == name and _is_name(name):
                with contextlib.suppress(VoiceguideError):
                    found.append(self._playlist(name))
        return [one for one in found[:_MOST_LISTED] if one is not None]

    async def _playlist_file(self, request: Request) -> Response:
        name, file = _name(request), request.path_params["file"]
        folder = self._folder / name
        names = await run_in_threadpool(_files, folder, _modified(folder))
        of = f"{file.removesuffix(_MARKS)}.mp3" if file.endswith(_MARKS) else file
        path = await run_in_threadpool(files.find, f"{name}/{of}", [self._folder])
        if path is None or of not in names:
            raise HTTPException(404, "not found")
        if of != file:
            marks = await run_in_threadpool(playlist.marks, path)
            found = json.dumps([asdict(mark) for mark in marks])
            return _content(request, found.encode(), _TYPES["json"])
        feed = functools.partial(playlist.feed, first_url=folder.resolve().as_uri())
        lists: dict[str, Callable[[list[playlist.Track], str], bytes]]
        lists = {"m3u8": playlist.m3u8, "xspf": playlist.xspf, "xml": feed}
        if path.suffix[1:] not in lists:
            return _file(request, path, f"{name}-{file}" if file[:2].isdigit() else file)
        host = request.headers["host"]
        base = f"{request.url.scheme}://{host}/key/{self._key}/playlists/{name}"
        tracks = await run_in_threadpool(playlist.tracks, folder)
        content = lists[path.suffix[1:]](tracks, base)
        response = _content(request, content, _TYPES[path.suffix[1:]])
        if "download" in request.query_params:
            response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return response

    async def _playlist_page(self, request: Request) -> Response:
        """Lead to the page of a playlist; it is what its feed names as its home."""
        name = _name(request)
        if await run_in_threadpool(self._playlist, name) is None:
            raise HTTPException(404, "not found")
        response = RedirectResponse(f"/#playlist/{name}", 303)
        access.set_cookie(response, self._key)
        return response

    async def _zip(self, request: Request) -> Response:
        name = _name(request)
        folder = self._folder / name
        known = await run_in_threadpool(_files, folder, _modified(folder))
        if not known:
            raise HTTPException(404, "not found")
        names = [f"{name}/{file}" for file in sorted(known)]
        paths = [path for file in names if (path := files.find(file, [self._folder]))]
        if not paths:
            raise HTTPException(404, "not found")
        return await run_in_threadpool(_zip_response, request, name, paths)


def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ("page.css", "page.js", "icon.svg"):
        raise HTTPException(404, "not found")
    return _file(request, _PAGE / name)


def _library(request: Request) -> Response:
    found = _choices(request.query_params.get("language", library.REFERENCE), _stamp())
    return _content(request, found.encode(), _TYPES["json"])


def _cover(request: Request) -> Response:
    """Draw a region's cover; one that is not known leaves the body unlit, as the drawing does."""
    name = _name(request)
    if name not in library.load(library.REFERENCE).region_files:
        raise HTTPException(404, "not found")
    return _content(request, cover.png(name, COVER_PX), _TYPES["png"])


def _file(request: Request, path: Path, download: str | None = None) -> Response:
    """Return a file, or the part that is asked for; with ?download, to be saved."""
    try:
        status = path.stat()
    except OSError as error:
        raise HTTPException(404, "not found") from error
    form = "chapters.json" if path.name.endswith(".chapters.json") else path.suffix[1:]
    disposition = "attachment" if "download" in request.query_params else "inline"
    if not _RANGE.fullmatch(asked := request.headers.get("range", "")) or _is_backward(asked):
        # RFC 9110, 14.2: what is no range of bytes is as if it were not there.
        headers = request.scope["headers"]
        request.scope["headers"] = [one for one in headers if one[0] != b"range"]
    response = FileResponse(
        path, media_type=_TYPES[form], filename=download, stat_result=status,
        content_disposition_type=disposition,
    )  # fmt: skip
    return _unless_known(request, response)


def _is_backward(asked: str) -> bool:
    """Whether a range ends before it begins."""
    return any(last and int(last) < int(first) for first, last, _ in _PART.findall(asked) if first)


def _content(request: Request, content: bytes, kind: str) -> Response:
    etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    return _unless_known(request, Response(content, headers={"ETag": etag}, media_type=kind))


def _unless_known(request: Request, response: Response) -> Response:
    """Return ``response``, or 304 if the asker has it already."""
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


async def _body(request: Request) -> bytes:
    """Read what is sent, if it is JSON and not long in coming."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != _TYPES["json"]:
        raise HTTPException(415, "send application/json")
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise HTTPException(413, f"send {MAX_BODY_BYTES} bytes at most")
    except TimeoutError as error:
        raise HTTPException(408, "that took too long") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "that was not all") from error
    return body


def _validated(model: type[_WantedT], body: bytes) -> _WantedT:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].encode("utf-8", "replace").decode()
        raise HTTPException(422, f"{key}: {reason}" if key else reason) from error


@functools.lru_cache(maxsize=16)
def _choices(language: str, _stamp: str) -> str:
    """Return as JSON what can be chosen in a language; raises RequestError if it is not there."""
    texts = library.load(language)
    return json.dumps(
        {
            "language": language,
            "languages": {
                one: library.load(one).wording.language_name for one in library.languages()
            },
            "methods": [
                {"id": one.id, "name": one.name, "summary": one.summary}
                for one in texts.methods.values()
            ],
            "regions": [
                {
                    "id": region.id,
                    "name": region.name,
                    "summary": region.summary,
                    "areas": [
                        {
                            "id": area.id,
                            "name": area.name,
                            "two_sided": area.two_sided,
                            "methods": list(area.place),
                        }
                        for area in region.areas
                    ],
                }
                for region in sorted(texts.regions(), key=lambda one: one.name)
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


@functools.lru_cache(maxsize=4)
def _html(language: str, stamp: str, texts: str) -> str:
    """Return the page in a language, with the body and what can be chosen in it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    body = re.sub(r"<!--.*?-->\s*|xmlns=\S+ ", "", _BODY.read_text("utf-8"), flags=re.DOTALL)
    return environment.get_template("index.html.jinja").render(
        language=language,
        languages={tag: one["name"] for tag, one in json.loads(texts).items()},
        texts=json.loads(texts)[language],
        body=body,
        choices=json.loads(_choices(language, stamp)),
    )


def _stamp() -> str:
    """Return a digest of all that decides how a request sounds, besides the request."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((__version__, clip.VERSION, mixer.VERSION, export.VERSION)).encode())
    for folder in [*files.folders("scripts"), *files.folders("sounds")]:
        for path in sorted(folder.rglob("*")):
            status = path.stat()
            digest.update(repr((str(path), status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=64)
def _files(folder: Path, modified_ns: int) -> frozenset[str]:
    """Name the files of the playlist in ``folder``; none if it holds none."""
    if not modified_ns or not any(
        export.written_by_voiceguide(path) for path in folder.glob("*.mp3")
    ):
        return frozenset()
    return frozenset(path.name for path in playlist.files(folder))


def _modified(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def _zip_response(request: Request, name: str, paths: list[Path]) -> Response:
    """Return ``paths`` as a ZIP file, or the part that is asked for."""
    found = [(path.name, path.stat()) for path in paths]
    names_bytes = sum(2 * len(f"{name}/{file}".encode()) for file, _ in found)
    size = sum(status.st_size + _ZIP_ENTRY_BYTES for _, status in found)
    size += names_bytes + _ZIP_END_BYTES
    made_of = repr([(file, status.st_size, status.st_mtime_ns) for file, status in found])
    etag = f'"{hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()}"'
    begin, end = 0, size
    unit, _, asked = request.headers.get("range", "").partition("=")
    match = _PART.fullmatch(asked) if unit.lower() == "bytes" else None
    if match and request.headers.get("if-range", etag) == etag:
        first, last, count = match.groups()
        begin = int(first) if first else max(0, size - int(count))
        end = min(size, int(last) + 1) if last else size
        if begin >= size:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        if begin >= end:  # it is backward, and so no range
            match, begin, end = None, 0, size
    else:
        match = None
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{name}.zip"',
        "Content-Length": str(end - begin),
        "ETag": etag,
    }
    if match:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    pieces = _between(_zipped(name, paths), begin, end)
    response = StreamingResponse(pieces, 206 if match else 200, headers, "application/zip")
    return _unless_known(request, response)


def _between(pieces: Iterator[bytes], begin: int, end: int) -> Iterator[bytes]:
    """Return what lies between two places of all ``pieces`` together."""
    at = 0
    for piece in pieces:
        if part := piece[max(0, begin - at) : max(0, end - at)]:
            yield part
        at += len(piece)
        if at >= end:
            return


def _zipped(name: str, paths: list[Path]) -> Iterator[bytes]:
    """Return a ZIP file of ``paths``, in a folder ``name``, in pieces; nothing is compressed."""
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
    """A file that can only be written to; what was written is taken out."""

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


def _language(accepted: str, known: Mapping[str, object]) -> str:
    """Choose a language of the page: the first of Accept-Language that is known, in its order."""
    ranked: list[tuple[float, int, str]] = []
    for place, entry in enumerate(accepted.split(",")[:30]):
        tag, _, weight = entry.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, tag.partition("-")[0].lower()))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(ranked) if tag in known), library.REFERENCE)


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if not _is_name(name):
        raise HTTPException(404, "not found")
    return name


def _is_name(name: str) -> bool:
    return len(name) <= _MOST_CHARACTERS and _NAME.fullmatch(name) is not None


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket; raises VoiceguideError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=1024, dualstack_ipv6=both)
    except (OSError, OverflowError, UnicodeError) as error:
        match getattr(error, "errno", None):
            case errno.EADDRINUSE:
                why = f"port {port} is in use, perhaps by another “voiceguide serve”"
                why += ": end that, or choose another with --port"
            case errno.EACCES:
                why = (
                    f"port {port} may not be used by everyone: choose one from 1024 on with --port"
                )
            case _:
                why = f"--host {host}: is no address of this machine; 0.0.0.0 stands for all"
        raise VoiceguideError(why) from error


def _most_connections() -> int:
    """Return how many connections we can have: each may need a file too, and systems allow so many.

    Where we may, we let ourselves have enough.
    """
    needed = 2 * access.MAX_CONNECTIONS + _OTHER_FILES
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = needed if most == resource.RLIM_INFINITY else min(needed, most)
        if soft < allowed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        return min(access.MAX_CONNECTIONS, max(1, (max(soft, allowed) - _OTHER_FILES) // 2))
    return access.MAX_CONNECTIONS


def _say_where(host: str, port: int, key: str, out: TextIO) -> None:
    """Print the links, and for phones the QR code."""
    outside = _outside_address(host)
    if outside is None or host in ("0.0.0.0", "::"):  # noqa: S104 (that is the question)
        print(f"On this machine:  http://localhost:{port}/", file=out)
    if outside is None:
        print("For phones, there is no network here.", file=out)
    else:
        shown = f"[{outside}]" if ":" in outside else outside
        link = f"http://{shown}:{port}/key/{key}/"
        print(f"On your phone:    {link}\n", file=out)
        segno.make(link, micro=False).terminal(out, border=2, compact=True)
        print("\nThe phone must be in the same network. Who has the link may enter.", file=out)
    print("Ctrl+C ends it.", file=out, flush=True)


def _outside_address(host: str) -> str | None:
    """Return the address at which a phone finds us; None if it cannot."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104
        address = socket.getaddrinfo(host, 0)[0][4][0]
        return None if str(address).startswith(("127.", "::1")) else str(address)
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((far, 9))  # sends nothing, but the system chooses a way
        return str(probe.getsockname()[0])
    return None
