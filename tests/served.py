"""A running “voiceguide serve”, and what tests ask of it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import by_http
import httpx

TONES = {"target": "calf", "side": "left", "level": "gentle", "guidance": "tones"}
"""A session that is made in a few seconds."""
OF_BREATHING = {"pace", "guidance", "language", "minutes", "bed", "voice", "rate"}
OF_MASSAGE_ALONE = {"method", "area", "side", "level", "explain", "prepare", "ask"}
ON_THE_PAGE = OF_BREATHING | OF_MASSAGE_ALONE
"""The options for which the page has a field."""
BESIDE = "what lies beside the folder"


@dataclass(frozen=True)
class Served:
    """A running “voiceguide serve”."""

    process: subprocess.Popen
    folder: Path
    printed: str
    port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return by_http.get(self.url + path, headers=named, timeout=60)

    def post(self, path: str, wanted: object) -> httpx.Response:
        return by_http.post(self.url + path, json=wanted, timeout=60)

    def raw(self, request: str, most_s: float = 10) -> bytes:
        """Send a request as it stands; return the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=most_s) as connection:
            connection.sendall(request.replace("\n", "\r\n").encode("latin-1"))
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def made(self, kind: str, wanted: dict) -> dict:
        """Have something made, and wait for it."""
        answer = self.post(f"/api/{kind}", wanted)
        assert answer.status_code in (200, 202), answer.text
        until = time.monotonic() + 60
        while time.monotonic() < until:
            state = self.get(f"/api/{kind}/{answer.json()['id']}").json()
            if state["state"] in ("ready", "failed"):
                return state
            time.sleep(0.1)
        raise AssertionError("not made in a minute")


@contextlib.contextmanager
def serving(folder: Path, *options: str, within: Path | None = None):
    """Run “voiceguide serve” on a free port; ``within`` the folder of another copy of it."""
    command = [sys.executable, "-m", "voiceguide", "serve", str(folder), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        cwd=within,
        env={**os.environ, "PYTHONPATH": str(within)} if within else None,
    ) as process:  # fmt: skip
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl+C" in line:
                break
        printed = "".join(lines)
        assert "Ctrl+C" in printed, process.stderr.read()
        port = int(re.search(r"http://[^/]*:(\d+)/", printed)[1])
        key = (Path(os.environ["VOICEGUIDE_CONFIG_DIR"]) / "phone-key").read_text().strip()
        try:
            yield Served(process, folder, printed, port, key)
        finally:
            process.terminate()
            process.wait(20)


def is_refused(answer: httpx.Response) -> bool:
    """Whether an answer is a refusal in which nothing is listed."""
    assert answer.status_code != 403 or "set-cookie" not in answer.headers
    shown = answer.text.lower()
    return answer.status_code == 403 and not re.search("neck|region|session|calf|<svg", shown)
