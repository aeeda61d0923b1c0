"""The page's server: what can be chosen, what is made, and the files.

    GET  /                              the page
    GET  /api/library?language=en       kinds of session, regions, areas, methods
    GET  /api/sessions                  those that exist, the latest first
    POST /api/sessions                  make {"target": "calf", "minutes": 12}; has its id, state
    GET  /api/sessions/ID               waiting, making, ready, or failed (status 422)
    DELETE /api/sessions/ID             stop making it, unless others want it too
    GET  /sessions/ID.mp3               .json (the timeline), .vtt, .chapters.json
    …    /api/playlists                 the same for playlists
    GET  /playlists/NAME/FILE           tracks; M3U8, XSPF and feed.xml for this address
    GET  /playlists/NAME/TRACK.marks.json     its holds, breaths and sides
    GET  /playlists/NAME.zip            all of them
    GET  /playlists/NAME/               redirects to the page, which shows it
    GET  /covers/REGION.png             of a region or a kind
    GET  /api/voices?language=en        the voices that are installed
    GET  /samples/en.mp3?voice=ID       a voice says a sentence

A request that cannot be met is answered with {"error": "…"} and a status of 400 or more.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import secrets
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from voiceguide import clock, files, library, playlist
from voiceguide.errors import VoiceguideError
from voiceguide.export import cover
from voiceguide.library import kinds
from voiceguide.phone import access, address, choices, made, responses, speakers, wanted
from voiceguide.phone.renders import BusyError, Kind, Render, Renders, pathless

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import TextIO

    from starlette.requests import Request

MAX_BODY_BYTES = 4096
BODY_S = 10.0
"""How long a client may take to send its body."""
RETRY_S = 30
"""When clients should try again if we are busy."""

COVER_PX = 512

_LANGUAGE_COOKIE = "language"
_PHONE_COOKIE = "phone"
"""Tells phones apart, so that none stops what another one has asked for."""
_LONGEST_CLIENT = 100
_MARKS = ".marks.json"


def serve(  # noqa: PLR0913 (each is an option)
    folder: Path,
    host: str,
    port: int,
    out: TextIO,
    cert: Path | None = None,
    cert_key: Path | None = None,
    *,
    key_always: bool = False,
) -> None:
    """Serve the page until a signal comes; print its links to ``out``.

    With ``cert``, a file of certificates in PEM, and its private key, it is served by HTTPS. The
    key may be in the same file. With ``key_always``, this machine needs the key of the page too.
    Raises VoiceguideError.
    """
    address.check_certificate(cert, cert_key)
    key = access.load_key()
    renders = Renders(folder)
    listening = address.listen(host, port)
    port = listening.getsockname()[1]
    scheme = "https" if cert else "http"
    address.say_where(host, port, key, out, scheme=scheme, key_always=key_always)
    config = uvicorn.Config(
        application(renders, key, key_always=key_always),
        http=access.TimeoutProtocol,
        ws="none",
        access_log=False,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=address.most_connections(),
        h11_max_incomplete_event_size=access.MAX_HEAD_BYTES,
        timeout_graceful_shutdown=2,
        ssl_certfile=cert,
        ssl_keyfile=cert_key,
    )
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config).run([listening])


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop at once: an interrupted download can be resumed another time."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)


def application(renders: Renders, key: str, *, key_always: bool) -> access.Gate:
    """Return the page as an ASGI application that checks who may use it."""
    page = _Page(renders, key)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(renders.run())
        yield
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    def failure(_: Request, error: Exception) -> Response:
        """Return what is wrong, without a traceback."""
        if isinstance(error, HTTPException):
            return JSONResponse({"error": error.detail}, error.status_code, error.headers)
        if isinstance(error, VoiceguideError):
            return JSONResponse({"error": pathless(str(error), renders.folder)}, 422)
        if isinstance(error, OSError) and error.errno not in (errno.EMFILE, errno.ENFILE):
            raise error
        if isinstance(error, BusyError | OSError):
            busy = {"error": "busy: others are waiting; try again in a little while"}
            return JSONResponse(busy, 503, {"Retry-After": str(RETRY_S)})
        return JSONResponse({"error": "something went wrong"}, 500)

    errors = (HTTPException, BusyError, VoiceguideError, OSError, Exception)
    app = Starlette(
        routes=page.routes(), lifespan=lifespan, exception_handlers=dict.fromkeys(errors, failure)
    )
    return access.Gate(app, key, always=key_always)


class _Page:
    def __init__(self, renders: Renders, key: str) -> None:
        self._renders = renders
        self._folder = renders.folder
        self._key = key
        self._address = f"/key/{key}/playlists"
        self._sampling = asyncio.Lock()

    def routes(self) -> list[Route]:
        def each(kind: Kind, path: str, answer: Callable[..., Any], method: str) -> Route:
            return Route(path, functools.partial(answer, kind), methods=[method])

        both: list[Kind] = ["sessions", "playlists"]
        routes = [
            Route("/", self._index),
            Route("/page/{name}", _asset),
            Route("/api/library", _library),
            Route("/api/voices", _voices),
            Route("/samples/{language}.mp3", self._sample),
            Route("/covers/{name}.png", _cover),
            Route("/sessions/{file}", self._session_file),
            Route("/playlists/{name}.zip", self._zip),
            Route("/playlists/{name}", self._playlist_page),
            Route("/playlists/{name}/", self._playlist_page),
            Route("/playlists/{name}/{file}", self._playlist_file),
        ]
        for kind in both:
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
        language = choices.language(f"{wanted or ''},{accepted}")
        content = await run_in_threadpool(choices.page, language)
        response = responses.packed(request, content.encode(), "text/html")
        if wanted == language and "language" in request.query_params:
            year_s = 365 * 24 * 3600
            response.set_cookie(_LANGUAGE_COOKIE, language, year_s, httponly=True, samesite="lax")
        if _PHONE_COOKIE not in request.cookies:
            response.set_cookie(
                _PHONE_COOKIE, secrets.token_urlsafe(16), httponly=True, samesite="lax"
            )
        response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
        return response

    async def _list(self, kind: Kind, _: Request) -> Response:
        if kind == "sessions":
            return JSONResponse(await run_in_threadpool(made.sessions, self._folder))
        return JSONResponse(await run_in_threadpool(made.playlists, self._folder, self._address))

    async def _ask(self, kind: Kind, request: Request) -> Response:
        body = await _body(request)
        options = await run_in_threadpool(wanted.read, body)
        if kind == "sessions":
            options["seed"] = clock.date_number()  # not the same words every day
            name = await run_in_threadpool(wanted.session_name, options, choices.stamp())
            if about := await self._made(kind, name):
                return JSONResponse(about)
        else:
            name = wanted.playlist_name(options)
        render = self._renders.ask(kind, name, options, _client(request))
        return JSONResponse(self._progress(render), 202)

    async def _state(self, kind: Kind, request: Request) -> Response:
        name = _name(request)
        if render := self._renders.find(kind, name):
            status = 422 if render.state == "failed" else 200
            return JSONResponse(self._progress(render), status)
        about = await self._made(kind, name)
        if about is None:
            raise HTTPException(404, "not found")
        return JSONResponse(about)

    async def _cancel(self, kind: Kind, request: Request) -> Response:
        if not self._renders.cancel(kind, _name(request), _client(request)):
            raise HTTPException(404, "you did not ask for this, or it is finished")
        return Response(status_code=204)

    async def _made(self, kind: Kind, name: str) -> dict[str, object] | None:
        """Return what is known about what is there; None if it is not."""
        if kind == "sessions":
            return await run_in_threadpool(made.session, self._folder, name)
        address = f"{self._address}/{name}"
        return await run_in_threadpool(made.playlist_of, self._folder, name, address)

    def _progress(self, render: Render) -> dict[str, object]:
        about: dict[str, object] = {
            "id": render.name,
            "state": render.state,
            "options": wanted.asked(render.options),
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

    async def _session_file(self, request: Request) -> Response:
        name, _, form = request.path_params["file"].partition(".")
        if not made.is_name(name) or form not in ("mp3", "json", "vtt", "chapters.json"):
            raise HTTPException(404, "not found")
        file = f"{name}/session.{form}"
        path = await run_in_threadpool(files.find, file, [self._renders.sessions])
        if path is None:
            raise HTTPException(404, "not found")
        shown = name
        if about := await self._made("sessions", name):
            shown = str(about["file"]).removesuffix(".mp3")
        return responses.file(request, path, f"{shown}.{form}")

    async def _playlist_file(self, request: Request) -> Response:
        name, file = _name(request), request.path_params["file"]
        folder = self._folder / name
        names = await run_in_threadpool(made.playlist_files, folder)
        of = f"{file.removesuffix(_MARKS)}.mp3" if file.endswith(_MARKS) else file
        path = await run_in_threadpool(files.find, f"{name}/{of}", [self._folder])
        if of == playlist.FEED and names:  # made here, for this address
            path, names = folder / of, names | {of}
        if path is None or of not in names:
            raise HTTPException(404, "not found")
        if of != file:
            marks = await run_in_threadpool(made.marks, path)
            return responses.content(request, marks, responses.TYPES["json"])
        form = path.suffix[1:]
        if form not in ("m3u8", "xspf", "xml"):
            return responses.file(request, path, f"{name}-{file}" if file[:2].isdigit() else file)
        host = request.headers["host"]
        base = f"{request.url.scheme}://{host}/key/{self._key}/playlists/{name}"
        tracks = await run_in_threadpool(playlist.tracks, folder)
        if form == "xml":
            whole = await run_in_threadpool(playlist.whole, folder)
            content = playlist.feed(tracks, base, folder.resolve().as_uri(), whole)
        else:
            content = {"m3u8": playlist.m3u8, "xspf": playlist.xspf}[form](tracks, base)
        response = responses.content(request, content, responses.TYPES[form])
        if "download" in request.query_params:
            response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return response

    async def _sample(self, request: Request) -> Response:
        """Return how a voice sounds; one sample is made at a time."""
        language = _spoken(request.path_params["language"])
        async with self._sampling:
            voice = request.query_params.get("voice")
            mp3 = await run_in_threadpool(speakers.sample, voice, language)
        return responses.content(request, mp3, responses.TYPES["mp3"])

    async def _playlist_page(self, request: Request) -> Response:
        """Redirect to the page of a playlist, whose address its feed names."""
        name = _name(request)
        if await self._made("playlists", name) is None:
            raise HTTPException(404, "not found")
        response = RedirectResponse(f"/#playlist/{name}", 303)
        access.set_cookie(response, self._key)
        return response

    async def _zip(self, request: Request) -> Response:
        name = _name(request)
        known = await run_in_threadpool(made.playlist_files, self._folder / name)
        names = [f"{name}/{file}" for file in sorted(known)]
        paths = [path for file in names if (path := files.find(file, [self._folder]))]
        if not paths:
            raise HTTPException(404, "not found")
        return await run_in_threadpool(responses.zipped, request, name, paths)


def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in (*choices.MODULES, "page.css", "stage.css", "icon.svg"):
        raise HTTPException(404, "not found")
    kind = responses.TYPES[name.rpartition(".")[2]]
    return responses.packed(request, (choices.PAGE / name).read_bytes(), kind)


def _library(request: Request) -> Response:
    found = choices.as_json(request.query_params.get("language", library.REFERENCE))
    return responses.packed(request, found.encode(), responses.TYPES["json"])


def _voices(request: Request) -> Response:
    language = _spoken(request.query_params.get("language", library.REFERENCE))
    return JSONResponse(speakers.offered(language))


def _spoken(language: str) -> str:
    if language not in library.languages():
        raise HTTPException(404, "not found")
    return language


def _cover(request: Request) -> Response:
    """Return the picture of a region, or of a kind: the body without a lit region."""
    name = _name(request)
    if name not in library.load(library.REFERENCE).region_files and name not in kinds.kinds():
        raise HTTPException(404, "not found")
    return responses.content(request, cover.png(name, COVER_PX), responses.TYPES["png"])


def _client(request: Request) -> str:
    """Return what tells the sender of a request from others: its cookie, or its address."""
    address = request.client.host if request.client else ""
    return request.cookies.get(_PHONE_COOKIE, address)[:_LONGEST_CLIENT]


async def _body(request: Request) -> bytes:
    """Return the body of a request for JSON, within limits of size and time."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != responses.TYPES["json"]:
        raise HTTPException(415, "send application/json")
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise HTTPException(413, f"send at most {MAX_BODY_BYTES} bytes")
    except TimeoutError as error:
        raise HTTPException(408, "the request took too long") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the request is incomplete") from error
    return body


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if not made.is_name(name):
        raise HTTPException(404, "not found")
    return name
