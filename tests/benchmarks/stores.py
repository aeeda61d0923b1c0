"""Places for a catalogue on loopback: a folder, OpenSSH (SFTP), and moto, which speaks S3.

Each yields an address, and the environment with which fsspec reaches it. Servers have their own
keys and configuration below a folder that is given, and are stopped afterwards.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Store = tuple[str, dict[str, str]]

WAIT_S = 60
BUCKET = "catalogues"


@contextlib.contextmanager
def a_folder(root: Path) -> Iterator[Store]:
    """Yield a folder below ``root``."""
    root.mkdir(parents=True)
    yield str(root), {}


@contextlib.contextmanager
def an_sftp_server(root: Path) -> Iterator[Store]:
    """Start OpenSSH's server with a key that only it knows; yield a folder there."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("sshd is missing: apt-get install openssh-server")
    (root / "files").mkdir(parents=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where its children are confined
    port = free_port()
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True
        )
    shutil.copy(root / "user.pub", root / "keys")
    (root / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {root}/host\nPidFile none\n"
        f"AuthorizedKeysFile {root}/keys\nStrictModes no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nUsePAM no\nSubsystem sftp internal-sftp\n",
        "utf-8",
    )
    command = [program, "-D", "-e", "-f", root / "config"]
    with (root / "log").open("w") as log, subprocess.Popen(command, stderr=log) as server:
        try:
            wait_for(port)
            address = f"sftp://{getpass.getuser()}@127.0.0.1:{port}{root}/files"
            yield address, {"FSSPEC_SFTP_KEY_FILENAME": str(root / "user")}
        finally:
            server.terminate()


@contextlib.contextmanager
def an_s3_server(root: Path) -> Iterator[Store]:
    """Start moto's server, which keeps everything in memory; yield a bucket there."""
    root.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        (root / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,
    ):
        try:
            wait_for(port)
            urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"))  # noqa: S310
            yield (
                f"s3://{BUCKET}",
                {
                    "AWS_ENDPOINT_URL": url,
                    "AWS_ACCESS_KEY_ID": "one",
                    "AWS_SECRET_ACCESS_KEY": "two",
                    "AWS_DEFAULT_REGION": "us-east-1",
                },
            )
        finally:
            server.terminate()


STORES = {"folder": a_folder, "sftp": an_sftp_server, "s3": an_s3_server}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port: int) -> None:
    """Wait until a server listens; raises TimeoutError."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")
