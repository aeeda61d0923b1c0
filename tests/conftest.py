"""What several test files need: the command, decoded audio, programs that judge from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from command import voiceguide
from pedalboard.io import AudioFile

pytest.register_assert_rewrite("served")
from served import BESIDE, TONES, serving  # noqa: E402 (after that)

FRAMES_PER_MS = 48
collect_ignore = [] if os.name == "posix" else ["test_play.py", "test_record.py"]
"""What needs a terminal of POSIX, and an audio server that there is on Linux."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let everything be asked for."""
    parser.addoption("--slow", action="store_true", help="run slow tests too, as CI does")
    parser.addoption("--passed-in", metavar="XML", help="leave out what passed in a JUnit report")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what passed elsewhere; run last what is heard as it plays.

    Other work on the machine disturbs it least there.
    """
    if report := config.getoption("--passed-in"):
        cases = ET.parse(report).iter("testcase")  # noqa: S314 (pytest wrote it)
        passed = {(case.get("classname"), case.get("name")) for case in cases if not len(case)}
        left = [one for one in items if (_class_name(one), one.name) not in passed]
        config.hook.pytest_deselected(items=set(items) - set(left))
        items[:] = left
    items.sort(key=lambda item: item.path.name in ("test_play.py", "test_record.py"))
    if not (os.environ.get("CI") or config.getoption("--slow")):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; --slow runs it too"))


def _class_name(item: pytest.Item) -> str:
    """Return what a JUnit report calls the file and the class of a test."""
    *parts, _ = item.nodeid.partition("[")[0].split("::")
    return ".".join(parts).replace(".py", "", 1).replace("/", ".")


def needs(*programs: str) -> None:
    """Skip where a program is missing; in CI, where all must be there, fail."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        lacks(f"needs {', '.join(missing)}")


def lacks(what: str) -> NoReturn:
    """Skip a test that lacks something; in CI, where all must be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"in CI: {what}")
    pytest.skip(what)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for localhost, and its key; return their paths."""
    needs("openssl")
    cert, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x"
    made = ["openssl", *asked.split(), "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def decode(path: Path) -> np.ndarray:
    """Return the samples of a mono file, within ±1.

    Of an MP3, pedalboard gives what the encoder put before and behind them too: that is cut off as
    the LAME header says, as players do it.
    """
    with AudioFile(str(path)) as file:
        samples = file.read(file.frames)[0]
    if path.suffix != ".mp3":
        return samples
    head = path.read_bytes()[:200_000]
    at = head.index(b"LAME", head.index(b"Info")) + 21
    delay, padding = divmod(int.from_bytes(head[at : at + 3], "big"), 4096)
    decoder_delay = 529
    return samples[delay + decoder_delay : len(samples) - padding + decoder_delay]


def onset_ms(samples: np.ndarray, near_ms: float, reach_ms: int = 100) -> float:
    """Return when a sound first rises above −45 dBFS around ``near_ms``."""
    begin = max(0, int((near_ms - reach_ms) * FRAMES_PER_MS))
    part = samples[begin : begin + 3 * reach_ms * FRAMES_PER_MS]
    level = np.sqrt(np.convolve(part**2, np.ones(FRAMES_PER_MS) / FRAMES_PER_MS, "same"))
    loud = np.flatnonzero(level > 10 ** (-45 / 20))
    return (begin + loud[0]) / FRAMES_PER_MS if loud.size else float("nan")


@dataclass(frozen=True)
class Rendered:
    """A session that was rendered by the command line."""

    path: Path
    timeline: dict
    samples: np.ndarray


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's cache and library out of the tests, and the tests out of them.

    Where tests run in several processes, a phrase is spoken once for all of them.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    os.environ["VOICEGUIDE_CACHE_DIR"] = str(shared / "cache")
    os.environ["VOICEGUIDE_DATA_DIR"] = str(tmp_path_factory.mktemp("data"))
    os.environ["VOICEGUIDE_CONFIG_DIR"] = str(tmp_path_factory.mktemp("config"))
    os.environ["VOICEGUIDE_NO_PACKAGED_VOICES"] = "1"  # one that is installed would speak


@pytest.fixture(scope="session")
def calf(tmp_path_factory: pytest.TempPathFactory, _own_folders: None) -> Rendered:
    """The calf session, once for all tests."""
    path = tmp_path_factory.mktemp("output") / "calf.mp3"
    rendered = voiceguide("render", "calf", "-o", path)
    assert rendered.returncode == 0, rendered.stderr
    timeline = voiceguide("script", "calf", "--format", "json")
    assert timeline.returncode == 0, timeline.stderr
    return Rendered(path, json.loads(timeline.stdout), decode(path))


@pytest.fixture
def ssml(tmp_path: Path):
    """Write a script into a file; return its path."""

    def write(body: str, name: str = "my.ssml") -> Path:
        path = tmp_path / name
        namespaces = 'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:vg="urn:voiceguide"'
        path.write_text(f'<speak version="1.1" xml:lang="en" {namespaces}>{body}</speak>', "utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def server(tmp_path_factory, _own_folders):
    around = tmp_path_factory.mktemp("served")
    (around / "secret.mp3").write_text(BESIDE)
    with serving(around / "output") as served:
        yield served
        served.process.terminate()
        assert "Traceback" not in served.process.stderr.read()


@pytest.fixture(scope="module")
def session(server):
    """A session that was made, and its audio."""
    about = server.made("sessions", TONES)
    assert about["state"] == "ready", about
    return about


@pytest.fixture(scope="module")
def neck(server):
    """A playlist that was made."""
    wanted = {"target": "neck", "side": "left", "level": "gentle", "guidance": "tones"}
    about = server.made("playlists", wanted)
    assert about["state"] == "ready", about
    return about


@pytest.fixture(scope="module")
def chromium():
    """A real browser.

    Without windows it takes half of the time, and ends pages that ask what speech it understands.
    """
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    needs(path or "chromium-headless-shell")
    from playwright.sync_api import sync_playwright

    no_speech = "--disable-blink-features=OnDeviceWebSpeech,OnDeviceWebSpeechAvailable"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", no_speech])
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium):
    """A page as on a phone; ``complaints`` is what its console complains of."""
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console", lambda line: page.complaints.append(line.text) if line.type == "error" else None
    )
    yield page
    context.close()
