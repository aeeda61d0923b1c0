"""The command that serves the page: serve."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from voiceguide.cli.app import command
from voiceguide.cli.flags import saying
from voiceguide.errors import VoiceguideError


@command("Examples: voiceguide serve;  voiceguide serve ~/Music/voiceguide --port 8080")
@saying
def serve(  # noqa: PLR0913 (each is an option)
    folder: Annotated[
        Path,
        typer.Argument(help="The folder for sessions and playlists."),
    ] = Path("output"),
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for all."
        ),
    ] = "0.0.0.0",  # noqa: S104 (who comes from outside needs the key)
    port: Annotated[int, typer.Option(help="The port.", min=0, max=65535)] = 8765,
    cert: Annotated[
        Path | None,
        typer.Option(help="Serve by HTTPS, with this certificate (PEM).", metavar="FILE"),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            help="The private key of --cert (PEM).", metavar="FILE", show_default="in the same file"
        ),
    ] = None,
    key_always: Annotated[
        bool,
        typer.Option("--key-always", help="Ask this machine for the key too, as behind a proxy."),
    ] = False,
) -> None:
    """Serve a page for a phone on the same network: choose, listen and save.

    The link and the QR code carry a key; other devices cannot use the page without it.
    """
    try:
        from voiceguide.phone import server
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in ("starlette", "uvicorn", "segno", "h11"):
            raise
        needs = f"the page needs {missing}: pip install 'voiceguide[phone]'"
        raise VoiceguideError(needs) from error
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C is the normal way to stop
    server.serve(folder, host, port, sys.stdout, cert, key, key_always=key_always)
