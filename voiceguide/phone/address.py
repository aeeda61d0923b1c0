"""Where the page is found: the socket, and the link for phones with its QR code."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from typing import TYPE_CHECKING

import segno

from voiceguide.errors import UsageError, VoiceguideError
from voiceguide.phone import access

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

_OTHER_FILES = 50  # open besides those of connections


def listen(host: str, port: int) -> socket.socket:
    """Open the socket; raises VoiceguideError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=1024, dualstack_ipv6=both)
    except (OSError, OverflowError, UnicodeError) as error:
        match getattr(error, "errno", None):
            case errno.EADDRINUSE:
                why = f"port {port} is in use, perhaps by another “voiceguide serve”"
                why += ": stop that one, or choose another port with --port"
            case errno.EACCES:
                why = f"port {port} needs special rights: choose one from 1024 on with --port"
            case _:
                why = f"--host {host} is not an address of this machine; 0.0.0.0 means all of them"
        raise VoiceguideError(why) from error


def most_connections() -> int:
    """Return how many connections can be open, as each may need a file too, besides its socket.

    Raises the system's limit of open files for this process where that is allowed.
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


def check_certificate(cert: Path | None, key: Path | None) -> None:
    """Raise UsageError or VoiceguideError for a certificate that HTTPS cannot be had with."""
    if cert is None:
        if key is not None:
            raise UsageError("--key needs --cert: it is the private key of that certificate")
        return
    for path in (cert, key or cert):
        try:
            path.read_bytes()
        except OSError as error:
            raise VoiceguideError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            cert, key, password=lambda: ""
        )
    except (ssl.SSLError, ValueError) as error:
        with_key = f" with {key}" if key else ", which has to contain the private key without --key"
        raise VoiceguideError(
            f"{cert}: no certificate that can be used{with_key}: both must be PEM, belong "
            "together, and need no password"
        ) from error


def say_where(  # noqa: PLR0913 (each decides what is printed)
    host: str, port: int, key: str, out: TextIO, *, scheme: str, key_always: bool
) -> None:
    """Print the links, and for phones the QR code; with ``key_always``, all carry the key."""
    outside = _outside_address(host)
    if outside is None or host in ("0.0.0.0", "::"):  # noqa: S104 (that is the question)
        path = f"/key/{key}/" if key_always else "/"
        print(f"On this machine:  {scheme}://localhost:{port}{path}", file=out)
    if outside is None:
        print("This machine is not in a network that phones could use.", file=out)
    else:
        shown = f"[{outside}]" if ":" in outside else outside
        link = f"{scheme}://{shown}:{port}/key/{key}/"
        print(f"On your phone:    {link}\n", file=out)
        segno.make(link, micro=False).terminal(out, border=2, compact=True)
        print("\nThe phone must be in the same network. Anyone with the link can use it.", file=out)
    print("Press Ctrl+C to stop.", file=out, flush=True)


def _outside_address(host: str) -> str | None:
    """Return the address at which phones can reach us; None if there is none."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104
        address = socket.getaddrinfo(host, 0)[0][4][0]
        return None if str(address).startswith(("127.", "::1")) else str(address)
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((far, 9))  # sends nothing, but the system chooses a route
        return str(probe.getsockname()[0])
    return None
