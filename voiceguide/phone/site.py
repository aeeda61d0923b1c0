"""Sessions -> a static site: the page, what it plays, and a feed, which any web server can hold.

    index.html, embed.html      the page, and its player for pages of others
    XX/                         the same in each other language
    page/, icons/, covers/      the page's files, the app's icons, pictures
    site.webmanifest            what the app is called
    worker.js                   keeps the page, and chosen sessions, for when there is no network
    api/                        sessions.json and playlists.json: what is published
    sessions/                   NAME.mp3, with .vtt, .chapters.json, .marks.json and a page, NAME/;
                                sessions.m3u8, sessions.xspf and, if the address is known, feed.xml
                                with those in the language of the first, and feed-XX.xml for others
    playlists/NAME/             a playlist, as ``Playlist`` makes it, with .marks.json
    sitemap.xml                 if the address is known

All addresses are relative, so the site works below any path. Files that a site does not have any
longer are removed; those of others stay.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from voiceguide import clock, playlist, script
from voiceguide.errors import UsageError, spellings
from voiceguide.export import cover
from voiceguide.files import alone
from voiceguide.languages import primary
from voiceguide.phone import choices, made
from voiceguide.phone.folder import Files
from voiceguide.phone.form import shown
from voiceguide.playlist.lists import add, document
from voiceguide.playlist.podcast import check_address
from voiceguide.playlist.writing import WantedTrack, now, share, write

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from voiceguide.phone.look import Look
    from voiceguide.playlist import Playlist, Track
    from voiceguide.session import Session

_SESSIONS, _PLAYLISTS = "sessions", "playlists"
_OWN = ("index.html", _SESSIONS, _PLAYLISTS, "page", "api")
"""What a new folder may not have yet: it would be overwritten, or removed as if it were ours."""
_PARTS = ("mp3", "vtt", "chapters.json", "marks.json")
_BODY = "body"
"""The name of the picture without a region."""
_COVER_PX = 512
_ICONS = {"192": (192, 0.8), "512": (512, 0.8), "maskable": (512, 0.6)}
"""Width in px, and the part of it that the logo takes; launchers cut a maskable one to a circle."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_MOST_CHAPTERS = 12  # that a description lists


@dataclass(frozen=True, slots=True)
class _Published:
    """A session of the site."""

    id: str
    session: Session
    region: str | None
    """The region or kind that it is about; None for a script."""

    @property
    def picture(self) -> str:
        return _slug(self.region or "") or _BODY


def publish(  # noqa: PLR0913 (as other exports)
    sessions: Sequence[Session],
    folder: str | os.PathLike[str],
    look: Look,
    *,
    playlists: Sequence[Playlist] = (),
    url: str | None = None,
    progress: Callable[[float], None] | None = None,
    waiting: Callable[[], object] = lambda: None,
) -> Path:
    """Write a site with ``sessions`` and ``playlists``; return the path of its first page.

    It is in the language of the first session, and in all others that the page knows. ``url`` is
    the address that it will have, which the feed, the pictures beside links and the sitemap need;
    without it, there are none of these. What is there and still right is not made again. While
    another program writes into the folder, ``waiting`` is called, and this waits. ``progress`` is
    called now and then with the fraction that is done, from 0 to 1. Raises a VoiceguideError.
    """
    if url is not None:
        check_address(url)
    published = _named(sessions)
    with alone(Path(folder), waiting):
        files = Files(Path(folder), _OWN)
        site = _Site(published, playlists, look, url and url.rstrip("/"), files)
        site.write(progress)
        files.finish()
    return Path(folder) / "index.html"


def _named(sessions: Sequence[Session]) -> list[_Published]:
    """Name sessions by what they are about, so that their addresses stay when options change.

    Several about the same are named with their options: calf-left, calf-right.
    """
    found: dict[str, _Published] = {}
    regions = [script.pictured(session.request) for session in sessions]
    targets = [
        Path(one.request.target).name.partition(".")[0] if region is None else one.request.target
        for one, region in zip(sessions, regions, strict=True)
    ]
    names = [_slug(target) for target in targets]
    for session, region, name in zip(sessions, regions, names, strict=True):
        several = session.request.options.names() if names.count(name) > 1 else ()
        called = _slug("-".join([name, *several])) or _slug(session.title) or "session"
        if called in found:
            raise UsageError(f"two sessions would both be called {called}; publish one of them")
        found[called] = _Published(called, session, region)
    if not found:
        raise UsageError("nothing to publish")
    return list(found.values())


def _slug(text: str) -> str:
    """Return a text as a part of an address: “Rücken, oben” is ruecken-oben."""
    plain = max(spellings(text), key=len, default="")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


class _Site:
    def __init__(
        self,
        published: list[_Published],
        playlists: Sequence[Playlist],
        look: Look,
        url: str | None,
        files: Files,
    ) -> None:
        self._published = published
        targets = [_slug(one.target) for one in playlists]
        self._playlists = {
            target if targets.count(target) == 1 else _slug(one.name): one
            for target, one in zip(targets, playlists, strict=True)
        }
        self._look = look
        self._url = url
        self._feeds: dict[str, str] = {}  # by language
        self._files = files
        first = primary(published[0].session.language)
        self._language = first if first in choices.texts() else choices.language("")
        languages = [one for one in choices.texts() if one != self._language]
        self._places = {self._language: "", **{one: f"{one}/" for one in languages}}

    def write(self, progress: Callable[[float], None] | None) -> None:
        """Write all files, the list of sessions before the pages that need it."""
        parts = [f"{_SESSIONS}/{one.id}.{part}" for one in self._published for part in _PARTS]
        lists = ["cover.png", f"{_SESSIONS}.m3u8", f"{_SESSIONS}.xspf"]
        lists += [playlist.FEED] if self._url else []
        self._files.claim([*parts, *(f"{_SESSIONS}/{name}" for name in lists)])
        tracks = self._write_sessions(share(progress, 0, len(self._playlists) + 1))
        listed = [self._write_session(*one) for one in zip(self._published, tracks, strict=True)]
        self._files.write("api/sessions.json", json.dumps(listed, ensure_ascii=False))
        known = [
            self._write_playlist(name, one, share(progress, number, len(self._playlists) + 1))
            for number, (name, one) in enumerate(self._playlists.items(), 1)
        ]
        self._files.write("api/playlists.json", json.dumps(known, ensure_ascii=False))
        self._write_pictures()
        self._write_page()
        about = self._about(self._said["made"], self._look.name, f"{_SESSIONS}/")
        entries = [
            (f"{one.id}/", track.title) for one, track in zip(self._published, tracks, strict=True)
        ]
        self._write_text("list.html.jinja", "../", about, entries=entries)
        if self._url:
            self._files.write("sitemap.xml", self._sitemap(tracks))

    def _write_sessions(self, progress: Callable[[float], None] | None) -> list[Track]:
        folder, name = self._files.folder / _SESSIONS, self._look.name
        entries = [
            WantedTrack(
                one.id, one.session, replace(one.session.tags, album=name, artist=name, date=now())
            )
            for one in self._published
        ]
        picture = cover.titled(self._published[0].picture if len(entries) == 1 else "", name)
        url = self._url and f"{self._url}/{_SESSIONS}"
        write(folder, entries, picture, url, progress, email=self._look.email)
        tracks = [playlist.read(folder / f"{entry.stem}.mp3") for entry in entries]
        if url:  # in other languages than the first, which has its feed already
            others = {track.language for track in tracks} - {tracks[0].language}
            self._feeds = {language: f"feed-{language}.xml" for language in others}
            for language, name in self._feeds.items():
                episodes = [track for track in tracks if track.language == language]
                content = playlist.feed(episodes, url, email=self._look.email, name=name)
                self._files.write(f"{_SESSIONS}/{name}", content)
        return tracks

    def _write_session(self, one: _Published, track: Track) -> dict[str, Any]:
        """Write what belongs to a session; return what the page needs to know of it."""
        self._files.write(f"{_SESSIONS}/{one.id}.marks.json", made.marks(track.path))
        picture = f"covers/{one.picture}.png"
        self._files.write(picture, cover.png(one.picture, _COVER_PX))
        length = clock.text(track.duration_ms)
        chapters = ", ".join(chapter.title for chapter in track.chapters[:_MOST_CHAPTERS])
        about = self._about(track.title, f"{length}: {chapters}", f"{_SESSIONS}/{one.id}/", one.id)
        card = cover.card(one.picture, track.title, self._look.name)
        self._files.write(about["picture"], card)
        words = _words(playlist.folder.transcript_path(track.path).read_text("utf-8"))
        read = []
        for chapter in track.chapters:
            said = (text for at, text in words if chapter.begin_ms <= at < chapter.end_ms)
            read.append({"title": chapter.title, "text": " ".join(said)})
        about |= {"id": one.id, "length": length, "chapters": read}
        self._write_text("session.html.jinja", "../../", about, spoken=track.language)
        return {
            **made.track(track, _SESSIONS),
            "id": one.id,
            "region": one.region,
            "language": track.language,
            "cover": picture,
            "options": {"target": one.id, **shown(one.session.request.options)},
        }

    def _write_playlist(
        self, name: str, one: Playlist, progress: Callable[[float], None]
    ) -> dict[str, object] | None:
        """Write a playlist; return what the page needs to know of it."""
        path = f"{_PLAYLISTS}/{name}"
        folder = self._files.folder / path
        url = self._url and f"{self._url}/{path}"
        one.export(folder, progress, url=url, email=self._look.email)
        self._files.claim(f"{path}/{file.name}" for file in playlist.files(folder))
        tracks = playlist.tracks(folder)
        for track in tracks:
            self._files.write(f"{path}/{track.path.stem}.marks.json", made.marks(track.path))
        about = self._about(one.title, self._look.name, f"{path}/")
        entries = [(track.path.name, track.title) for track in tracks]
        self._write_text("list.html.jinja", "../../", about, entries=entries)
        known = made.playlist_of(folder.parent, name, path)
        return known and {**known, "feed": self._url and f"{self._url}/{path}/{playlist.FEED}"}

    def _write_pictures(self) -> None:
        for name, (size_px, room) in _ICONS.items():
            self._files.write(f"icons/{name}.png", self._look.icon(size_px, room))
        if self._look.logo is not None:
            self._files.write(self._logo, self._look.logo.read_bytes())
        body = cover.card("", self._look.name, self._said["care"])
        self._files.write("covers/site-card.png", body)

    def _write_page(self) -> None:
        """Write the page in all languages, with all that it needs when there is no network."""
        program = [name for name in choices.MODULES if name not in choices.SERVED_ONLY]
        parts = [*program, "page.css", "stage.css", "icon.svg"]
        shell = {f"page/{name}": (choices.PAGE / name).read_bytes() for name in parts}
        shell["page/site.css"] = self._look.css().encode()
        shell["site.webmanifest"] = self._manifest()
        for language, place in self._places.items():
            shell[f"{place}index.html"] = self._page(language, "index.html")
            self._files.write(f"{place}embed.html", self._page(language, "embed.html"))
        for name, content in shell.items():
            self._files.write(name, content)
        icon = [self._logo, "icons/192.png"]
        shell |= {name: (self._files.folder / name).read_bytes() for name in icon}
        digest = hashlib.blake2b(digest_size=8)
        for name, content in sorted(shell.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        names = sorted(name.removesuffix("index.html") for name in shell)
        worker = choices.filled("worker.js.jinja", version=digest.hexdigest(), files=names)
        self._files.write("worker.js", worker)

    def _page(self, language: str, name: str) -> bytes:
        root = "../" if self._places[language] else ""
        page = choices.published(
            language,
            {one.region for one in self._published if one.region},
            self._published[0].session.request.options.library_path,
            site=self._site(language),
            about=self._about(self._look.name, self._described(language), self._places[language]),
            addresses={
                tag: f"{root}{place}{'' if name == 'index.html' else name}" or "./"
                for tag, place in self._places.items()
            },
            root=root,
            embedded=name == "embed.html",
        )
        return page.encode()

    def _write_text(self, template: str, root: str, about: dict[str, Any], **given: Any) -> None:
        """Write a page of text, without the program."""
        page = choices.filled(
            template,
            language=self._language,
            site=self._site(self._language),
            texts=self._said,
            root=root,
            about=about,
            **given,
        )
        self._files.write(f"{about['path']}index.html", page)

    def _site(self, language: str) -> dict[str, Any]:
        """Return what templates need to know of the site."""
        return {
            "name": self._look.name,
            "logo": self._logo,
            "icon": self._logo if self._look.logo is None else "icons/192.png",
            "policy": _POLICY,
            "paragraphs": self._look.paragraphs(language),
            "links": self._look.links,
            "url": self._url,
            "feed": self._url and f"{_SESSIONS}/{self._feeds.get(language, playlist.FEED)}",
            "background": self._look.background,
        }

    def _about(self, title: str, text: str, path: str, card: str = "site") -> dict[str, Any]:
        """Return what is said of a page where others link to it."""
        return {"title": title, "text": text, "path": path, "picture": f"covers/{card}-card.png"}

    def _described(self, language: str) -> str:
        return " ".join(self._look.paragraphs(language)) or choices.said(language)["care"]

    def _manifest(self) -> bytes:
        icons = [
            {"src": f"icons/{name}.png", "sizes": f"{size_px}x{size_px}", "type": "image/png",
             "purpose": "maskable" if name == "maskable" else "any"}
            for name, (size_px, _) in _ICONS.items()
        ]  # fmt: skip
        manifest = {
            "name": self._look.name,
            "short_name": self._look.name,
            "lang": self._language,
            "id": "./",
            "start_url": "./",
            "scope": "./",
            "display": "standalone",
            "background_color": self._look.background,
            "theme_color": self._look.background,
            "icons": icons,
        }
        return json.dumps(manifest, ensure_ascii=False, indent=1).encode()

    def _sitemap(self, tracks: Sequence[Track]) -> bytes:
        ET.register_namespace("", _SITEMAP)
        root = ET.Element(f"{{{_SITEMAP}}}urlset")
        dates = {f"{_SESSIONS}/{track.path.stem}/": track.date.date() for track in tracks}
        lists = [f"{_PLAYLISTS}/{name}/" for name in self._playlists]
        for path in (*self._places.values(), f"{_SESSIONS}/", *dates, *lists):
            url = add(root, f"{{{_SITEMAP}}}url")
            add(url, f"{{{_SITEMAP}}}loc", f"{self._url}/{path}")
            if path in dates:
                add(url, f"{{{_SITEMAP}}}lastmod", dates[path].isoformat())
        return document(root)

    @property
    def _said(self) -> dict[str, Any]:
        return choices.said(self._language)

    @property
    def _logo(self) -> str:
        logo = self._look.logo
        return "page/icon.svg" if logo is None else f"icons/logo{logo.suffix.lower()}"


def _words(transcript: str) -> list[tuple[int, str]]:
    """Return what a transcript says, WebVTT as we write it, and when in ms."""
    found = []
    for block in transcript.split("\n\n"):
        times, *lines = block.strip().split("\n")
        begin, arrow, _ = times.partition(" --> ")
        if arrow:
            text = re.sub(r"<[^>]*>", "", " ".join(lines))
            found.append((clock.milliseconds(begin), html.unescape(text)))
    return found
