"""The phone's server: who may enter, what they get, and what none can do to it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import by_http
import httpx
import numpy as np
import psutil
import pytest
import webvtt
import zxingcpp
from conftest import certificate, decode, voiceguide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.id3 import ID3
from served import BESIDE, OF_BREATHING, ON_THE_PAGE, TONES, is_refused, serving

from voiceguide.errors import ExportError
from voiceguide.phone import access, speakers

pytestmark = pytest.mark.slow
PROXIED = {"X-Forwarded-For": "192.0.2.77"}
"""What comes so is from elsewhere, even if it comes by way of this machine."""


# The beginning and the end


def test_the_link_and_the_qr_code_that_are_printed_carry_the_key(server):
    link = re.search(r"http://\S+/key/\S+", server.printed)
    if link is None:
        pytest.skip("this machine is in no network")
    rows = [line for line in server.printed.splitlines() if set(line) <= set(" ▀▄█") and line]
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}  # the terminal is dark
    image = np.array([[light[char][half] for char in row] for row in rows for half in (0, 1)])
    image = np.kron(image, np.ones((4, 4))).astype(np.uint8) * 255
    (found,) = zxingcpp.read_barcodes(image)
    assert found.text == link[0]
    assert link[0] == f"http://{urlsplit(link[0]).netloc}/key/{server.key}/"
    assert len(server.key) * 6 >= 128
    assert "Anyone with the link can use it." in server.printed


def test_the_key_stays_the_same_and_is_no_one_elses_to_read(server, tmp_path):
    path = Path(os.environ["VOICEGUIDE_CONFIG_DIR"]) / "phone-key"
    with serving(tmp_path / "again") as again:
        assert again.key == server.key
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_for_this_machine_alone_no_link_for_phones_is_printed(tmp_path):
    with serving(tmp_path / "out", "--host", "127.0.0.1") as served:
        assert "/key/" not in served.printed
        assert served.get("/").status_code == 200


def test_a_port_in_use_is_said_plainly(server, tmp_path):
    done = voiceguide("serve", tmp_path / "out", "--port", server.port)
    assert done.returncode == 1
    assert re.fullmatch(rf"voiceguide: port {server.port} is in use.*--port\n", done.stderr)


def test_an_address_that_is_not_ours_and_a_folder_that_is_none_are_said_plainly(tmp_path):
    done = voiceguide("serve", tmp_path / "out", "--port", 0, "--host", "192.0.2.200")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--host 192.0.2.200" in done.stderr
    (tmp_path / "file").write_text("")
    done = voiceguide("serve", tmp_path / "file", "--port", 0)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert str(tmp_path / "file") in done.stderr


def test_with_a_certificate_it_is_served_by_https(tmp_path):
    cert, key = certificate(tmp_path, "one")
    command = [sys.executable, "-m", "voiceguide", "serve", tmp_path / "out", "--port", "0"]
    with subprocess.Popen(
        [*command, "--cert", cert, "--key", key], stdout=subprocess.PIPE, text=True
    ) as serving_:
        printed = ""
        while "Ctrl+C" not in printed:
            printed += serving_.stdout.readline()
        links = re.findall(r"(\w+)://[^/]*:(\d+)/", printed)
        assert {scheme for scheme, _ in links} == {"https"}
        trusted = ssl.create_default_context(cafile=str(cert))
        address = f"https://localhost:{links[0][1]}"
        with httpx.Client(verify=trusted) as client:
            assert "Where would you like" in client.get(f"{address}/").text
            own = client.post(
                f"{address}/api/sessions", json={"target": "nose"}, headers={"Origin": address}
            )
            assert own.status_code == 422
        serving_.terminate()


def test_a_certificate_that_cannot_be_used_is_told_plainly(tmp_path):
    cert, key = certificate(tmp_path, "one")
    _, other = certificate(tmp_path, "other")
    for options, says in (
        (["--cert", cert, "--key", other], "no certificate that can be used with"),
        (["--cert", key], "has to contain the private key without --key"),
        (["--cert", tmp_path / "none.pem"], "none.pem: cannot be read: No such file"),
    ):
        done = voiceguide("serve", tmp_path / "out", "--port", 0, *options)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert says in done.stderr
    alone = voiceguide("serve", tmp_path / "out", "--port", 0, "--key", key)
    assert (alone.returncode, "--key needs --cert" in alone.stderr) == (2, True)


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "segno"])
def test_without_the_extra_it_is_said_how_to_get_it(missing):
    program = f"""
import sys
sys.modules[{missing!r}] = None
sys.argv = ["voiceguide", "serve"]
from voiceguide.cli import main
main()"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "pip install 'voiceguide[phone]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, "sessions"), (signal.SIGTERM, "playlists")]
)
def test_busy_is_said_and_a_signal_ends_it_at_once_with_nothing_left_behind(tmp_path, number, kind):
    with serving(tmp_path / "out") as served:
        regions = ["hip", "knee", "foot", "hand", "groin", "jaw"]
        wanted = [{"target": region, "explain": True} for region in regions]
        answers = [served.post(f"/api/{kind}", one) for one in wanted]
        assert [answer.status_code for answer in answers] == [202] * 5 + [503]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert "busy" in answers[-1].json()["error"]
        again = served.post(f"/api/{kind}", wanted[3])  # it waits already: no second time
        assert again.json() == answers[3].json()
        states = [served.get(f"/api/{kind}/{answer.json()['id']}") for answer in answers[1:5]]
        assert [one.json()["position"] for one in states] == [1, 2, 3, 4]
        last = f"/api/{kind}/{answers[4].json()['id']}"
        assert by_http.delete(served.url + last).status_code == 204
        assert served.get(last).status_code == by_http.delete(served.url + last).status_code == 404
        process = psutil.Process(served.process.pid)
        parts = "sessions/.voiceguide-part-*/.*" if kind == "sessions" else "*/.voiceguide-part-*"
        until = time.monotonic() + 20
        while not list(served.folder.glob(parts)):  # it is in the midst of a file
            assert time.monotonic() < until
            time.sleep(0.02)
        children = process.children(recursive=True)
        assert children
        served.process.send_signal(number)
        code = served.process.wait(20)
        assert code == (0 if number == signal.SIGINT else 128 + number)
        assert psutil.wait_procs(children, timeout=20)[1] == []
        left = [path for path in served.folder.rglob("*") if not path.match("hip-explain/*")]
        assert [path.name for path in left if path.name != "hip-explain"] == ["sessions"]
        assert list(served.folder.rglob(".*")) == []
        assert served.process.stderr.read() == ""


# Who may enter


@pytest.mark.parametrize(
    "cookie",
    [
        "", "voiceguide", "voiceguide=", "voiceguide=;", "voiceguide=*", 'voiceguide="',
        "voiceguide=%00",
        "Voiceguide={key}", "voiceguide={key}x", "voiceguide=\xff\xfe", "x=1; voiceguide=../{key}",
        "voiceguide={key}; voiceguide=x", "x;" * 2000, "voiceguide=" + "A" * 8000,
    ],
)  # fmt: skip
def test_a_cookie_must_be_the_key(server, cookie):
    value = cookie.format(key=server.key).encode("latin-1")
    headers = [(b"Cookie", value), (b"Via", b"1.1 proxy")]
    assert is_refused(by_http.get(f"{server.url}/", headers=headers))


def test_what_came_through_a_proxy_on_this_machine_needs_the_key(server):
    for name in (
        "X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto",
        "CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "Fly-Client-IP",
        "X-Original-Forwarded-For",
    ):  # fmt: skip
        assert is_refused(by_http.get(f"{server.url}/", headers={name: "for=127.0.0.1"}))
    cookie = f"voiceguide={server.key}"
    assert server.get("/", Cookie=cookie, X_Forwarded_For="192.0.2.1").status_code == 200


@pytest.mark.parametrize(
    ("host", "enters"),
    [
        ("127.0.0.1:{port}", True), ("localhost:{port}", True), ("LOCALHOST", True),
        ("localhost.", True), ("{name}:1", True), ("{name}.local", True), ("evil.example", False),
        ("localhost.evil.example", False), ("192.0.2.1", False), ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False), ("2130706433", False), ("127.1", False),
        ("[::1]", False), ("[::ffff:127.0.0.1]", True), ("", False), ("a b", False),
        ("localhost:x", False), ("x" * 300, False),
    ],
)  # fmt: skip
def test_only_the_names_of_this_machine_lead_here(server, host, enters):
    """A name of someone else's, that points here, would give their page our answers."""
    name = socket.gethostname().partition(".")[0]
    host = host.format(port=server.port, name=name)
    answer = server.raw(f"GET /api/library HTTP/1.1\nHost: {host}\nConnection: close\n\n")
    status = int(answer.split()[1])
    assert (status == 200) is enters
    assert enters or (status in (400, 403) and b"neck" not in answer)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 202), ("http://127.0.0.1:{port}", 202), ("null", 403), ("http://evil.example", 403),
        ("http://127.0.0.1:1", 403), ("http://localhost:{port}", 403), ("", 403),
        ("ftp://127.0.0.1:{port}", 403),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("session")
def test_another_sites_page_cannot_ask_for_anything(server, origin, status):
    headers = {} if origin is None else {"Origin": origin.format(port=server.port)}
    answer = by_http.post(f"{server.url}/api/sessions", json=TONES, headers=headers)
    assert answer.status_code == (200 if status == 202 else status)  # it is made already
    plain = {**headers, "Content-Type": "text/plain"}
    answer = by_http.post(f"{server.url}/api/sessions", content=json.dumps(TONES), headers=plain)
    assert answer.status_code == (415 if status == 202 else status)


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403), ("cross-site", "cors", 403), ("same-site", "no-cors", 403),
        ("cross-site", "navigate", 200), ("same-origin", "cors", 200), ("none", "navigate", 200),
    ],
)  # fmt: skip
def test_another_sites_page_cannot_have_anything_but_lead_here(server, site, mode, status):
    answer = server.get("/covers/neck.png", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode)
    assert answer.status_code == status


def test_answers_allow_nothing_from_outside(server):
    for path in ("/", "/page/page.js", "/api/library", "/nothing"):
        headers = server.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert ("script-src 'self'" in headers["Content-Security-Policy"]) == (path == "/")
        assert headers["X-Content-Type-Options"] == "nosniff"
        known = server.get(path, If_None_Match=headers.get("ETag", ""))
        assert known.status_code != 304 or "Content-Security-Policy" not in known.headers
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


# No path leaves the folder


@pytest.mark.parametrize("prefix", ["/sessions/", "/playlists/", "/playlists/neck/", "/page/", "/"])
@pytest.mark.parametrize(
    "path",
    [
        "../secret.mp3", "../../secret.mp3", "..%2fsecret.mp3", "%2e%2e/secret.mp3",
        "..%5csecret.mp3", "..\\secret.mp3", "....//secret.mp3",
        "%2e%2e%2f%2e%2e%2fsecret.mp3", "..%252fsecret.mp3",
        "/etc/passwd", "%2fetc%2fpasswd", "..", ".", "%00", "x%00.mp3", "..%c0%afsecret.mp3",
        "%ff.mp3",
        "page.js/../../access.py", "../access.py", "texts.toml", "index.html.jinja", "x" * 5000,
    ],
)  # fmt: skip
def test_no_path_leaves_the_folder(server, prefix, path):
    answer = server.raw(f"GET {prefix}{path} HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    status = int(answer.split()[1])
    assert 300 <= status < 500 or (prefix + path == "/." and status == 200)
    assert BESIDE.encode() not in answer
    assert b"root:" not in answer
    assert b"import" not in answer
    assert b"Traceback" not in answer


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_a_link_out_of_the_folder_is_not_followed(server, neck):
    folder = server.folder / "linked"
    shutil.copytree(server.folder / neck["id"], folder)
    (folder / f"{neck['id']}.m3u8").rename(folder / "linked.m3u8")
    track = neck["tracks"][0]["file"]
    (folder / track).unlink()
    outside = shutil.copy(server.folder / neck["id"] / track, server.folder.parent / "outside.mp3")
    (folder / track).symlink_to(outside)
    (server.folder / "elsewhere").symlink_to(server.folder.parent)
    whole = shutil.copytree(server.folder / neck["id"], server.folder.parent / "whole")
    (whole / f"{neck['id']}.m3u8").rename(whole / "whole.m3u8")
    (server.folder / "whole").symlink_to(whole)
    try:
        second = neck["tracks"][1]["file"]
        assert server.get(f"/playlists/linked/{second}").status_code == 200
        assert server.get(f"/playlists/linked/{track}").status_code == 404
        with zipfile.ZipFile(io.BytesIO(server.get("/playlists/linked.zip").content)) as archive:
            assert f"linked/{second}" in archive.namelist()
            assert f"linked/{track}" not in archive.namelist()
        assert server.get("/playlists/elsewhere/secret.mp3").status_code == 404
        assert server.get(f"/playlists/whole/{second}").status_code == 404
        assert server.get("/playlists/whole.zip").status_code == 404
        assert server.get("/playlists/whole/").status_code == 404
    finally:
        shutil.rmtree(folder)
        (server.folder / "elsewhere").unlink()
        (server.folder / "whole").unlink()


# What is asked for


def test_the_library_has_what_can_be_chosen(server):
    listed = json.loads(voiceguide("regions", "--language", "de", "--format", "json").stdout)
    answer = server.get("/api/library?language=de").json()
    assert {one["id"] for one in answer["regions"]} == {one["id"] for one in listed}
    by_id = {one["id"]: one for one in answer["regions"]}
    for region in listed:
        assert by_id[region["id"]]["name"] == region["name"]
        methods = [area["methods"] for area in by_id[region["id"]]["areas"]]
        assert methods == [area["methods"] for area in region["areas"]]
    for language in ("xx", "../en", ""):
        assert server.get(f"/api/library?language={language}").status_code == 422


def test_a_session_that_was_asked_for_is_made_and_is_what_the_command_line_makes(
    server, session, tmp_path
):
    path = tmp_path / "calf.mp3"
    options = ["--side", "left", "--level", "gentle", "--guidance", "tones"]
    assert voiceguide("render", "calf", *options, "-o", path).returncode == 0
    audio = server.get(f"/sessions/{session['id']}.mp3")
    (tmp_path / "page.mp3").write_bytes(audio.content)
    assert np.array_equal(decode(tmp_path / "page.mp3"), decode(path))
    assert ID3(tmp_path / "page.mp3")["APIC:"].data == ID3(path)["APIC:"].data
    shown = voiceguide("script", "calf", *options, "--format", "json").stdout
    timeline = server.get(f"/sessions/{session['id']}.json").json()
    assert timeline == json.loads(shown)
    assert session["duration_ms"] == timeline["duration_ms"]
    captions = webvtt.from_string(server.get(f"/sessions/{session['id']}.vtt").text)
    assert [one.text for one in captions] == [e["text"] for e in timeline["events"] if e["text"]]
    chapters = server.get(f"/sessions/{session['id']}.chapters.json").json()["chapters"]
    assert [one["title"] for one in chapters] == [one["title"] for one in timeline["chapters"]]
    assert session["id"] in [one["id"] for one in server.get("/api/sessions").json()]


def test_the_same_again_is_there_at_once(server, session):
    again = server.post("/api/sessions", TONES)
    assert again.status_code == 200
    assert again.json() == session


def test_a_wrong_length_is_answered_with_those_that_can_be_had(server):
    wanted = {**TONES, "target": "neck", "side": "both", "minutes": 2}
    answer = server.made("sessions", wanted)
    assert answer["state"] == "failed"
    assert server.get(f"/api/sessions/{answer['id']}").status_code == 422
    (longer_ms,) = answer["nearest_ms"]
    assert longer_ms > answer["one_side_ms"] > 120_000
    for side, offered_ms in (("both", longer_ms), ("left", answer["one_side_ms"])):
        options = ["--side", side, "--level", "gentle", "--guidance", "tones"]
        done = voiceguide("script", "neck", *options, "--minutes", offered_ms / 60_000, "--check")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"target": "nose"}, "no region"), ({"target": "calf", "area": "neck"}, "no area"),
        ({"target": "calf", "method": "hammer"}, "no method"), ({}, "target"),
        ({"target": "jaw", "method": "foam-roller"}, "does not suit"),
        ({"target": "calf", "language": "xx"}, "language"),
        ({"target": "calf", "language": "../en"}, "language"),
        ({"target": "calf", "minutes": 100_000}, "minutes"), ({"target": "../calf"}, "target"),
        ({"target": "calf", "minutes": 180.5}, "between 1 and 180"),
        ({"target": "calf", "minutes": 0.5}, "between 1 and 180"),
        ({"target": "calf", "minutes": "3:00:01"}, "between 1 and 180"),
        ({"target": "calf", "minutes": -1}, "minutes"), ({"target": "my.ssml"}, "target"),
        ({"target": "calf", "minutes": True}, "minutes"),
        ({"target": "calf", "minutes": "soon"}, "minutes, such as 12"),
        ({"target": "calf", "minutes": [12]}, "minutes: must be"),
        ({"target": "calf", "area": {"name": "calf"}}, "area: must be"),
        ({"target": "calf", "library": "/"}, "unknown option “library”"),
        ({"target": "calf", "voice": "x.onnx"}, "voice: must be one of those that are installed"),
        ({"target": "calf", "bed": "rain.wav"}, "bed: must be one of rain, ocean, drone"),
        ({"target": "calf", "max_length": "24h"}, "unknown option “max_length”"),
        ({"target": "calf", "region": "calf"}, "unknown option “region”"),
        ({"target": "calf", "sied": "left"}, "did you mean side?"),
        ({"target": "calf", "variables": "a=1"}, "variables"),
        ({"target": "calf", "variables": {"a": 1}}, "variables"),
        ({"target": "calf", "variables": {"a": [1]}}, "a: must be"),
        ({"target": "-"}, "target"), ({"target": ["calf"]}, "target"),
        ({"target": "c" * 61}, "target"), ({"target": "calf\n"}, "target"),
        ({"target": "calf", "area": "x" * 61}, "area: must have at most 60 characters"),
        ({"target": "calf", "area": "upper\ncalf"}, "area: must be a line"),
        ({"target": "calf", "side": "up"}, "side"), ({"target": "calf", "side": None}, "side"),
        ({"target": "breathing", "side": "left"}, "side does not apply to breathing"),
        ({"target": "breathing", "pace": "4-x"}, "seconds such as 4-6"),
        ({"target": "breathing", "pace": "90-90"}, "from 1 to 20 s"),
        ({"target": "calf", "pace": "box"}, "pace does not apply to massage"),
        ([], "object"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_told(server, wanted, says):
    answer = server.post("/api/sessions", wanted)
    assert answer.status_code == 422
    assert says in answer.json()["error"]
    assert "\n" not in answer.json()["error"].strip()


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "not JSON"), ("{", "not JSON"), ("\xff", "not JSON"), ("[" * 4000, "not JSON"),
        ('{"target": "calf", "minutes": NaN}', "minutes"),
        ('{"target": "calf", "minutes": 1e999}', "minutes"),
        ('{"target": "calf", "minutes": 1' + "0" * 3900 + "}", "minutes"),
        ('{"target": "calf", "\\ud800": 1}', "unknown option"),
        ('{"target": "calf", "area": "\\ud800"}', "area"),
        ('{"target": "calf", "area": "\\u0000"}', "area"),
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_told_too(server, written, says):
    answer = by_http.post(
        f"{server.url}/api/sessions",
        content=written.encode("latin-1"),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, says in answer.json()["error"]) == (422, True), answer.text


def test_the_same_wish_in_other_words_is_the_same_session(server, session):
    said_twice = {**TONES, "minutes": None, "explain": False, "language": "en", "prepare": False}
    again = server.post("/api/sessions", said_twice)
    assert (again.status_code, again.json()["id"]) == (200, session["id"])
    wanted = {"target": "breathing", "guidance": "tones", "pace": "BOX"}
    ids = {
        server.post("/api/sessions", {**wanted, "minutes": minutes}).json()["id"]
        for minutes in (4, 4.0, "4", "4:00", "240s")
    }
    assert len(ids) == 1


def test_a_kind_of_session_is_offered_made_and_is_what_the_command_line_makes(server):
    for language, name in (("en", "Breathing"), ("de", "Atmen")):
        kinds = server.get(f"/api/library?language={language}").json()["kinds"]
        kind = {one["id"]: one for one in kinds}["breathing"]
        assert (kind["name"], kind["about"]) == (name, "itself")
        assert set(kind["options"]) == OF_BREATHING
    wanted = {"target": "breathing", "pace": "4-7-8", "guidance": "tones", "minutes": 4}
    about = server.made("sessions", wanted)
    assert (about["state"], about["region"], about["duration_ms"]) == (
        "ready",
        "breathing",
        240_000,
    )
    assert about["id"].startswith("breathing-")
    options = ["--pace", "4-7-8", "--guidance", "tones", "--minutes", "4"]
    shown = voiceguide("script", "breathing", *options, "--format", "json").stdout
    timeline = server.get(f"/sessions/{about['id']}.json").json()
    assert timeline == json.loads(shown)
    marks = [(one["kind"], one["end_ms"] - one["begin_ms"]) for one in timeline["marks"]]
    breath = [("inhale", 4000), ("hold", 7000), ("exhale", 8000)]
    assert marks[:3] == breath
    assert set(marks) == set(breath)
    picture = server.get("/covers/breathing.png").content
    assert picture.startswith(b"\x89PNG")
    assert picture != server.get("/covers/calf.png").content
    assert server.get("/covers/nothing.png").status_code == 404


def test_what_each_track_has_for_itself_cannot_be_asked_of_a_playlist(server):
    for wanted in (
        {"target": "breathing", "pace": "box"},
        {"target": "calf", "area": "upper-calf"},
    ):
        answer = server.post("/api/playlists", wanted)
        name = list(wanted)[1]
        assert answer.status_code == 422
        assert (
            answer.json()["error"] == f"{name}: each track of a playlist has its own; leave it out"
        )


def shown_options(page: str) -> set[str]:
    return set(re.findall(r'data-option="([^"]+)"', page))


def test_the_page_has_a_field_for_each_option_that_it_may_choose(server):
    assert shown_options(server.get("/").text) == ON_THE_PAGE


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
NAMES = ["target", *sorted(ON_THE_PAGE), "variables"]
BAD = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    JUNK.map(lambda junk: json.dumps(junk).encode()),
    st.tuples(st.dictionaries(st.sampled_from(NAMES), JUNK), JUNK).map(
        lambda parts: json.dumps({**TONES, **parts[0], "more": parts[1]}).encode()
    ),
    st.dictionaries(st.sampled_from(NAMES), JUNK).map(
        lambda parts: json.dumps({"target": "nose", **parts, "level": "deepest"}).encode()
    ),
    st.integers(1, 9_000).map(lambda depth: b"[" * depth),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=BAD, kind=st.sampled_from(["sessions", "playlists"]))
def test_bad_json_is_refused_in_json(server, connection, body, kind):
    headers = {"Content-Type": "application/json"}
    answer = connection.post(f"{server.url}/api/{kind}", content=body, headers=headers)
    assert answer.status_code in (413, 422)
    assert answer.json()["error"]
    assert "Traceback" not in answer.text


@pytest.fixture(scope="module")
def connection():
    with httpx.Client(timeout=30) as client:
        yield client


def test_a_region_that_is_broken_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path / "config"))
    broken = tmp_path / "config/scripts/en/regions/broken.toml"
    broken.parent.mkdir(parents=True)
    broken.write_text("name = 1")
    with serving(tmp_path / "out") as served:
        answer = served.post("/api/sessions", {"target": "broken"})
        assert (answer.status_code, "broken.toml" in answer.json()["error"]) == (422, True)
        assert served.get("/").status_code == 200
        assert "neck" in served.get("/api/library").text


def test_what_an_editor_leaves_among_the_texts_takes_nothing_down(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path / "config"))
    regions = tmp_path / "config/scripts/en/regions"
    regions.mkdir(parents=True)
    (regions / ".#calf.toml").symlink_to("somebody@somewhere.4711:1700000000")  # Emacs
    (regions / "notes.txt").symlink_to(tmp_path / "gone.txt")
    with serving(tmp_path / "out") as served:
        assert served.get("/").status_code == 200
        assert served.post("/api/sessions", {"target": "neck"}).status_code == 202


def test_sessions_not_used_for_longest_make_room_and_playlists_stay(tmp_path):
    with serving(tmp_path / "out") as served:
        full = tmp_path / "out/full/full.mp3"
        full.parent.mkdir()
        with full.open("wb") as file:
            file.truncate(10_000_000_001)
        refused = served.post("/api/playlists", TONES)
        assert (refused.status_code, "delete some" in refused.json()["error"]) == (422, True)
        full.unlink()
        for age_s, name in enumerate(["newer-1", "older-2", "oldest-3"]):
            folder = tmp_path / "out/sessions" / name
            folder.mkdir()
            (folder / "about.json").write_text('{"title": "old", "file": "old.mp3"}')
            with (folder / "session.mp3").open("wb") as file:
                file.truncate(900_000_000)  # it takes no room on the disk
            os.utime(folder / "about.json", (1e9 - age_s, 1e9 - age_s))
        assert served.get("/api/sessions/oldest-3").status_code == 200  # which is a use
        made = served.made("sessions", TONES)
        assert made["state"] == "ready"
        left = {one["id"] for one in served.get("/api/sessions").json()}
        assert left == {made["id"], "oldest-3", "newer-1"}


# Files, as phones fetch them


def test_a_sample_without_a_place_for_temporary_files_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(ExportError, match="let TMPDIR name another place"):
        speakers.sample("", "en")


def test_parts_of_a_file_can_be_had(server, session):
    path = f"/sessions/{session['id']}.mp3"
    whole = server.get(path)
    content = (server.folder / "sessions" / session["id"] / "session.mp3").read_bytes()
    assert whole.content == content
    assert whole.headers["Content-Type"] == "audio/mpeg"
    assert whole.headers["Accept-Ranges"] == "bytes"
    for asked, begin, end in [
        ("bytes=0-99", 0, 100), ("bytes=1000-", 1000, len(content)),
        ("bytes=-500", len(content) - 500, len(content)), ("bytes=5-99999999999", 5, len(content)),
    ]:  # fmt: skip
        part = server.get(path, Range=asked)
        assert part.status_code == 206
        assert part.content == content[begin:end]
        assert part.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(content)}"
    beyond = server.get(path, Range=f"bytes={len(content)}-")
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"].endswith(f"*/{len(content)}")
    for odd in (
        "bytes=",
        "bytes=a-b",
        "bytes=abc",
        "items=0-1",
        "bytes=0-0," * 900,
        "-",
        "bytes=--1",
        f"bytes={'9' * 5000}-",
    ):
        answer = server.get(path, Range=odd)  # is none, and so as if it were not there
        assert (odd, answer.status_code, len(answer.content)) == (odd, 200, len(content))
    for backward in ("bytes=9-1", "bytes=0-1, 9-1"):
        answer = server.get(path, Range=backward)
        assert (answer.status_code, len(answer.content) < 100) == (400, True)
    etag = whole.headers["ETag"]
    resumed = server.get(path, Range="bytes=100-", If_Range=etag)
    assert (resumed.status_code, resumed.content) == (206, content[100:])
    changed = server.get(path, Range="bytes=100-", If_Range='"another"')
    assert (changed.status_code, changed.content) == (200, content)
    known = server.get(path, If_None_Match=f'"another", W/{etag}')
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", etag)
    head = by_http.head(server.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(content)


def test_types_and_names_are_right(server, session, neck):
    base = f"/sessions/{session['id']}"
    listed = f"/playlists/{neck['id']}"
    for path, kind in {
        f"{base}.json": "application/json", f"{base}.vtt": "text/vtt",
        f"{base}.chapters.json": "application/json+chapters", "/covers/neck.png": "image/png",
        f"{listed}/cover.png": "image/png", f"{listed}/{neck['id']}.m3u8": "audio/x-mpegurl",
        f"{listed}/{neck['id']}.xspf": "application/xspf+xml", f"{listed}.zip": "application/zip",
        f"{listed}/feed.xml": "application/rss+xml", "/page/page.js": "text/javascript",
    }.items():  # fmt: skip
        answer = server.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert answer.headers["Content-Type"].partition(";")[0] == kind
        if "zip" not in path:
            assert server.get(path, If_None_Match=answer.headers["ETag"]).status_code == 304
    saved = server.get(f"{base}.mp3?download").headers["Content-Disposition"]
    day = r"20\d{6}"  # the choice of words
    assert re.fullmatch(rf'attachment; filename="calf-left-gentle-tones-seed-{day}\.mp3"', saved)
    assert server.get(f"{base}.mp3").headers["Content-Disposition"].startswith("inline")


def test_a_playlist_is_listed_and_is_had_whole(server, neck):
    listed = {one["id"]: one for one in server.get("/api/playlists").json()}
    assert listed[neck["id"]] == neck
    folder = server.folder / neck["id"]
    assert sum(one["duration_ms"] for one in neck["tracks"]) == neck["duration_ms"]
    with zipfile.ZipFile(io.BytesIO(server.get(f"/playlists/{neck['id']}.zip").content)) as archive:
        assert archive.testzip() is None
        assert {name.partition("/")[0] for name in archive.namelist()} == {neck["id"]}
        held = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert held == {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("nothing", "sessions", "..", "neck--x"):
        assert name == ".." or server.get(f"/playlists/{name}/").status_code == 404
        assert server.get(f"/playlists/{name}.zip").status_code == 404
        assert server.get(f"/api/playlists/{name}").status_code == 404


def test_a_zip_says_that_it_has_no_parts_and_comes_whole(server, neck):
    path = f"/playlists/{neck['id']}.zip"
    whole = server.get(path)
    content, etag = whole.content, whole.headers["ETag"]
    assert (whole.status_code, whole.headers["Accept-Ranges"]) == (200, "none")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="{neck["id"]}.zip"'
    for asked in ("bytes=0-99", "bytes=-500", "bytes=99999999999-", "items=0-1"):
        answer = server.get(path, Range=asked, If_Range=etag)
        assert (asked, answer.status_code, answer.content == content) == (asked, 200, True)
    assert server.get(path, If_None_Match=etag).status_code == 304
    head = by_http.head(server.url + path)
    assert (head.status_code, head.content) == (200, b"")


def test_a_playlist_keeps_to_a_length_and_is_named_by_it(server):
    wanted = {"target": "calf", "side": "left", "level": "gentle", "guidance": "tones"}
    made = server.made("playlists", {**wanted, "minutes": 12.5})
    assert (made["state"], made["id"]) == ("ready", "calf-left-gentle-tones-12-5-min")
    assert made["duration_ms"] == 750_000
    none = server.made("playlists", {**wanted, "minutes": 1})
    assert none["state"] == "failed"
    assert none["nearest_ms"][0] > 60_000
    assert none["options"] == {"target": wanted.pop("target"), **wanted, "minutes": 1}


def test_a_track_that_is_broken_is_told_without_the_computers_folders(server, neck):
    folder = server.folder / "broken"
    shutil.copytree(server.folder / neck["id"], folder)
    (folder / f"{neck['id']}.m3u8").rename(folder / "broken.m3u8")
    try:
        tags = ID3(folder / neck["tracks"][0]["file"])
        tags.delall("TRCK")
        tags.save()
        answer = server.get("/api/playlists/broken")
        said = f"broken/{neck['tracks'][0]['file']}: cannot be read as a track: lacks TRCK"
        assert (answer.status_code, answer.json()) == (422, {"error": said})
        (folder / neck["tracks"][0]["file"]).rename(folder / "whole-session.mp3")
        other = neck["tracks"][1]["file"]
        assert server.get("/playlists/broken/feed.xml").status_code == 422
        assert server.get(f"/playlists/broken/{other}").status_code == 200
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_what_an_engine_prints_and_a_server_that_is_killed_do_no_harm(tmp_path, monkeypatch):
    odd = tmp_path / "odd"
    (tmp_path / "sitecustomize.py").write_text(
        f"""import atexit, pathlib, sys
print("hello", flush=True) if pathlib.Path({str(odd)!r}).exists() else None
atexit.register(print, "good bye")"""
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    with serving(tmp_path / "out") as served:
        odd.touch()  # what cannot be understood ends one render, not all
        assert served.made("sessions", TONES)["state"] == "failed"
        odd.unlink()
        assert served.made("sessions", TONES)["state"] == "ready"
        assert served.post("/api/sessions", {"target": "hip", "explain": True}).status_code == 202
        process = psutil.Process(served.process.pid)
        until = time.monotonic() + 20
        while not list(served.folder.glob("sessions/.voiceguide-part-*/.*")):
            assert time.monotonic() < until
            time.sleep(0.02)
        children = process.children(recursive=True)
        served.process.kill()
        assert psutil.wait_procs(children, timeout=20)[1] == []
        said = served.process.stderr.read()
        assert said.count("Traceback") == 1  # that of “hello”
        assert "BrokenPipe" not in said


# Those who mean no good


@pytest.mark.slow
def test_a_crowd_and_clients_that_never_finish_do_it_no_harm(server, session):
    process = psutil.Process(server.process.pid)
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    begin = time.monotonic()
    for connection in slow:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
    stalled = socket.create_connection(("127.0.0.1", server.port))
    stalled.sendall(b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")  # fmt: skip

    async def crowd(count: int) -> list[int]:
        path = f"{server.url}/sessions/{session['id']}.mp3"
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:

            async def one() -> int:
                try:
                    answer = await client.get(path, headers={"Range": "bytes=0-999"})
                except httpx.TransportError:
                    return 0
                return answer.status_code

            return await asyncio.gather(*(one() for _ in range(count)))

    def memory_after(count: int) -> int:
        answers = asyncio.run(crowd(count))
        assert set(answers) <= {206, 503, 0}
        assert answers.count(206) >= 0.9 * min(count, access.MAX_FROM_HERE)
        assert server.get("/").status_code == 200
        return process.memory_info().rss

    before, first, second = (memory_after(count) for count in (50, 1000, 500))
    assert first - before < 100_000_000
    assert second - first < 10_000_000
    for drip in range(40):  # a byte now and then does not help them
        if time.monotonic() - begin > 10:
            break
        with contextlib.suppress(OSError):
            for connection in slow:
                connection.sendall(b"a" if drip else b"alhost\r\nX: ")
        time.sleep(0.4)
    for connection in slow:
        connection.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1000) == b""
        connection.close()
    stalled.settimeout(5)
    assert b" 408 " in stalled.recv(1000)
    stalled.close()


def test_clients_that_go_away_in_mid_download_leave_nothing_behind(server, session):
    process = psutil.Process(server.process.pid)
    open_before, memory_before = process.num_fds() if os.name == "posix" else 0, None
    for round_ in range(60):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            paths = [f"/sessions/{session['id']}.mp3", "/playlists/neck.zip", "/"]
            request = f"GET {paths[round_ % 3]} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(request.encode())
            connection.recv(2000)
            linger = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # gone at once
        if round_ == 20:
            memory_before = process.memory_info().rss
    time.sleep(0.5)
    assert server.get("/").status_code == 200
    assert process.memory_info().rss - memory_before < 5_000_000
    if os.name == "posix":
        assert process.num_fds() <= open_before + 3


def test_requests_too_long_or_malformed_are_refused(server):
    for request in [
        "GET / HTTP/1.1\nHost: localhost\nConnection: close\nX: " + "a" * 100_000 + "\n\n",
        "GET " + "/a" * 50_000 + " HTTP/1.1\nHost: localhost\nConnection: close\n\n",
        "GET / HTTP/1.1\n\n",
        "GET / HTTP/1.1\nHost: localhost\nHost: evil.example\n\n", "\x16\x03\x01\x02\x00\n\n",
        "GET http://evil.example/ HTTP/1.1\nHost: evil.example\nConnection: close\n\n",
        "POST /api/sessions HTTP/1.1\nHost: localhost\nContent-Length: -5\n\n",
        "BREW / HTTP/1.1\nHost: localhost\nConnection: close\n\n",
    ]:  # fmt: skip
        with contextlib.suppress(ConnectionResetError):
            answer = server.raw(request)
            assert re.match(rb"HTTP/1.1 4\d\d ", answer), answer[:100]
            assert b"Traceback" not in answer
    long = {"target": "calf", "language": "e" * 10_000}
    assert server.post("/api/sessions", long).status_code == 413


def test_no_phone_cancels_what_another_one_asked_for(server):
    wanted = {"target": "hip", "level": "gentle"}
    with httpx.Client(base_url=server.url) as one, httpx.Client(base_url=server.url) as other:
        one.get("/")
        other.get("/")
        assert one.cookies["phone"] != other.cookies["phone"]
        path = f"/api/sessions/{one.post('/api/sessions', json=wanted).json()['id']}"
        assert other.delete(path).status_code == 404
        other.post("/api/sessions", json=wanted)
        assert one.delete(path).status_code == 204  # the other one waits for it too
        assert one.get(path).json()["state"] in ("waiting", "making")
        assert other.delete(path).status_code == 204
        assert one.get(path).status_code == 404


def test_with_key_always_this_machine_needs_the_key_too(tmp_path):
    with serving(tmp_path, "--host", "127.0.0.1", "--key-always") as served:
        assert is_refused(served.get("/"))
        assert f"http://localhost:{served.port}/key/{served.key}/" in served.printed
        assert served.get(f"/key/{served.key}/api/library").status_code == 200


@pytest.mark.parametrize("path", ["/", "/page/player.js", "/api/library?language=en"])
def test_the_page_is_compressed_for_those_who_accept_it(server, path):
    small = server.get(path, accept_encoding="br, GZIP;q=0.5")
    assert small.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["vary"]
    for refused in ("identity", "gzip;q=0", "br, gzip; q=0.00"):
        plain = server.get(path, accept_encoding=refused)
        assert "content-encoding" not in plain.headers
        assert plain.text == small.text
        assert plain.headers["etag"] != small.headers["etag"]
        assert int(small.headers["content-length"]) < 0.5 * len(plain.content)
    again = server.get(path, accept_encoding="gzip", if_none_match=small.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
