"""The phone's server as it is found from another address of the network."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import random
import re
import socket
import subprocess
import sys
import time

import by_http
import feedparser
import httpx
import psutil
import pytest
from conftest import needs
from served import is_refused

pytestmark = pytest.mark.slow


def forget_networks_of_ended_runs() -> None:
    """Remove the namespaces of runs that were killed; they are named by the process."""
    for what, shown in (("netns", r"^vg(\d+)\b"), ("link", r"\bvg(\d+)a@")):
        listed = subprocess.run(["ip", what, "show"], capture_output=True, text=True, check=False)
        for number in re.findall(shown, listed.stdout, re.MULTILINE):
            if int(number) == os.getpid() or not psutil.pid_exists(int(number)):
                name = f"vg{number}" + "a" * (what == "link")
                subprocess.run(["ip", what, "del", name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def elsewhere():
    """Another address: give what asks from there, and the address at which we are found."""
    needs("ip")
    forget_networks_of_ended_runs()
    name = f"vg{os.getpid()}"
    # A pair of the 32,768 in the range for measurements, which no network uses (RFC 2544).
    pair = ipaddress.ip_address("198.18.0.0") + 4 * random.randrange(1 << 15)
    here, there = str(pair + 1), str(pair + 2)
    inside = ["ip", "netns", "exec", name]
    commands = [
        ["ip", "netns", "add", name],
        ["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b"],
        ["ip", "link", "set", f"{name}b", "netns", name],
        ["ip", "addr", "add", f"{here}/30", "dev", f"{name}a"],
        ["ip", "link", "set", f"{name}a", "up"],
        [*inside, "ip", "addr", "add", f"{there}/30", "dev", f"{name}b"],
        [*inside, "ip", "link", "set", f"{name}b", "up"],
    ]
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode and os.environ.get("CI"):
                pytest.fail(f"no network namespace in CI: {done.stderr}")
            if done.returncode:
                pytest.skip(f"needs the right to make a network namespace: {done.stderr.strip()}")

        def get(url: str, **headers: str) -> httpx.Response:
            program = (
                "import json, sys; from http.client import HTTPConnection\n"
                "host, path, headers = json.load(sys.stdin); connection = HTTPConnection(host)\n"
                "connection.request('GET', path, headers=headers)\n"
                "answer = connection.getresponse()\n"
                "print(json.dumps([answer.status, answer.getheaders(), answer.read().hex()]))"
            )
            host, _, path = url.removeprefix("http://").partition("/")
            done = subprocess.run(
                [*inside, sys.executable, "-ISc", program],
                input=json.dumps([host, f"/{path}", headers]),
                capture_output=True, text=True, check=True, timeout=60,
            )  # fmt: skip
            status, fields, content = json.loads(done.stdout)
            return httpx.Response(status, headers=fields, content=bytes.fromhex(content))

        yield get, here
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", f"{name}a"], capture_output=True, check=False)


PATHS = ["/", "/api/library", "/api/sessions", "/page/page.js", "/nothing", "/covers/neck.png"]


def test_from_another_address_none_enters_without_the_key(server, session, elsewhere):
    get, here = elsewhere
    base = f"http://{here}:{server.port}"
    file = f"/sessions/{session['id']}.mp3"
    for path in [*PATHS, file, "/key//", f"/key/{server.key[:-1]}/", f"/?key={server.key[::-1]}"]:
        assert is_refused(get(base + path)), path
    assert is_refused(get(f"{base}/", Cookie="voiceguide=1"))
    assert is_refused(get(f"{base}/", **{"X-Forwarded-For": "127.0.0.1"}))

    entry = get(f"{base}/key/{server.key}/")  # as from the QR code
    assert (entry.status_code, entry.headers["location"]) == (303, "/")
    cookie = entry.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    pair = cookie.partition(";")[0]
    assert "Where would you like" in get(f"{base}/", Cookie=pair).text
    assert get(base + file, Cookie=pair).content == get(f"{base}/key/{server.key}{file}").content
    assert get(f"{base}/key/{server.key}").headers["set-cookie"] == cookie  # as typed
    for named in ({"Cookie": pair}, {"Cookie": pair, "Sec-Fetch-Site": "same-origin"}):
        assert get(f"{base}/", Host=f"pc.fritz.box:{server.port}", **named).status_code == 200
    assert is_refused(get(f"{base}/", Host=f"pc.fritz.box:{server.port}"))
    assert is_refused(get(f"{base}/", Host="a b", Cookie=pair))


def test_feed_and_lists_work_from_another_address_without_a_cookie(server, neck, elsewhere):
    get, here = elsewhere
    base = f"http://{here}:{server.port}"
    folder = server.folder / neck["id"]
    feed = feedparser.parse(get(base + neck["feed"]).content)
    assert not feed.bozo
    assert len(feed.entries) == len(neck["tracks"])
    links = [feed.feed.image.href]
    for entry, track in zip(feed.entries, neck["tracks"], strict=True):
        assert entry.title.endswith(f": {track['title']}")
        enclosure = entry.enclosures[0]
        content = get(enclosure.href).content
        assert content == (folder / track["file"]).read_bytes()
        assert len(content) == int(enclosure.length)
        links += [entry.podcast_chapters["url"], entry.podcast_transcript["url"]]
    for link in links:
        assert link.startswith(f"{base}/key/{server.key}/")
        assert get(link).status_code == 200
        assert is_refused(get(link.replace(server.key, "A" * 22)))
    listed = get(base + neck["list"]).text
    named = [line for line in listed.splitlines() if not line.startswith("#")]
    around = base + neck["list"].rpartition("/")[0]
    assert named == [f"{around}/{track['file']}" for track in neck["tracks"]]
    assert get(named[0]).status_code == 200  # wherever the list was saved to
    xspf = get(f"{around}/{neck['id']}.xspf").text
    assert re.findall("<location>(.+)</location>", xspf) == named
    saved = get(base + neck["list"] + "?download").headers["Content-Disposition"]
    assert saved == f'attachment; filename="{neck["id"]}.m3u8"'
    guids = {
        re.search("<podcast:guid>(.+)</podcast:guid>", text)[1]
        for text in (get(base + neck["feed"]).text, server.get(neck["feed"]).text)
    }
    assert len(guids) == 1  # whatever our address is
    home = get(feed.feed.link)  # and who follows it may enter
    assert (home.status_code, home.headers["location"]) == (303, f"/#playlist/{neck['id']}")
    cookie = home.headers["set-cookie"].partition(";")[0]
    assert get(f"{base}/", Cookie=cookie).status_code == 200


def test_one_client_cannot_take_all_connections(server, elsewhere):
    _, here = elsewhere
    with contextlib.ExitStack() as opened:
        held = [
            opened.enter_context(socket.create_connection((here, server.port), timeout=5))
            for _ in range(100)
        ]
        for one in held:
            one.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(1)
        refused = 0
        for one in held:
            one.settimeout(0)
            try:
                refused += one.recv(1) == b""
            except BlockingIOError:
                continue
            except ConnectionResetError:
                refused += 1
        assert refused == 36
        assert server.get("/api/library").status_code == 200
    until_s = time.monotonic() + 10  # those that were closed count no more
    while time.monotonic() < until_s:
        with contextlib.suppress(httpx.HTTPError):
            if by_http.get(f"http://{here}:{server.port}/").status_code == 403:
                return
    raise AssertionError("shut out for good")
