"""What players, podcast readers and cards get of a playlist, and what is made again."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import feedparser
import jsonschema
import pytest
import webvtt
from conftest import FRAMES_PER_MS, decode, needs, voiceguide
from mutagen.mp3 import MP3
from PIL import Image
from sessions import (
    MINUTE_MS,
    SCRIPTS,
    SOUNDS,
    holds,
    length_ms,
    paragraphs,
    request,
    sides,
    texts_of,
    worded,
)

from voiceguide import Playlist, Session, library, script, ssml, timeline
from voiceguide.errors import ExportError, RequestError
from voiceguide.export import cover
from voiceguide.playlist import copy, feed, m3u8, read, tracks, xspf

pytestmark = pytest.mark.slow
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and mounts of POSIX")
URL = "https://example.org/audio"
FOLDER = "neck-left-gentle-brief-mono"
SHORT = ("--guidance", "brief", "--level", "gentle", "--side", "left", "--mono")
OPTIONS = {"guidance": "brief", "level": "gentle", "side": "left", "mono": True}
NAMES = [
    "01-preparation", "02-base-of-skull", "03-top-of-shoulder", "04-corner-of-neck",
    "05-stretch-and-close",
]  # fmt: skip
TITLES = [
    "Preparation", "The base of the skull", "The top of the shoulder",
    "The corner between neck and shoulder", "Stretch and close",
]  # fmt: skip
PLACES = [(language, region) for language in ("en", "de") for region in texts_of(language).regions]

CHAPTERS = {  # version 1.2.0 of the podcast namespace's JSON chapters
    "type": "object",
    "required": ["version", "chapters"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "1.2.0"},
        **{name: {"type": "string"} for name in ("author", "title", "podcastName", "description")},
        "fileName": {"type": "string"},
        "waypoints": {"type": "boolean"},
        "chapters": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["startTime"],
                "additionalProperties": False,
                "properties": {
                    "startTime": {"type": "number", "minimum": 0},
                    "endTime": {"type": "number", "exclusiveMinimum": 0},
                    "title": {"type": "string", "minLength": 1},
                    "img": {"type": "string"},
                    "url": {"type": "string"},
                    "toc": {"type": "boolean"},
                    "location": {"type": "object"},
                },
            },
        },
    },
}
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
PODCAST = "{https://podcastindex.org/namespace/1.0}"
XSPF = "{http://xspf.org/ns/0/}"


def make(*arguments: object, says: str = "", **options: object) -> str:
    """Make a playlist; return what is said on standard error."""
    done = voiceguide("playlist", *arguments, **options)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    return done.stderr


def times(folder: Path) -> dict[str, int]:
    """Return when each file was written, by its name."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A playlist of the neck, which no test may change."""
    output = tmp_path_factory.mktemp("made")
    make("neck", *SHORT, "--url", URL, "-o", output, says=f"{output / FOLDER / FOLDER}.m3u8\n")
    return output / FOLDER


@pytest.fixture
def neck(made, tmp_path) -> Path:
    """A copy of it, in an output folder of its own."""
    return Path(shutil.copytree(made, tmp_path / "output" / FOLDER))


# The files


def test_a_folder_has_tracks_whose_names_are_in_order_with_what_belongs_to_them(made):
    found = sorted(path.name for path in made.iterdir())
    beside = ["cover.png", "feed.xml", f"{FOLDER}.m3u8", f"{FOLDER}.xspf"]
    suffixes = ("chapters.json", "mp3", "vtt")
    made = [[f"{name}.{suffix}" for suffix in suffixes] for name in (*NAMES, "whole-session")]
    assert found == sorted(beside + list(itertools.chain.from_iterable(made)))
    assert all(re.fullmatch(r"[a-z0-9.-]{1,60}", name) for name in found)  # on any card


def test_a_player_is_shown_title_album_number_cover_and_chapters(made):
    for number, (name, title) in enumerate(zip(NAMES, TITLES, strict=True), 1):
        file = MP3(made / f"{name}.mp3")
        assert str(file["TIT2"]) == title
        assert str(file["TALB"]) == "Neck"
        assert str(file["TPE1"]) == "voiceguide"
        assert str(file["TRCK"]) == f"{number}/{len(NAMES)}"
        assert file["APIC:"].type == 3
        assert file["APIC:"].data == cover.png("neck", 600)
        chapters = sorted(file.tags.getall("CHAP"), key=lambda one: one.start_time)
        assert chapters[0].start_time == 0
        assert chapters[-1].end_time == round(file.info.length * 1000)
        assert all(one.end_time == other.start_time for one, other in pairwise(chapters))
    assert [str(one.sub_frames["TIT2"]) for one in chapters] == [
        "Stretch and close", "The base of the skull", "Left: Stretch", "The top of the shoulder",
        "Left: Stretch", "The corner between neck and shoulder", "Left: Stretch", "Close",
    ]  # fmt: skip


def test_ffprobe_shows_them_too(made):
    needs("ffprobe")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_chapters"]
    command += ["-show_streams", str(made / "02-base-of-skull.mp3")]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    tags = shown["format"]["tags"]
    wanted = {"title": "The base of the skull", "album": "Neck", "track": "2/5"}
    assert {key: tags[key] for key in wanted} == wanted
    titles = [chapter["tags"]["title"] for chapter in shown["chapters"]]
    assert titles == ["The base of the skull", "Left: Find the spot", "Left: Press and move"]
    (picture,) = [one for one in shown["streams"] if one["codec_type"] == "video"]
    assert picture["disposition"]["attached_pic"] == 1
    assert (picture["width"], picture["height"]) == (600, 600)


def test_every_region_has_a_cover_of_its_own():
    dark = cover.png("nowhere", 512)
    assert struct.unpack(">II", dark[16:24]) == (512, 512)
    regions = texts_of("en").regions
    pictures = {cover.png(region, 200) for region in (*regions, "nowhere")}
    assert len(pictures) == len(regions) + 1


# The lists


def test_the_m3u8_is_played_from_start_to_end_by_mpv(made, tmp_path):
    needs("mpv")
    pcm = tmp_path / "played.pcm"
    command = ["mpv", "--no-config", "--no-video", "--no-terminal", "--ao=pcm"]
    command += [f"--ao-pcm-file={pcm}", "--ao-pcm-waveheader=no", "--audio-samplerate=8000"]
    command += ["--audio-format=u8", "--audio-channels=mono", f"{FOLDER}.m3u8"]
    subprocess.run(command, cwd=made, check=True, timeout=120)
    length_s = sum(MP3(made / f"{name}.mp3").info.length for name in NAMES)
    assert pcm.stat().st_size / 8000 == pytest.approx(length_s, abs=0.02)


def test_the_m3u8_has_names_lengths_album_and_cover(made):
    lines = (made / f"{FOLDER}.m3u8").read_bytes().decode("utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[1:4] == ["#PLAYLIST:Neck", "#EXTALB:Neck", "#EXTIMG:cover.png"]
    assert [line for line in lines if line[0] != "#"] == [f"{name}.mp3" for name in NAMES]
    lengths = [round(MP3(made / f"{name}.mp3").info.length) for name in NAMES]
    assert [line for line in lines if line.startswith("#EXTINF")] == [
        f"#EXTINF:{length},voiceguide - {title}"
        for length, title in zip(lengths, TITLES, strict=True)
    ]


def test_the_xspf_parses_and_leads_to_the_files(made):
    root = ET.fromstring((made / f"{FOLDER}.xspf").read_bytes())  # noqa: S314 (our own)
    assert root.tag == f"{XSPF}playlist"
    assert root.get("version") == "1"
    assert root.findtext(f"{XSPF}title") == "Neck"
    found = root.findall(f"{XSPF}trackList/{XSPF}track")
    assert [one.findtext(f"{XSPF}title") for one in found] == TITLES
    assert [one.findtext(f"{XSPF}trackNum") for one in found] == ["1", "2", "3", "4", "5"]
    for one in found:
        path = made / unquote(one.findtext(f"{XSPF}location"))
        assert int(one.findtext(f"{XSPF}duration")) == len(decode(path)) / FRAMES_PER_MS
        assert (made / one.findtext(f"{XSPF}image")).exists()
    known = {"title", "creator", "image", "trackList", "track", "location", "album", "trackNum"}
    known |= {"playlist", "duration"}
    assert {element.tag for element in root.iter()} == {XSPF + name for name in known}


def test_a_podcast_reader_finds_episodes_and_their_files(made):
    parsed = feedparser.parse((made / "feed.xml").read_bytes())
    assert not parsed.bozo
    assert parsed.version == "rss20"
    assert parsed.feed.title == "Neck"
    assert parsed.feed.language == "en"
    assert parsed.feed.image.href == f"{URL}/{FOLDER}/cover.png"
    assert [entry.title for entry in parsed.entries] == [
        "Neck: Fascia ball",
        *(f"Neck {number}/5: {title}" for number, title in enumerate(TITLES, 1)),
    ]
    assert len({entry.id for entry in parsed.entries}) == len(NAMES) + 1
    dates = [entry.published_parsed for entry in parsed.entries]
    assert dates == sorted(set(dates))
    for entry, name in zip(parsed.entries, ["whole-session", *NAMES], strict=True):
        (enclosure,) = entry.enclosures
        path = made / f"{name}.mp3"
        assert enclosure.href == f"{URL}/{FOLDER}/{name}.mp3"
        assert int(enclosure.length) == path.stat().st_size
        assert enclosure.type == "audio/mpeg"
        assert int(entry.itunes_duration) == round(MP3(path).info.length)


def test_one_more_episode_has_all_of_it(made):
    whole = feedparser.parse((made / "feed.xml").read_bytes()).entries[0]
    assert whole.itunes_episodetype == "bonus"
    assert "itunes_episode" not in whole
    chapters = [
        str(one.sub_frames["TIT2"]) for one in MP3(made / "whole-session.mp3").tags.getall("CHAP")
    ]
    assert len([title for title in chapters if title.endswith("Press and move")]) == 3
    for listed in (f"{FOLDER}.m3u8", f"{FOLDER}.xspf"):
        assert "whole-session" not in (made / listed).read_text("utf-8")


def test_a_playlist_of_one_area_has_no_others_in_the_episode_of_all_of_it(tmp_path):
    Playlist("calf", area="lower-calf", side="left", guidance="tones").export(tmp_path, url=URL)
    found = script.write(request("calf", area="lower-calf", side="left", guidance="tones"))
    entry = feedparser.parse((tmp_path / "feed.xml").read_bytes()).entries[0]
    assert entry.enclosures[0].href == f"{URL}/whole-session.mp3"
    assert entry.summary.splitlines() == re.findall(r'"chapter:(.*?)"', str(found.text))


def test_where_no_session_can_have_all_of_it_the_feed_has_the_tracks_alone(tmp_path):
    """Each track of the jaw gets the method that suits it, whatever was asked for."""
    options = {"area": "cheek", "side": "left", "guidance": "tones"}
    Playlist("jaw", **options).export(tmp_path, url=URL)
    assert (tmp_path / "whole-session.mp3").exists()
    Playlist("jaw", method="fascia-ball", **options).export(tmp_path, url=URL)
    entries = feedparser.parse((tmp_path / "feed.xml").read_bytes()).entries
    assert [entry.itunes_episodetype for entry in entries] == ["full"] * 3
    assert not (tmp_path / "whole-session.mp3").exists()


def test_the_feed_follows_the_rules_of_the_podcast_namespaces(made):
    text = feed(tracks(made), "https://example.org/my%20talks/neck/")
    root = ET.fromstring(text)  # noqa: S314
    (channel,) = root
    for name in ("title", "link", "description", "language"):
        assert len(channel.findall(name)) == 1
    for name in ("image", "author", "explicit", "category", "type"):
        assert len(channel.findall(ITUNES + name)) == 1
    assert channel.find(f"{ITUNES}category").get("text") == "Health & Fitness"
    assert channel.findtext(f"{PODCAST}locked") == "no"
    assert channel.findtext(f"{PODCAST}medium") == "podcast"
    space = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
    address = "example.org/my%20talks/neck/feed.xml"
    assert channel.findtext(f"{PODCAST}guid") == str(uuid.uuid5(space, address))
    for item, name in zip(channel.findall("item"), NAMES, strict=True):
        base = f"https://example.org/my%20talks/neck/{name}"
        assert item.find("enclosure").get("url") == f"{base}.mp3"
        (chapters,) = item.findall(f"{PODCAST}chapters")
        assert chapters.attrib == {
            "url": f"{base}.chapters.json", "type": "application/json+chapters"
        }  # fmt: skip
        (transcript,) = item.findall(f"{PODCAST}transcript")
        assert transcript.attrib == {"url": f"{base}.vtt", "type": "text/vtt", "language": "en"}
        assert item.find("guid").get("isPermaLink") == "false"


def test_the_guid_of_a_feed_is_the_one_that_the_specification_gives_as_its_example():
    from voiceguide.playlist import podcast_guid

    address = "https://podnews.net/rss"
    assert str(podcast_guid(address)) == "9b024349-ccf0-5f69-a609-6b82873eab3c"
    assert podcast_guid("podnews.net/rss") == podcast_guid("http://podnews.net/rss//")


def test_ids_stay_when_the_feed_is_served_elsewhere(made):
    both = [feedparser.parse(feed(tracks(made), url)) for url in ("http://a/b", "https://c:8765/")]
    first, second = ([entry.id for entry in parsed.entries] for parsed in both)
    assert first == second
    assert both[1].entries[0].enclosures[0].href == "https://c:8765/01-preparation.mp3"


def test_chapters_are_valid_and_those_of_the_file(made):
    for name in NAMES:
        document = json.loads((made / f"{name}.chapters.json").read_text("utf-8"))
        jsonschema.validate(document, CHAPTERS)
        frames = sorted(MP3(made / f"{name}.mp3").tags.getall("CHAP"), key=lambda f: f.start_time)
        assert [
            (one["startTime"], one["endTime"], one["title"]) for one in document["chapters"]
        ] == [
            (one.start_time / 1000, one.end_time / 1000, str(one.sub_frames["TIT2"]))
            for one in frames
        ]


def test_transcripts_are_valid_and_the_words_of_the_file(made):
    for name in NAMES:
        captions = webvtt.read(made / f"{name}.vtt")
        file = MP3(made / f"{name}.mp3")
        lyrics = str(file.tags.getall("USLT")[0]).splitlines()
        assert [caption.text for caption in captions] == lyrics
        assert captions[-1].end_in_seconds <= file.info.length


# Made again


def test_made_again_nothing_is_rendered(neck):
    before = times(neck)
    make("neck", *SHORT, "-o", neck.parent, "--url", "http://x/")
    changed = {name for name, at in times(neck).items() if before.get(name) != at}
    assert changed == {"feed.xml"}  # its links are others
    assert f"http://x/{FOLDER}/01-preparation.mp3" in (neck / "feed.xml").read_text("utf-8")


def test_what_is_damaged_foreign_or_missing_is_made_again_and_nothing_else(neck):
    whole = decode(neck / "02-base-of-skull.mp3")
    data = bytearray((neck / "02-base-of-skull.mp3").read_bytes())
    data[-50_000] ^= 0xFF
    (neck / "02-base-of-skull.mp3").write_bytes(data)
    (neck / "03-top-of-shoulder.mp3").write_bytes(b"no MP3")
    (neck / "05-stretch-and-close.vtt").unlink()
    (neck / f"{FOLDER}.xspf").unlink()
    before = times(neck)
    make("neck", *SHORT, "-o", neck.parent)
    changed = {name for name, at in times(neck).items() if before.get(name) != at}
    assert {name for name in changed if name.endswith(".mp3")} == {
        "02-base-of-skull.mp3", "03-top-of-shoulder.mp3"
    }  # fmt: skip
    assert {"05-stretch-and-close.vtt", f"{FOLDER}.xspf"} <= changed
    assert (decode(neck / "02-base-of-skull.mp3") == whole).all()


def test_tracks_that_no_longer_belong_are_removed_and_others_files_stay(neck):
    (neck / "my song.mp3").write_bytes(b"ID3 mine")
    before = times(neck)
    Playlist("neck", **OPTIONS, area="top-of-shoulder").export(neck)
    found = {path.name for path in neck.iterdir()}
    assert "02-base-of-skull.mp3" not in found
    assert not {name for name in found if name.startswith(("03-top", "04-"))}
    assert {"02-top-of-shoulder.mp3", "03-stretch-and-close.mp3", "my song.mp3"} <= found
    assert times(neck)["my song.mp3"] == before["my song.mp3"]
    assert [track.title for track in tracks(neck)] == [TITLES[0], TITLES[2], TITLES[-1]]


def test_a_track_that_no_longer_belongs_is_removed_even_if_it_cannot_be_read(neck):
    track = MP3(neck / "02-base-of-skull.mp3")
    del track["TRCK"]
    track.save()
    Playlist("neck", **OPTIONS, area="top-of-shoulder").export(neck)
    assert [track.title for track in tracks(neck)] == [TITLES[0], TITLES[2], TITLES[-1]]


def test_another_text_of_the_library_makes_only_its_track_anew(neck, tmp_path):
    own = tmp_path / "own" / "en" / "regions" / "neck.toml"
    own.parent.mkdir(parents=True)
    text = (SCRIPTS / "en/regions/neck.toml").read_text("utf-8")
    own.write_text(
        text.replace("near a wall, or sit upright, and", "near a wall, and"),
        "utf-8",
    )
    before = times(neck)
    Playlist("neck", **OPTIONS, library=tmp_path / "own").export(neck)
    changed = {name for name, at in times(neck).items() if before.get(name) != at}
    assert {name for name in changed if name.endswith(".mp3")} == {"03-top-of-shoulder.mp3"}


@POSIX
def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path):
    folder = tmp_path / FOLDER
    command = [sys.executable, "-m", "voiceguide", "playlist", "neck", *SHORT, "-o", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not (folder / "02-base-of-skull.mp3").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finished = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp3")}
    assert "02-base-of-skull.mp3" in finished
    assert len(finished) < 4
    assert not list(folder.glob("*.m3u8"))
    for name in finished:
        assert len(decode(folder / name)) == round(MP3(folder / name).info.length * 48_000)
    make("neck", *SHORT, "-o", tmp_path)
    assert {name: times(folder)[name] for name in finished} == finished
    assert [track.title for track in tracks(folder)] == TITLES
    assert len(list(folder.glob("[0-9]*"))) == 3 * len(NAMES)


def test_two_runs_into_one_folder_wait_for_each_other(tmp_path):
    command = [sys.executable, "-m", "voiceguide", "playlist", "neck", *SHORT, "-o", str(tmp_path)]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate(timeout=200)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted("Another voiceguide is writing into this folder" in one for one in said) == [
        False, True,
    ]  # fmt: skip
    assert len(list((tmp_path / FOLDER).iterdir())) == len(NAMES) * 3 + 3


# As a feed


def test_without_an_address_there_is_no_feed_and_how_to_get_one_is_said(neck):
    assert "--url" in make("neck", *SHORT, "-o", neck.parent)
    assert not (neck / "feed.xml").exists()


def test_an_episode_that_sounds_different_is_a_new_one_and_no_other(neck):
    before = feedparser.parse((neck / "feed.xml").read_bytes()).entries
    time.sleep(1)
    (neck / "02-base-of-skull.mp3").unlink()
    Playlist("neck", **OPTIONS).export(neck, url=f"{URL}/{FOLDER}")
    same = feedparser.parse((neck / "feed.xml").read_bytes()).entries
    assert [entry.id for entry in same] == [entry.id for entry in before]
    other = Session("neck", **OPTIONS, area="base-of-skull", seed=5)
    tags = replace(other.tags, track="2/5", source_digest="x", date="2031-02-03T04:05:06")
    other.export(neck / "02-base-of-skull.mp3", tags=tags)
    changed = feedparser.parse(feed(tracks(neck), URL)).entries
    assert [new.id == old.id for new, old in zip(changed, before[1:], strict=True)] == [
        True, False, True, True, True,
    ]  # fmt: skip
    dates = [entry.published for entry in changed]
    assert dates == [f"Mon, 03 Feb 2031 04:05:{second:02} GMT" for second in (7, 8, 9, 10, 11)]


def test_the_cover_of_a_feed_is_what_directories_ask_for_and_has_its_title(made):
    with Image.open(made / "cover.png") as picture:
        assert (picture.size, picture.mode) == ((3000, 3000), "RGB")
        letters = picture.crop((0, 2400, 3000, 3000)).getcolors(1 << 20)
    assert any(color == (0xF4, 0xEF, 0xE4) and count > 10_000 for count, color in letters)


def test_old_players_get_tags_that_they_know(neck):
    make("neck", *SHORT, "--id3", "2.3", "-o", neck.parent)
    for path in sorted(neck.glob("*.mp3")):
        assert path.read_bytes()[:4] == b"ID3\x03"
        file = MP3(path, translate=False)
        assert file.tags.version == (2, 3, 0)
        assert {"TYER", "TPE2", "CHAP:000", "USLT::eng"} <= {key.rstrip("-") for key in file.tags}
    assert [track.title for track in tracks(neck)] == TITLES


def test_other_music_is_as_loud_beside_it_as_replaygain_says(made):
    needs("ffmpeg")
    path = made / "02-base-of-skull.mp3"
    gain = float(str(MP3(path)["TXXX:REPLAYGAIN_TRACK_GAIN"]).removesuffix(" dB"))
    command = ["ffmpeg", "-i", path, "-map", "0:a", "-af", "ebur128", "-f", "null", "-"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    loudness = float(re.findall(r"I: +(-[\d.]+) LUFS", shown)[-1])
    assert loudness + gain == pytest.approx(-18, abs=1)


# A length in all


def test_the_lengths_of_all_tracks_are_exactly_what_was_asked_for(tmp_path):
    options = ("--guidance", "tones", "--level", "gentle", "--side", "left", "-o", tmp_path)
    make("calf", *options, "--length-total", "12:34.567")
    (folder,) = tmp_path.iterdir()
    assert folder.name == "calf-left-gentle-tones-12.58-min"
    found = [decode(track.path) for track in tracks(folder)]
    assert sum(map(len, found)) == 754_567 * FRAMES_PER_MS


def test_a_longer_playlist_has_more_areas_and_more_rounds():
    playlists = {length: Playlist("knee", minutes=length, side="left") for length in (12, 45)}
    areas = {minutes: len(one.sessions) - 2 for minutes, one in playlists.items()}
    assert areas[12] < areas[45] == 3
    for minutes, one in playlists.items():
        lengths = [session.timeline.duration_ms for session in one.sessions]
        assert sum(lengths) == minutes * MINUTE_MS
        titles = [chapter.title for chapter in one.sessions[-1].timeline.chapters]
        assert titles.count("Left: Stretch") == areas[minutes]
    rounds = [len(holds(one.sessions[1].timeline.events)) for one in playlists.values()]
    assert rounds[0] < rounds[1]


def test_a_length_that_cannot_be_had_is_answered_with_the_nearest():
    says = r"cannot be 3:00 long; the shortest possible is (\d+):(\d\d), or (\d+:\d\d) with side"
    with pytest.raises(RequestError, match=says) as no:
        _ = Playlist("calf", minutes=3).sessions
    minutes, seconds, left = re.search(says, str(no.value)).groups()
    sessions = Playlist("calf", minutes=f"{minutes}:{seconds}").sessions
    length = sum(session.timeline.duration_ms for session in sessions)
    assert length == int(minutes) * MINUTE_MS + int(seconds) * 1000
    assert Playlist("calf", minutes=left, side="left").sessions


# Several


def test_all_makes_each_region_in_a_folder_of_its_own_and_goes_on_where_one_fails(tmp_path):
    done = voiceguide("playlist", "all", *SHORT, "--area", "forehead", "-o", tmp_path)
    assert done.returncode == 1
    name = "head-forehead-left-gentle-brief-mono"
    assert done.stdout == f"{tmp_path / name / name}.m3u8\n"
    said = done.stderr.splitlines()
    assert len(said) == len(texts_of("en").regions)  # the hint for feeds is one
    assert "voiceguide: neck: no area “forehead” in neck; available: base-of-skull" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("status", "arguments", "says"),
    [
        (1, ("nack",), "no region or complaint “nack”; did you mean neck"),
        (1, ("neck", "--method", "fist"), "no method “fist”"),
        (1, ("calf", "--method", "foam-roller", "--prepare"), "--prepare: Foam roller is already"),
        (2, ("neck", "--length-total", "soon"), "--minutes soon: must be minutes"),
        (1, ("neck", "--to", "/nowhere/at/all"), "is the phone or card connected"),
        (1, ("../neck",), "no region or complaint"),
        (2, ("neck", "--url", "nonsense"), "--url nonsense: must be an address such as https://"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_line(tmp_path, status, arguments, says):
    done = voiceguide("playlist", *arguments, "-o", tmp_path / "out")
    assert done.returncode == status
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


# What is said


def scripts(region: str, **options: object) -> dict[str, str]:
    """Write the tracks of a playlist; give each by its part, or the id of its area."""
    texts = library.load(str(options.get("language", "en")))
    areas = [area.id for area in texts.region(region).areas]

    def write(part: str, area: str | None = None) -> str:
        return str(script.write(request(region, part, area=area, **options)).text)

    treated = {area: write("treat", area) for area in areas}
    return {"prepare": write("prepare"), **treated, "close": write("close")}


@pytest.mark.parametrize(("language", "region"), PLACES)
def test_each_track_can_be_heard_alone_and_together_they_have_all(language, region):
    texts = texts_of(language)
    phrases = texts.wording["phrases"]
    areas = {area["id"]: area for area in texts.regions[region]["areas"]}
    written = scripts(region, language=language, prepare=True, explain=True)
    said = {name: " ".join(paragraphs(text)) for name, text in written.items()}
    for name, text in written.items():
        parsed = ssml.parse(text, name=name, folders=[SOUNDS])
        assert not parsed.warnings
        whole = timeline.collect(timeline.resolve(parsed.root, length_ms))
        assert whole.chapters[0].begin_ms == 0
        assert all(chapter.end_ms > chapter.begin_ms for chapter in whole.chapters)
    stop = " ".join(worded(phrases["stop"], None))
    cautions = [text for area in areas.values() for text in area["warnings"]]
    for text in (*cautions, *phrases["doctor"], stop, *phrases["explain"]):
        assert text in said["prepare"]
    assert any(text in said["close"] for text in phrases["seek_help"])
    for text in (*worded(phrases["stop_stretch"], None), *cautions):
        assert text in said["close"]
    for name, area in areas.items():
        deepest = next(method for method in texts.methods if method in area["place"])
        assert stop in said[name]
        assert all(text in said[name] for text in area["warnings"])
        assert area["name"] in said[name]
        tool = texts.methods[deepest]["spoken"]
        assert tool in said["prepare"] or deepest == "thumb"
        for side in sides(area, "both"):
            assert worded(area["find"], side)[0] in said[name]
            again = [worded([text], side)[0] for text in phrases["stretch_again"]]
            explained = side in (None, "left")
            ways = worded(area["stretch"][1:], side) if explained else again
            assert (all if explained else any)(text in said["close"] for text in ways)
        for text in worded(
            [*area["place"][deepest], *area["cautions"], *area["mobilize"]][:3], "left"
        ):
            assert text in said[name]
        rolled = "foam-roller" in area["place"] and deepest != "foam-roller"
        if rolled:
            assert worded(area["place"]["foam-roller"], "left")[0] in said["prepare"]


def test_the_sides_of_a_track_follow_each_other_in_chapters():
    written = scripts("calf", guidance="tones", prepare=True)
    marks = {name: re.findall(r'"chapter:(.*?)"', text) for name, text in written.items()}
    assert marks["prepare"] == [
        "Settle in", "The upper calf", "Left: Roll out", "Right: Roll out",
        "The lower calf", "Left: Roll out", "Right: Roll out",
    ]  # fmt: skip
    assert marks["lower-calf"] == [
        "The lower calf", "Left: Find the spot", "Left: Press and move",
        "Right: Find the spot", "Right: Press and move",
    ]  # fmt: skip
    assert marks["close"][-4:] == ["The lower calf", "Left: Stretch", "Right: Stretch", "Close"]
    sides = {name: re.findall(r'"(side:.*?|end:side)"', text) for name, text in written.items()}
    both = ["side:left", "side:right", "end:side"]
    assert sides["lower-calf"] == both
    assert sides["prepare"] == sides["close"] == both * 2


def test_a_method_that_does_not_suit_an_area_gives_way_to_the_deepest_that_does():
    written = scripts("neck", method="trigger-tool")
    assert "your fascia ball" in written["base-of-skull"]
    assert "trigger tool" not in written["base-of-skull"]
    assert "your trigger tool" in written["top-of-shoulder"]
    assert "your trigger tool" in written["prepare"]
    assert "your fascia ball" in written["prepare"]
    written = scripts("jaw", method="trigger-tool", prepare=True)
    assert "Keep" not in written["prepare"].split("Settle in")[0]
    assert "roller" not in "".join(written.values())


# To a card


@pytest.fixture
def card(tmp_path) -> Path:
    """A folder where a card could be mounted, with something on it."""
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"mine")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder and below."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_playlist_is_copied_to_a_card_and_takes_the_place_of_an_old_one(neck, card):
    (neck / "notes.txt").write_text("not of the playlist")
    old = card / FOLDER
    old.mkdir()
    shutil.copy(neck / "01-preparation.mp3", old / "09-gone.mp3")
    (old / ".nomedia").touch()
    make("neck", *SHORT, "-o", neck.parent, "--to", card, says=f"{card / FOLDER}\n")
    (neck / "notes.txt").unlink()
    assert contents(card / FOLDER) == contents(neck)
    assert sorted(path.name for path in card.iterdir()) == [FOLDER, "photo.jpg"]


def test_a_folder_called_as_the_episode_of_all_of_it_is_copied_with_its_lists(neck, card):
    folder = neck.rename(neck.parent / "whole-session")
    for suffix in ("m3u8", "xspf"):
        (folder / f"{FOLDER}.{suffix}").rename(folder / f"whole-session.{suffix}")
    copy([folder], card)
    copied = {path.name for path in (card / "whole-session").iterdir()}
    assert copied >= {"whole-session.m3u8", "whole-session.xspf", "01-preparation.mp3"}
    assert "whole-session.mp3" not in copied


@pytest.mark.parametrize("name", ["holiday.mp3", "whole-session.mp3"])
def test_what_is_not_ours_is_never_replaced(made, card, name):
    (card / FOLDER).mkdir()
    (card / FOLDER / name).write_bytes(b"ID3 mine")
    before = contents(card)
    with pytest.raises(ExportError, match=f"contains {re.escape(name)}, which would be lost"):
        copy([made], card)
    assert contents(card) == before
    with pytest.raises(ExportError, match="cannot be copied to itself"):
        copy([made], made.parent)


@POSIX
def test_a_copy_that_fails_in_the_middle_leaves_the_card_as_it_was(neck, card):
    import resource

    copy([neck], card)
    (card / FOLDER / "05-stretch-and-close.vtt").write_text("WEBVTT old")
    before = contents(card)
    done = voiceguide(
        "playlist", "neck", *SHORT, "-o", neck.parent, "--to", card,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{FOLDER}: cannot be copied: File too large; the old copy is untouched" in done.stderr
    assert contents(card) == before
    assert sorted(path.name for path in card.iterdir()) == [FOLDER, "photo.jpg"]


@POSIX
def test_a_full_card_is_told_and_left_as_it_was(made, tmp_path):
    needs("mount")
    card = tmp_path / "card"
    card.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=28m", "tmpfs", str(card)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        if os.environ.get("CI"):
            pytest.fail("no file system can be mounted")
        pytest.skip("no file system can be mounted here")
    try:
        copy([made], card)
        before = contents(card)
        says = r"has [\d.]+ MB free, but [\d.]+ MB are needed .*: make room"
        with pytest.raises(ExportError, match=says):  # there is room for one, not for two
            copy([made], card)
        assert (
            contents(card)
            == before
            == {
                f"{FOLDER}/{name}": content
                for name, content in contents(made).items()
                if not name.startswith("whole-session.")  # the tracks are all that a player needs
            }
        )
        assert [path.name for path in card.iterdir()] == [FOLDER]
    finally:
        subprocess.run(["umount", str(card)], check=True)


@pytest.mark.parametrize("killed", ["while copying", "between the two", "before tidying up"])
def test_what_a_killed_copy_left_is_put_right(made, card, killed):
    (place,) = copy([made], card)
    part, old = card / f".voiceguide-part-{FOLDER}", card / f".voiceguide-old-{FOLDER}"
    if killed == "while copying":
        part.mkdir()
        (part / "01-preparation.mp3").write_bytes(b"half")
    elif killed == "between the two":
        place.rename(old)
        shutil.copytree(old, part)
    else:
        shutil.copytree(place, old)
    copy([made], card)
    assert contents(place) == {
        name: content
        for name, content in contents(made).items()
        if not name.startswith("whole-session.")
    }
    assert sorted(path.name for path in card.iterdir()) == [FOLDER, "photo.jpg"]


def test_a_folder_without_tracks_takes_nothing_off_the_card(made, card, tmp_path):
    copy([made], card)
    before = contents(card)
    (tmp_path / "empty" / FOLDER).mkdir(parents=True)
    for source in (tmp_path / "typo" / FOLDER, tmp_path / "empty" / FOLDER):
        with pytest.raises(ExportError) as raised:
            copy([made, source], card)
        assert str(raised.value) == f"{source}: has no tracks of a playlist, so it cannot be copied"
    assert contents(card) == before


@pytest.mark.parametrize("write", [m3u8, xspf, lambda found: feed(found, URL)])
def test_a_folder_without_tracks_has_no_lists_and_no_feed(tmp_path, write):
    with pytest.raises(ExportError, match="there are no tracks to list: give those of the folder"):
        write(tracks(tmp_path))


def test_an_mp3_without_tags_is_no_track(neck):
    path = neck / "01-preparation.mp3"
    MP3(path).delete()
    with pytest.raises(ExportError, match="cannot be read as a track: lacks TRCK"):
        read(path)


def test_two_playlists_that_are_called_the_same_are_not_copied_over_each_other(neck, made, card):
    with pytest.raises(ExportError) as raised:
        copy([made, neck], card)
    assert str(raised.value) == f"{neck} and {made} are called the same: rename one of them"
    assert [path.name for path in card.iterdir()] == ["photo.jpg"]


def test_names_that_differ_by_capitals_only_are_the_same_on_a_card(made, card, tmp_path):
    other = tmp_path / FOLDER.upper()
    shutil.copytree(made, other)
    with pytest.raises(ExportError) as raised:
        copy([made, other], card)
    assert str(raised.value) == f"{other} and {made} are called the same: rename one of them"
    assert [path.name for path in card.iterdir()] == ["photo.jpg"]


def test_two_names_of_one_folder_are_refused_before_anything_is_made(card, tmp_path):
    given = ("calf", "Calf", "neck", *SHORT, "--to", card, "-o", tmp_path / "out")
    done = voiceguide("playlist", *given)
    name = card / "calf-left-gentle-brief-mono"
    says = f"voiceguide: calf and Calf would both be copied to {name}; leave one out\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", says)
    assert not (tmp_path / "out").exists()
    assert [path.name for path in card.iterdir()] == ["photo.jpg"]


def test_a_playlist_that_is_given_twice_is_copied_once(made, card):
    assert copy([made, made, made / "." / ".." / FOLDER], card) == [card / FOLDER]
    assert sorted(path.name for path in card.iterdir()) == [FOLDER, "photo.jpg"]


@POSIX
def test_a_link_to_a_playlist_is_copied_under_its_own_name(made, card, tmp_path, monkeypatch):
    link = tmp_path / "Neck"
    link.symlink_to(made)
    assert copy([link], card) == [card / "Neck"]
    assert copy([link], card) == [card / "Neck"]  # the newer replaces the older
    assert (card / "Neck" / f"{FOLDER}.m3u8").is_file()
    monkeypatch.chdir(made)
    assert copy([Path()], card) == [card / FOLDER]
    assert sorted(path.name for path in card.iterdir()) == ["Neck", FOLDER, "photo.jpg"]
