"""Scripts and templates from strangers: refused soon, in little memory, with nothing left over."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from command import measured
from pedalboard.io import AudioFile

from voiceguide import diary
from voiceguide.catalogue import manifest
from voiceguide.errors import VoiceguideError
from voiceguide.phone import made
from voiceguide.phone.folder import Files
from voiceguide.player.places import Places

pytestmark = pytest.mark.slow
POSIX = pytest.mark.skipif(os.name != "posix", reason="counts memory as POSIX does")
TEMPLATE_S = 3
"""What a template may take of the processor's time."""
MOST_MB = 300

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(12))
BOMB = f"<!DOCTYPE speak [{LAUGHS}]><speak>&l11;</speak>"
LATE = '<media begin="9s"><audio src="tick.wav"/></media>'
HOSTILE_SCRIPTS = {
    "a billion laughs": (BOMB, "1:.*declares the entity"),
    "a billion laughs in an attribute": (
        BOMB.replace("&l11;</speak>", '<mark name="&l11;"/></speak>'), "1:.*declares the entity",
    ),
    "an external entity": (
        '<!DOCTYPE speak [<!ENTITY e SYSTEM "file:///etc/passwd">]><speak>&e;</speak>',
        "declares the entity “e”",
    ),
    "an external parameter entity": (
        '<!DOCTYPE speak [<!ENTITY % e SYSTEM "http://127.0.0.1:9/e"> %e;]><speak>Hi.</speak>',
        "declares the entity “e”",
    ),
    "an unknown entity": ("<speak>Hi&nbsp;there.</speak>", r"1:10: unknown entity “&nbsp;”"),
    "20,000 nested elements": (
        "<speak>" + "<p>" * 20_000 + "Hi." + "</p>" * 20_000 + "</speak>", "more than 150 deep",
    ),
    "20,000 nested groups": (
        "<speak>" + "<par>" * 20_000 + "</par>" * 20_000 + "</speak>", "more than 150 deep",
    ),
    "a million elements": ("<speak>" + "<p/>" * 1_000_000 + "</speak>", "300,000 elements"),
    "twenty megabytes": ("<speak>" + "Hi. " * 5_000_000 + "</speak>", "more than a script may"),
    "a billion repetitions": (
        '<speak><media repeatCount="1000000000"><audio src="tick.wav"/></media></speak>',
        "1:8: ends later than 12 hours",
    ),
    "repetitions that multiply": (
        "<speak>" + '<media repeatCount="90">' * 9 + '<audio src="tick.wav"/>' + "</media>" * 9
        + "</speak>",
        "ends later than 12 hours",
    ),
    "repetitions of what is never heard": (
        f'<speak><par repeatCount="40000000" dur="1ms">{LATE}</par></speak>',
        "is repeated too often",
    ),
    "a break of 99 million hours": (
        '<speak>Hi.<break time="99000000h"/></speak>', "1:11: ends later than 12 hours",
    ),
    "a break without end": (
        f'<speak><break time="{"9" * 5000}s"/></speak>', "1:8: <break time=.*must be a time",
    ),
    "a circle": (
        '<speak><media xml:id="a" begin="b.end">A</media><media xml:id="b" begin="a.end"/></speak>',
        "circular",
    ),
    "a name without end": (
        f'<speak><audio src="{"a/" * 40_000}b.wav"/></speak>', "1:8: no sound",
    ),
    "comments that never end": (
        f"<speak>{'<!--' * 500_000}</speak>", "1:16: is not well-formed XML",
    ),
    "sections that never end": (
        f"<speak>{'<![CDATA[' * 200_000}</speak>", "1:.*is not well-formed XML",
    ),
    "invalid UTF-8": (b"<speak>Hi \xff there.</speak>", "is not UTF-8: byte 0xff"),
    "an unknown encoding": (b'<?xml version="1.0" encoding="no-such"?><speak/>', "1: .*encoding"),
    "no text at all": (b"", "is empty"),
    "zeros": (b"\0" * 1000, "not well-formed|not UTF-8|empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not UTF-8|not well-formed"),
}  # fmt: skip
HOSTILE_TEMPLATES = {
    "a loop without end": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "needed more than 3 s of computing time: check the template for an endless loop",
    ),
    "a power": ("{{ 9 ** (9 ** 9) }}", "needed more than 3 s of computing time|memory"),
    "a long string": ("{{ 'x' * 10 ** 10 }}", "memory"),
    "a string that doubles": (
        "{% set n = namespace(x='x') %}{% for _ in range(60) %}{% set n.x=n.x ~ n.x %}{% endfor %}",
        "memory",
    ),
    "a wide format": ("{{ '%1000000000d' % 1 }}", "memory"),
    "a wide filter": ("{{ 'x' | center(10 ** 10) }}", "memory"),
    "an output without end": (
        "{% for a in range(99999) %}{{ 'x' * 10000 }}{% endfor %}",
        "10,000,000 bytes",
    ),
    "a recursion without end": (
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        ":1: RecursionError",
    ),
    "a large range": ("{{ range(10 ** 9) | list }}", ":1: OverflowError: Range too big"),
    "a way to Python": (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        ":1: SecurityError: access to attribute",
    ),
    "a way through a function": ("{{ pick.__globals__ }}", ":1: SecurityError"),
    "a file of the machine": ("{% include '/etc/passwd' %}", "/etc/passwd is missing"),
    "a file above": ("{% include '../secret.jinja' %}", "secret.jinja is missing"),
    "a file behind a link": ("{% include 'link.jinja' %}", "link.jinja is missing"),
    "a name that is not known": ("<speak>\n{{ name }}</speak>", ":2: “name” is not defined"),
    "a mistake": ("<speak>\n\n{% if %}</speak>", ":3: Expected an expression"),
    "what is no script": ("Hello.", "not well-formed"),
    "what is no text": (b"{{ \xff }}", "is not UTF-8: byte 0xff"),
}


@dataclass(frozen=True)
class Ended:
    status: int
    said: str
    worked_s: float
    """Of the processor's time."""
    most_mb: float


def run(*arguments: object, folder: Path) -> Ended:
    """Run the command in ``folder``; measure the largest of its processes."""
    done, used = measured(*arguments, cwd=folder)
    return Ended(done.returncode, done.stderr, used.worked_s, used.most_mb)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.jinja").write_text("secret", "utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def is_refused(  # noqa: PLR0913 (each is a claim)
    ended: Ended, start_s: float, says: str, folder: Path, name: str, called: str = ""
) -> None:
    assert ended.status == 1, ended
    assert "Traceback" not in ended.said
    assert "secret" not in ended.said.replace("secret.jinja", "")
    assert len(ended.said.strip().splitlines()) <= 2
    assert ended.said.startswith("voiceguide: ")
    assert (called or name) in ended.said
    assert re.search(says, ended.said), ended.said
    assert ended.most_mb < MOST_MB
    assert ended.worked_s < TEMPLATE_S + 3 * start_s
    left = {path.name for path in folder.rglob("*")}
    assert left <= {name, "link.jinja"}


@pytest.fixture(scope="module")
def start_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """What it takes here to start and to refuse a mistake, of the processor's time."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "x.ssml.jinja").write_text("{{ 1 / 0 }}")
    started = run("render", "x.ssml.jinja", "-o", "my.mp3", folder=folder)
    assert "ZeroDivisionError" in started.said
    return started.worked_s


@POSIX
@pytest.mark.parametrize("what", HOSTILE_SCRIPTS)
def test_a_hostile_script_is_refused(folder, start_s, what):
    script, says = HOSTILE_SCRIPTS[what]
    data = script if isinstance(script, bytes) else script.encode()
    (folder / "my.ssml").write_bytes(data)
    ended = run("render", "my.ssml", "-o", "my.mp3", folder=folder)
    is_refused(ended, start_s, says, folder, "my.ssml")


@POSIX
@pytest.mark.parametrize("what", HOSTILE_TEMPLATES)
def test_a_hostile_template_is_refused(folder, start_s, what):
    template, says = HOSTILE_TEMPLATES[what]
    data = template if isinstance(template, bytes) else template.encode()
    (folder / "my.ssml.jinja").write_bytes(data)
    (folder / "link.jinja").symlink_to(folder.parent / "secret.jinja")
    ended = run("render", "my.ssml.jinja", "-o", "my.mp3", folder=folder)
    if "memory" in says and not sys.platform.startswith("linux"):
        pytest.skip("limits of memory are Linux's")
    is_refused(ended, start_s, says, folder, "my.ssml.jinja")


@POSIX
@pytest.mark.parametrize(
    "what", ["a loop without end", "a long string", "an output without end", "a way to Python"]
)
def test_a_hostile_library_is_refused(folder, start_s, what):
    template, says = HOSTILE_TEMPLATES[what]
    assert isinstance(template, str)
    name = "trigger-tool.ssml.jinja"
    kind = folder / "texts" / "kinds" / "massage"
    kind.mkdir(parents=True)
    (kind / name).write_text(template)
    ended = run("render", "calf", "--library", "texts", "-o", "my.mp3", folder=folder)
    if "memory" in says and not sys.platform.startswith("linux"):
        pytest.skip("limits of memory are Linux's")
    called = "calf" if says.startswith("needed") else name  # a limit is passed by the whole
    is_refused(ended, start_s, says, kind, name, called)
    assert {path.name for path in folder.iterdir()} == {"texts"}


def test_lists_that_are_nested_without_end_are_refused_or_count_as_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path))
    for name in (
        "manifest.jsonl", ".voiceguide-site.json", "stopped.json", "diary.jsonl",
        "sessions/calf/about.json",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("[" * 100_000)
    with pytest.raises(VoiceguideError, match=r"manifest\.jsonl:1: is not JSON"):
        manifest.read(str(tmp_path))
    with pytest.raises(VoiceguideError, match=r"site\.json: cannot be read"):
        Files(tmp_path, ())
    assert Places().of("calf") == 0
    assert diary.entries() == []
    assert made.sessions(tmp_path) == []


def test_a_site_removes_no_file_whose_name_it_cannot_have_written(tmp_path):
    names = ["gone.html", "half\ud800.html", "nul\0.html", "../kept.html"]
    (tmp_path / "site").mkdir()
    (tmp_path / "site/.voiceguide-site.json").write_text(json.dumps(names))
    for name in ("site/gone.html", "kept.html"):
        (tmp_path / name).write_text("a page")
    Files(tmp_path / "site", ()).finish()
    assert sorted(path.name for path in tmp_path.rglob("*.html")) == ["kept.html"]


@POSIX
def test_a_long_sound_takes_little_memory(folder):
    with AudioFile(str(folder / "long.flac"), "w", 16_000, 1) as file:
        for _ in range(25):  # minutes
            file.write(np.random.default_rng(1).normal(0, 0.01, 60 * 16_000).astype(np.float32))
    (folder / "my.ssml").write_text('<speak><audio src="long.flac"/></speak>')
    ended = run("render", "my.ssml", "-o", "my.flac", folder=folder)
    assert ended.status == 0, ended
    assert ended.most_mb < MOST_MB / 2


@POSIX
def test_a_sound_that_claims_to_be_longer_than_it_is_takes_little_memory(folder):
    claimed = (0xFFFF_FF00).to_bytes(4, "little")
    form = bytes.fromhex("10000000 0100 0100 80bb0000 80bb0000 0100 0800")
    head = b"RIFF" + claimed + b"WAVEfmt " + form + b"data" + claimed
    (folder / "big.wav").write_bytes(head + bytes(100))
    (folder / "my.ssml").write_text('<speak><audio src="big.wav"/></speak>')
    ended = run("script", "my.ssml", "--check", folder=folder)
    assert ended.status == 1
    assert "ends later than 12 hours" in ended.said
    assert ended.most_mb < MOST_MB
