"""A published site: what it holds, and how it plays in a real browser, also without a network."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import by_http
import feedparser
import httpx
import pytest
from conftest import certificate, needs, voiceguide
from page import seek, until
from PIL import Image

from voiceguide.phone.folder import RECORD, Files

pytestmark = pytest.mark.slow
CALF = ("calf", "--minutes", "3", "--side", "left")
BREATHING = ("breathing", "--minutes", "3")
BELOW = "praxis/massage"
"""The path of the site on its server."""
LOOK = """
name = "Praxis Müller"
logo = "logo.svg"
accent = "#8b1e5a"
email = "praxis@example.org"

[text]
en = "Exercises for our patients.\\n\\nAsk us."
de = "Übungen für unsere Patienten."

[[links]]
text = "Imprint"
address = "https://example.org/imprint"
"""
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">
<circle cx="4.5" cy="4.5" r="4" fill="#8b1e5a"/></svg>"""


@contextlib.contextmanager
def web(folder: Path, port: int = 0):
    """Serve a folder as any host does; yield its address and how to stop it."""
    command = [sys.executable, "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        port = int(re.search(r"port (\d+)", process.stdout.readline())[1])
        try:
            yield f"http://localhost:{port}", process
        finally:
            process.terminate()


SECURELY = """
import functools, http.server, ssl, sys
folder, cert, key = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
"""Serves a folder over HTTPS, as any host does."""


@contextlib.contextmanager
def web_securely(folder: Path, cert: Path, key: Path):
    """Serve a folder over HTTPS; yield its address."""
    command = [sys.executable, "-c", SECURELY, folder, cert, key]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield f"https://localhost:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@contextlib.contextmanager
def browser_of_ones_own(chromium, folder: Path, cert: Path):
    """Start a browser with a folder of its own that trusts a certificate; yield a page."""
    shown = ["openssl", "x509", "-in", cert, "-pubkey", "-noout"]
    pem = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
    public = base64.b64decode("".join(pem.splitlines()[1:-1]))
    trusted = base64.b64encode(hashlib.sha256(public).digest()).decode()
    context = chromium.browser_type.launch_persistent_context(
        folder, executable_path=shutil.which("chromium"), locale="en-GB",
        args=["--no-sandbox", f"--ignore-certificate-errors-spki-list={trusted}"],
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True,
    )  # fmt: skip
    context.set_default_timeout(20_000)
    yield context.pages[0]
    context.close()


def publish(site: Path, *arguments: object) -> None:
    done = voiceguide("publish", *arguments, "-o", site)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{site / 'index.html'}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory, _own_folders):
    """A web server with a published site below a path; yield its folder and address."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "site.toml").write_text(LOOK, "utf-8")
    (folder / "logo.svg").write_text(LOGO, "utf-8")
    with web(folder) as (address, _):
        url = f"{address}/{BELOW}"
        publish(folder / BELOW, *CALF, "breathing", "--site", folder / "site.toml", "--url", url)
        yield folder / BELOW, url


def modified(site: Path) -> dict[str, int]:
    return {
        str(path.relative_to(site)): path.stat().st_mtime_ns
        for path in site.rglob("*")
        if path.is_file()
    }


# What a site holds


def test_every_link_of_a_site_answers(server):
    site, url = server
    pages = {f"{url}/{path.relative_to(site)}" for path in site.rglob("*.html")}
    assert len(pages) == 2 + 2 + 3  # in two languages the page and its player; three of texts
    links = set()
    for page in pages:
        text = by_http.get(page).text
        found = re.findall(r'(?:href|src)="([^"#]*)', text)
        assert not [one for one in found if one.startswith("/")]  # that would leave the path
        links |= {urljoin(page, one) for one in found}
    manifest = json.loads((site / "site.webmanifest").read_text("utf-8"))
    links |= {f"{url}/{icon['src']}" for icon in manifest["icons"]}
    feed = feedparser.parse((site / "sessions/feed.xml").read_bytes())
    owner = {"name": "Praxis Müller", "email": "praxis@example.org"}
    assert feed.feed.publisher_detail == owner
    assert [entry.itunes_title for entry in feed.entries] == [
        "Calf: Trigger tool",
        "Breathing: calm",
    ]
    links |= {link.href for entry in feed.entries for link in [*entry.links, *feed.feed.links]}
    links |= set(re.findall("<loc>(.*?)</loc>", (site / "sitemap.xml").read_text("utf-8")))
    elsewhere = {one for one in links if not one.startswith(url)}
    assert elsewhere == {"https://example.org/imprint"}
    assert len(links) > 30
    for link in links - elsewhere:
        assert by_http.get(link, follow_redirects=True).status_code == 200, link


def test_what_is_said_of_a_site_elsewhere_is_its_own(server):
    site, url = server
    page = (site / "sessions/calf/index.html").read_text("utf-8")
    said = dict(re.findall(r'<meta property="([^"]+)" content="([^"]*)"', page))
    assert said["og:site_name"] == "Praxis Müller"
    assert said["og:title"] == "Calf: Trigger tool"
    assert "Stretch" in said["og:description"]
    picture = site / said["og:image"].removeprefix(url + "/")
    assert Image.open(picture).size == (1200, 630)
    for name, size in (("192", 192), ("512", 512), ("maskable", 512)):
        icon = Image.open(site / f"icons/{name}.png")
        assert icon.size == (size, size)
        assert icon.getpixel((size // 2, size // 2)) == (0x8B, 0x1E, 0x5A)  # the logo
        assert icon.getpixel((2, 2)) == (0xF5, 0xF2, 0xEC)  # what is behind it
    words = (site / "sessions/breathing/index.html").read_text("utf-8")
    assert "Find a comfortable seat" in words


def test_a_second_run_writes_nothing_and_removed_sessions_go(server, tmp_path):
    (there, url), site = server, tmp_path / "site"
    shutil.copytree(there, site)
    (site / "CNAME").write_text("example.org")
    first = modified(site)
    look = ("--site", there.parents[1] / "site.toml")
    publish(site, *CALF, "breathing", *look, "--url", url)
    assert modified(site) == first
    publish(site, *BREATHING, *look)
    now = modified(site)
    assert [name for name in now if "calf" in name] == []
    assert (site / "CNAME").read_text() == "example.org"
    for name in ("sessions/breathing.mp3", "sessions/breathing.vtt", "page/player.js"):
        assert now[name] == first[name]
    listed = json.loads((site / "api/sessions.json").read_text("utf-8"))
    assert [one["id"] for one in listed] == ["breathing"]
    assert listed[0]["duration_ms"] == 180_000
    assert not (site / "sessions/feed.xml").exists()  # no address, no feed


# What is refused


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    done = voiceguide("publish", *BREATHING, "-o", tmp_path)
    assert done.returncode == 1
    assert "already has “index.html”" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_nothing_is_published_where_one_target_fails(tmp_path):
    done = voiceguide("publish", "breathing", "elbwo", "-o", tmp_path / "site")
    assert done.returncode == 1
    assert "elbwo" in done.stderr
    assert not (tmp_path / "site").exists()
    done = voiceguide("publish", "breathing", "--url", "example.org", "-o", tmp_path / "site")
    assert done.returncode == 2
    assert "example.org: must be an address such as https://" in done.stderr
    assert not (tmp_path / "site").exists()
    done = voiceguide("publish", "calf", "Calf", "-o", tmp_path / "site")
    assert done.returncode == 2
    assert "both be called calf" in done.stderr


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        ('accent = "green"', 1, "accent: must be a color such as #17565f"),
        ('name = "A"\nbackground = "#202020"', 2, "background: is too dark to read on"),
        ('logo = "none.png"', 1, "none.png is not there"),
        ('logo = "bad.png"', 1, "cannot be read as a picture"),
        ('[[links]]\ntext = "x"\naddress = "javascript:alert(1)"', 3, "must be an address"),
        ('email = "nobody"', 1, "email: must be an address such as info@example.org"),
        ('colour = "#8b1e5a"', 1, "colour"),
    ],
)
def test_a_mistake_in_site_toml_is_told_with_its_line(tmp_path, written, line, says):
    path = tmp_path / "site.toml"
    path.write_text(written, "utf-8")
    (tmp_path / "bad.png").write_text("no picture")
    done = voiceguide("publish", *BREATHING, "--site", path, "-o", tmp_path / "site")
    assert done.returncode == 1
    assert f"{path}:{line}: " in done.stderr
    assert says in done.stderr


# Runs that are cut short, and several at once


def running(site: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "voiceguide", "publish", *BREATHING, "-o", site]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_run_that_was_killed_is_continued_and_two_at_once_take_turns(tmp_path):
    site = tmp_path / "site"
    with running(site) as killed:
        while not (site / "sessions").exists():
            assert killed.poll() is None, killed.stderr.read()
            time.sleep(0.02)
        killed.kill()
    assert not (site / "index.html").exists()
    with running(site) as one, running(site) as other:
        said = one.communicate(timeout=120)[1] + other.communicate(timeout=120)[1]
        assert (one.returncode, other.returncode) == (0, 0), said
    assert said.count("waiting until it has finished") == 1
    assert (site / "index.html").is_file()
    assert not list(site.rglob(".voiceguide-part-*"))


# In a browser


def test_it_plays_with_words_and_asks_nothing_of_anyone_else(server, phone):
    _, url = server
    asked = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.goto(f"{url}/")
    assert phone.title() == "Praxis Müller"
    assert phone.locator(".brand").text_content() == "Praxis Müller"
    assert phone.locator(".intro").all_text_contents() == [
        "Exercises for our patients.", "Ask us."
    ]  # fmt: skip
    assert phone.get_by_role("link", name="Imprint").is_visible()
    accent = phone.evaluate("getComputedStyle(document.body).getPropertyValue('--accent')")
    assert accent == "#8b1e5a"
    assert phone.locator("#body [data-region=neck]").count() == 0  # that is not published
    assert phone.locator("form, #favourite").count() == 0  # nothing is made here
    phone.locator("#body [data-region=calf]").first.tap()  # the only session for it
    phone.locator("#player").wait_for()
    assert phone.locator("#player h1").text_content() == "Calf: Trigger tool"
    phone.go_back()
    phone.locator("#made a", has_text="Breathing").tap()
    phone.get_by_role("button", name="Play", exact=True).tap()
    until(phone, "document.querySelector('audio').currentTime > 6")
    assert phone.locator("#sentence").text_content() == "Hello, and welcome."
    phone.locator("#touch").tap()
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Save the MP3").tap()
    assert download.value.suggested_filename == "breathing.mp3"
    assert {urlsplit(one).netloc for one in asked if not one.startswith("blob:")} == {
        urlsplit(url).netloc
    }
    assert phone.complaints == []


def test_a_playlist_is_published_with_its_feed_and_goes(tmp_path, phone):
    with web(tmp_path) as (address, _):
        url, site = f"{address}/{BELOW}", tmp_path / BELOW
        calf = ("calf", "--guidance", "tones", "--level", "gentle", "--side", "left")
        publish(site, *calf, "--playlists", "--url", url)
        first = modified(site)
        phone.goto(f"{url}/")
        phone.locator("#made-playlists a").tap()
        phone.locator("#tracks span").nth(3).wait_for()
        titles = phone.locator("#tracks span").all_text_contents()
        assert len(titles) == 4
        feed = feedparser.parse(by_http.get(phone.locator("#feed").input_value()).content)
        assert [entry.itunes_title for entry in feed.entries] == ["Calf: Fascia ball", *titles]
        for link in [*feed.feed.links, *(one for entry in feed.entries for one in entry.links)]:
            assert by_http.get(link.href).status_code == 200, link.href
        assert phone.locator("#zip, #list").filter(visible=True).count() == 0
        phone.locator("#tracks a").nth(1).tap()
        phone.get_by_role("button", name="Play", exact=True).tap()
        until(phone, "document.querySelector('audio').currentTime > 0.5")
        assert phone.locator("#player h1").text_content() == titles[1]
        assert phone.complaints == []
        publish(site, *calf, "--playlists", "--url", url)
        assert modified(site) == first
    publish(site, *calf)
    assert not (site / "playlists").exists()


def test_a_script_of_ones_own_is_published(tmp_path, phone):
    script = tmp_path / "Mein Rücken.md"
    script.write_text("# Ankommen\n\nLegen Sie sich hin & ruhen Sie <sanft>.\n", "utf-8")
    publish(tmp_path / "site", script, "--language", "de")
    [listed] = json.loads((tmp_path / "site/api/sessions.json").read_text("utf-8"))
    assert (listed["id"], listed["region"]) == ("mein-ruecken", None)
    assert str(tmp_path) not in json.dumps(listed)
    with web(tmp_path / "site") as (address, _):
        phone.goto(f"{address}/")
        assert phone.locator("html").get_attribute("lang") == "de"
        phone.locator("#made a").tap()
        phone.get_by_role("button", name="Abspielen", exact=True).tap()
        until(phone, "document.querySelector('#sentence').textContent.includes('ruhen')")
        assert phone.evaluate("navigator.mediaSession.metadata.album") == listed["title"]
        phone.goto(f"{address}/sessions/mein-ruecken/")
        assert "hin & ruhen Sie" in phone.locator("main").text_content()
        phone.goto(f"{address}/en/")
        phone.get_by_role("link", name="Deutsch", exact=True).tap()
        phone.wait_for_url(f"{address}/")
    assert phone.complaints == []


def test_a_script_may_be_called_as_the_episode_of_all_of_a_playlist(tmp_path):
    script = tmp_path / "whole-session.txt"
    script.write_text("Breathe out.", "utf-8")
    publish(tmp_path / "site", script)
    assert (tmp_path / "site" / "sessions" / "whole-session.mp3").is_file()


def test_in_another_language_the_same_place(server, phone):
    _, url = server
    phone.goto(f"{url}/#session/breathing")
    phone.locator("#player").wait_for()
    phone.get_by_role("link", name="Deutsch", exact=True).tap()
    phone.locator("#player").wait_for()
    assert phone.url == f"{url}/de/#session/breathing"
    assert phone.get_by_role("button", name="Abspielen", exact=True).is_visible()
    phone.goto(f"{url}/de/")
    assert phone.locator(".intro").all_text_contents() == ["Übungen für unsere Patienten."]
    assert phone.complaints == []


def test_the_player_is_embedded_in_a_page_of_another_site(server, phone, tmp_path):
    _, url = server
    address = f"{url}/embed.html#session/breathing"
    (tmp_path / "index.html").write_text(
        '<link rel="icon" href="data:,">'
        f'<iframe src="{address}" allow="autoplay; screen-wake-lock"></iframe>'
    )
    with web(tmp_path) as (other, _):
        phone.goto(f"{other}/")
        player = phone.frame_locator("iframe")
        player.get_by_role("button", name="Play", exact=True).tap()
        player.locator("#left", has_text="2:5").wait_for()
        assert player.locator("header").is_hidden()
    assert phone.complaints == []


def test_a_session_that_is_kept_plays_without_a_network_from_a_cold_start(server, tmp_path, phone):
    site = tmp_path / BELOW
    shutil.copytree(server[0], site)
    with web(tmp_path) as (address, process):
        phone.goto(f"{address}/{BELOW}/#session/breathing")
        phone.get_by_role("button", name="Keep on this phone").tap()
        phone.get_by_role("button", name="On this phone: remove it").wait_for()
        until(phone, "navigator.serviceWorker.controller !== null")
        process.terminate()
        process.wait()
        phone.close()
        page = phone.context.new_page()
        page.goto(f"{address}/{BELOW}/")
        page.locator("#made a", has_text="Breathing").tap()
        page.get_by_role("button", name="Play", exact=True).tap()
        until(page, "document.querySelector('audio').currentTime > 0.5")
        seek(page, 6)
        until(page, "document.querySelector('#sentence').textContent !== ''")
        assert page.locator("#sentence").text_content() == "Hello, and welcome."
        seek(page, 120)
        until(page, "document.querySelector('#breathing').textContent === 'Out'")
        assert int(page.locator("#countdown").text_content()) in range(1, 7)
        page.locator("#touch").tap()
        page.goto(f"{address}/{BELOW}/#session/calf")
        page.locator("#making-trouble", has_text="There is no network").wait_for()

    # With a network again, a session that has changed is kept anew, and one that is gone goes.
    name = '<b>A & "B"</b>'
    publish(site, *CALF, "breathing", "--pace", "5-5", "--name", name)
    new = json.loads((site / "api/sessions.json").read_text("utf-8"))[1]["version"]
    kept = "caches.open(NAME).then((c) => c.keys()).then((all) => all.map((one) => one.url))"
    with web(tmp_path, urlsplit(address).port):
        page.goto(f"{address}/{BELOW}/")
        assert page.title() == "Praxis Müller"  # the new page is taken in meanwhile
        shelf = json.dumps(f"{address}/{BELOW}/ kept")
        sounds = (
            f"{kept.replace('NAME', shelf)}.then((all) => all.filter((u) => u.includes('.mp3')))"
        )
        expected = json.dumps([f"{address}/{BELOW}/sessions/breathing.mp3?{new}"])
        until(page, f"{sounds}.then((all) => JSON.stringify(all) === {json.dumps(expected)})")
        publish(site, *CALF, "--name", name)
        for _ in range(20):  # until the new page has been taken in
            page.reload()
            if page.title() == name:
                break
            page.wait_for_timeout(500)
        assert (page.title(), page.locator(".brand").text_content()) == (name, name)
        until(page, f"{sounds}.then((all) => all.length === 0)")


SEEN = """window.seen = { sentences: [], counts: [] };
    setInterval(() => {
        const note = (list, text) => { if (text && list.at(-1) !== text) list.push(text); };
        if (!document.body.classList.contains('playing')) return;
        note(seen.sentences, document.querySelector('#sentence').textContent);
        note(seen.counts, document.querySelector('#countdown').textContent);
    }, 50);"""
"""Notes what the stage shows, each text once."""


def test_over_https_it_is_installed_and_a_whole_session_plays_from_a_cold_start(tmp_path, chromium):
    cert, key = certificate(tmp_path, "one")
    script = tmp_path / "short.md"
    script.write_text("Sit down.\n\n[hold 9s]\n\nStand up again.\n", "utf-8")
    publish(tmp_path / "web" / BELOW, script, "--name", "Praxis")
    profile = tmp_path / "profile"
    with web_securely(tmp_path / "web", cert, key) as host:
        address = f"{host}/{BELOW}/"
        with browser_of_ones_own(chromium, profile, cert) as page:
            page.goto(f"{address}#session/short")
            page.get_by_role("button", name="Keep on this phone").tap()
            page.get_by_role("button", name="On this phone: remove it").wait_for()
            until(page, "navigator.serviceWorker.ready.then((one) => one.active !== null)")
            tools = page.context.new_cdp_session(page)
            assert tools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    with pytest.raises(httpx.ConnectError):
        by_http.get(address)
    with browser_of_ones_own(chromium, profile, cert) as page:
        page.add_init_script(SEEN)
        page.goto(address)
        page.locator("#made a").tap()
        page.get_by_role("button", name="Play", exact=True).tap()
        page.get_by_role("heading", name="Done").wait_for(timeout=60_000)
        seen = page.evaluate("window.seen")
    assert seen["sentences"][-2:] == ["Sit down.", "Stand up again."]
    assert seen["counts"] == ["9", "8", "7", "6", "5", "4", "3", "2", "1"]


def test_a_catalogue_in_two_languages_is_published(tmp_path, phone):
    grid = 'language = ["en", "de"]\n[[grid]]\ntarget = "breathing"\nminutes = 3\n'
    (tmp_path / "grid.toml").write_text(grid, "utf-8")
    made = voiceguide("catalogue", "--grid", tmp_path / "grid.toml", "-o", tmp_path / "catalogue")
    assert made.returncode == 0, made.stderr
    site = tmp_path / "site"
    publish(site, tmp_path / "catalogue", "--url", "https://example.org")
    listed = json.loads((site / "api/sessions.json").read_text("utf-8"))
    assert [one["id"] for one in listed] == ["breathing-3-min", "breathing-de-3-min"]
    first = modified(site)
    publish(site, tmp_path / "catalogue/manifest.jsonl", "--url", "https://example.org")
    assert modified(site) == first
    with web(site) as (address, _):
        phone.goto(f"{address}/de/")
        phone.locator("#made a").nth(1).wait_for()
        titles = phone.locator("#made a > span").evaluate_all("all => all.map((one) => one.lang)")
        assert titles == ["de", "en"]  # that of the page first
        podcast = phone.get_by_role("link", name="Podcast").get_attribute("href")
        assert podcast == "../sessions/feed-de.xml"
        phone.locator("#kinds a").tap()
        phone.locator("#player h1[lang=de]").wait_for()
        phone.goto(f"{address}/#breathing")
        phone.locator("#player h1[lang=en]").wait_for()
    assert phone.complaints == []
    for name, language in {"feed.xml": "en", "feed-de.xml": "de"}.items():
        feed = feedparser.parse((site / "sessions" / name).read_bytes())
        assert (feed.feed.language, len(feed.entries)) == (language, 1)
        assert f"breathing{'' if language == 'en' else '-de'}-3-min.mp3" in str(feed.entries[0])
        assert " 1/1: " in feed.entries[0].title
    publish(site, *BREATHING, "--url", "https://example.org")
    assert not (site / "sessions/feed-de.xml").exists()
    (tmp_path / "catalogue/manifest.jsonl").write_text("")
    done = voiceguide("publish", tmp_path / "catalogue", "-o", site)
    assert (done.returncode, "nothing in it" in done.stderr) == (1, True)


def test_all_tracks_of_a_playlist_are_kept_and_play_without_a_network(tmp_path, phone):
    site = tmp_path / BELOW
    calf = ("calf", "--guidance", "tones", "--level", "gentle", "--side", "left", "--playlists")
    publish(site, *calf)
    with web(tmp_path) as (address, _):
        phone.goto(f"{address}/{BELOW}/")
        phone.locator("#made-playlists a").tap()
        phone.get_by_role("button", name="Keep on this phone").tap()
        phone.get_by_role("button", name="On this phone: remove it").wait_for()
        until(phone, "navigator.serviceWorker.controller !== null")
    phone.close()
    page = phone.context.new_page()
    page.goto(f"{address}/{BELOW}/")
    page.locator("#made-playlists a").tap()
    page.locator("#tracks a").last.tap()
    page.get_by_role("button", name="Play", exact=True).tap()
    until(page, "document.querySelector('audio').currentTime > 0.5")
    assert page.locator("#keep").text_content() == "On this phone: remove it"
    with web(tmp_path, urlsplit(address).port):  # removed: it is the host's again
        page.locator("#touch").tap()
        page.go_back()
        page.locator("#keep-all").tap()
        page.get_by_role("button", name="Keep on this phone").wait_for()
        shelf = json.dumps(f"{address}/{BELOW}/ kept")
        kept = f"caches.open({shelf}).then((c) => c.keys()).then((all) => all.map((u) => u.url))"
        assert not [url for url in page.evaluate(kept) if ".mp3" in url]


@pytest.mark.parametrize(
    ("path", "scheme"),
    [("", "light"), ("", "dark"), ("#calf", "dark"), ("sessions/calf/", "light")],
)
def test_axe_finds_nothing(server, chromium, path, scheme):
    from axe_core_python.sync_playwright import Axe

    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(f"{server[1]}/{path}")
    page.locator("h1:visible").first.wait_for()
    found = Axe().run(page)["violations"]
    context.close()
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_chromium_finds_that_it_can_be_installed(server, chromium):
    needs("chromium")  # with all that a window has
    path = shutil.which("chromium")
    browser = chromium.browser_type.launch(executable_path=path, args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"{server[1]}/")
    tools = page.context.new_cdp_session(page)
    found = tools.send("Page.getAppManifest")
    against = tools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    browser.close()
    assert found["errors"] == []
    assert [one["errorId"] for one in against] == ["in-incognito"]  # as all pages of a test are


def test_a_folder_that_could_not_be_removed_goes_with_the_next_run(tmp_path, monkeypatch):
    first = Files(tmp_path, [])
    first.write("sessions/old/a.html", "a")
    first.write("sessions/new/a.html", "a")
    first.finish()
    (tmp_path / "sessions/other").mkdir()
    second = Files(tmp_path, [])
    second.write("sessions/new/a.html", "a")

    def broken(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "rmdir", broken)
        second.finish()
    assert (tmp_path / "sessions/old").is_dir()
    third = Files(tmp_path, [])
    third.write("sessions/new/a.html", "a")
    third.finish()
    assert sorted(path.name for path in (tmp_path / "sessions").iterdir()) == ["new", "other"]
    assert json.loads((tmp_path / RECORD).read_bytes()) == ["sessions/new/a.html"]
