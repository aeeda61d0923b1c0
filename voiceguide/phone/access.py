"""Who may use the page: this machine freely, others with the key; never the page of another site.

The link and the QR code carry the key at the beginning of the path, /key/KEY/…, and so does every
address that a player or a podcast app follows from there. Browsers get it as a cookie when they
open /key/KEY/.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import h11
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from voiceguide import files
from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "voiceguide"
_COOKIE_S = 365 * 24 * 3600

MAX_CONNECTIONS = 1200
"""A phone keeps about six open; this many take 50 MB."""
MAX_OF_A_CLIENT = 64
MAX_FROM_HERE = MAX_CONNECTIONS // 2
"""How many of them one address may have, and this machine, where a proxy stands for many."""
MAX_HEAD_BYTES = 16_384
"""The most that a request's line and headers may take."""
HEAD_S = 10.0
"""How long a client may take to send them."""

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bit
_KEY_PATH = re.compile(r"/key/([^/]{1,100})(/.*)?", re.DOTALL)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?")
_FORWARDED = (
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
    "x-original-forwarded-for", "cf-connecting-ip", "true-client-ip", "x-client-ip",
    "x-cluster-client-ip", "fly-client-ip", "via",
)  # fmt: skip

_NOT_MODIFIED = 304
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_POLICIES = {
    "text/html": f"{_NOTHING}; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'",
    "audio/mpeg": f"{_NOTHING}; media-src 'self'",  # opened by its address, it loads itself
}
"""What an answer of a type may load (W3C Content Security Policy 3); others may load nothing."""
_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_REFUSAL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>voiceguide</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<h1>voiceguide</h1>
<p>Please open the whole link that <code>voiceguide serve</code> printed, or scan its QR code.
<p lang="de">Bitte den ganzen Link öffnen, den <code>voiceguide serve</code> gezeigt hat, oder den
QR-Code scannen.
"""


def key_path() -> Path:
    """Return the file of the key; without it a new key is made, and phones need the new link."""
    return files.config_folder() / "phone-key"


def load_key() -> str:
    """Return the key of this user, which is made the first time. Raises VoiceguideError."""
    path = key_path()
    try:
        if not path.exists():
            with files.whole(path, mode=0o600, advice="set VOICEGUIDE_CONFIG_DIR") as file:
                file.write(f"{secrets.token_urlsafe(16)}\n".encode())
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it does not contain a key"
        raise VoiceguideError(
            f"{path}: cannot be used: {reason}; fix that, or delete it"
        ) from error
    if not _KEY.fullmatch(key):
        raise VoiceguideError(f"{path}: does not contain a key; delete it, and a new one is made")
    return key


def set_cookie(response: Response, key: str) -> None:
    """Give the receiver of ``response`` access from now on."""
    response.set_cookie(COOKIE, key, _COOKIE_S, httponly=True, samesite="lax")


class Gate:
    """Lets requests through to ``app``, or answers 403 without telling anything."""

    def __init__(self, app: ASGIApp, key: str, *, always: bool) -> None:
        """Ask everyone for the key if ``always``, otherwise everyone but this machine."""
        self._app = app
        self._key = key.encode()
        self._always = always
        name = socket.gethostname().lower()
        self._names = {name, f"{name.partition('.')[0]}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._answer(scope)(scope, receive, _with_headers(send))

    def _answer(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        head_bytes = len(scope["raw_path"]) + len(scope["query_string"])
        head_bytes += sum(len(name) + len(value) for name, value in headers.raw)
        is_too_long = head_bytes > MAX_HEAD_BYTES  # uvicorn counts only what comes in pieces
        if is_too_long or not scope["query_string"].isascii():  # what is not is percent-encoded
            return Response(status_code=431 if is_too_long else 400)
        refusal = HTMLResponse(_REFUSAL, 403)
        host = _HOST.fullmatch(headers.get("host", "").lower())
        if host is None or not _is_same_origin(headers):
            return refusal
        carried = _KEY_PATH.fullmatch(scope["path"])
        if carried:
            if not self._is_key(carried[1]):
                return refusal
            if carried[2] not in (None, "/"):
                scope["path"] = carried[2]
                return self._app
            entry = RedirectResponse("/", 303)
            set_cookie(entry, carried[1])
            return entry
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        is_free = (
            not self._always and _is_from_here(scope, headers) and self._is_our_name(host[1], scope)
        )
        return self._app if is_free or self._is_key(cookie) else refusal

    def _is_key(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self._key)

    def _is_our_name(self, name: str, scope: Scope) -> bool:
        """Whether the host ``name``, in lower case, is this machine.

        Someone else can let a name of theirs point here (DNS rebinding), so that their page could
        read ours wherever no key is needed; with the key it cannot: the cookie is not sent there.
        """
        here = _address(scope["server"])
        if here is None:
            return False
        name = name.strip("[]").removesuffix(".")
        if name == "localhost":
            return here.is_loopback
        return name in self._names or _address((name,)) == here


class TimeoutProtocol(H11Protocol):
    """HTTP with limits: of the time for each request, and of the connections of each client.

    uvicorn itself would wait forever, and let one client take all connections.
    """

    _deadline: asyncio.TimerHandle | None = None
    _open: ClassVar[Counter[Any]] = Counter()
    """How many connections each address has."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for a request; close what is one too many."""
        super().connection_made(transport)
        self._peer = _address(self.client)
        self._open[self._peer] += 1
        here = self._peer is not None and self._peer.is_loopback
        if self._open[self._peer] > (MAX_FROM_HERE if here else MAX_OF_A_CLIENT):
            self.transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Start the time limit for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        super().connection_lost(exc)
        self._open[self._peer] -= 1
        if not self._open[self._peer]:
            del self._open[self._peer]
        self._forget()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _with_headers(send: Send) -> Send:
    """Return ``send`` with the headers that every answer has."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault("Cache-Control", "private, no-cache")
            if message["status"] != _NOT_MODIFIED:  # what the browser kept has its own
                kind = headers.get("content-type", "").partition(";")[0]
                headers["Content-Security-Policy"] = _POLICIES.get(kind, _NOTHING)
        await send(message)

    return sending


def _is_from_here(scope: Scope, headers: Headers) -> bool:
    """Whether the request is from this machine itself, not from a proxy on it."""
    client = _address(scope["client"])
    forwarded = any(name in headers for name in _FORWARDED)
    return client is not None and client.is_loopback and not forwarded


def _is_same_origin(headers: Headers) -> bool:
    """Whether the request is not from the page of another site; following a link there is fine.

    Browsers send the origin with every request that changes something, and most send
    Sec-Fetch-Site with every request.
    """
    origin = headers.get("origin")
    if origin is not None:
        scheme, _, host = origin.lower().partition("://")
        return scheme in ("http", "https") and host == headers["host"].lower()
    site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
    return site not in ("cross-site", "same-site") or mode == "navigate"


def _address(of: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address of a socket address (address, …); None for anything else.

    An IPv4 address that is written as IPv6 is returned as IPv4.
    """
    with contextlib.suppress(TypeError, ValueError):
        address = ipaddress.ip_address(of[0].partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address
    return None
