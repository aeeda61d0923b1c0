"""Throws random input at whatever reads what others wrote: it may refuse it, but in no other way.

    python tests/fuzz/fuzz.py [--seconds 10] [--inputs N] [--seed 1] [--keep FOLDER] [SUBJECT...]

The subjects are ssml, plain, templates, toml, pls, manifests, audio, commands and http. Inputs are
the seeds of a subject and what once was a finding (tests/fuzz/found/SUBJECT/), as they are and then
mutated: bytes and words of its vocabulary put in, parts removed, doubled, repeated a thousandfold,
and crossed with others. An exception that is not a VoiceguideError is a finding; so is an input
that takes more than 10 s of CPU time or 500 MB. Findings are written into ``--keep``, each with its
traceback. The same seed gives the same inputs. Runs on Linux and macOS.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pedalboard.io import AudioFile

from voiceguide import Session, cli, export, mixer, settings, ssml, timeline
from voiceguide.catalogue import manifest
from voiceguide.catalogue import requests as orders
from voiceguide.cli import targets
from voiceguide.errors import Position, VoiceguideError
from voiceguide.library.models import Region
from voiceguide.library.toml import validated
from voiceguide.phone.folder import RECORD, Files
from voiceguide.phone.renders import Renders
from voiceguide.phone.server import application
from voiceguide.script import plain
from voiceguide.ssml import Sound, pls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).parent / "found"
MOST_CPU_S = 10
MOST_WAITING_S = 100
MOST_FINDINGS = 10
MOST_BYTES = 500_000_000
LONGEST = 100_000  # bytes of an input

SIGNS = [
    "<", ">", "&", '"', "'", "[", "]", "(", ")", "{", "}", "\\", "#", "*", "_", "`", "\n", "\r",
    "\t", " ", "\0", "\x7f", "ä", "…", "\u2028", "\U0001f600", "\ud800", "0", "-1", "9" * 40,
    ";", ":", "=", "/", "..",
]  # fmt: skip
ELEMENTS = [
    "speak", "p", "s", "break", "prosody", "emphasis", "voice", "lang", "sub", "say-as",
    "phoneme", "audio", "mark", "par", "seq", "media", "lexicon", "desc", "amazon:effect",
    "bookmark", "x",
]  # fmt: skip
ATTRIBUTES = [
    "time", "strength", "rate", "pitch", "volume", "level", "name", "languages", "xml:lang",
    "alias", "interpret-as", "format", "ph", "alphabet", "src", "xml:id", "begin", "end", "dur",
    "repeatCount", "repeatDur", "soundLevel", "fadeInDur", "fadeOutDur", "vg:pan", "clipBegin",
    "clipEnd", "speed", "uri", "xmlns",
]  # fmt: skip
VALUES = [
    "0", "0s", "1s", "250ms", "-1s", "+2.5s", "99999999h", "1e9", "0.5", ".5", "a.begin",
    "a.end-2s", "b.begin+1h", ".end", "a", "b", "50%", "-100%", "+999dB", "x-slow", "strong",
    "bell.wav", "../bell.wav", "http://x/y.wav", "", " ", "en", "de-AT", "xx", "date", "ordinal",
    "mdy", "hms12", "ipa", "t@m'A:", "]]", "[[", "2st", "inf", "nan", "chapter:", "hold:a",
    "end:hold", "indefinite", "1.5.5s", "١",
]  # fmt: skip


class Subject(NamedTuple):
    """Something that reads what others wrote."""

    seeds: list[bytes]
    words: list[str]
    """What means something in its inputs."""
    read: Callable[[bytes], object]
    """Reads an input; may raise VoiceguideError."""


def main() -> int:
    """Fuzz each subject for the given time, and return how many findings there were."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each subject")
    parser.add_argument("--inputs", type=int, default=sys.maxsize, help="at most, for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("findings"), metavar="FOLDER")
    parser.add_argument("subjects", nargs="*", help="all, unless some are named")
    options = parser.parse_args()
    findings = 0
    for name in options.subjects or SUBJECTS:
        with tempfile.TemporaryDirectory() as folder:
            run = Run(name, options.seed, options.inputs, Path(folder))
            tried, found = run.fuzzed(options.seconds)
        print(f"{name}: {tried:,} inputs, {len(found)} findings", flush=True)
        for number, (data, what) in enumerate(found):
            options.keep.mkdir(parents=True, exist_ok=True)
            path = options.keep / f"{name}-{options.seed}-{number}"
            path.write_bytes(data)
            path.with_name(f"{path.name}.log").write_text(what)
            print(f"    {path} ({len(data):,} bytes): {what.splitlines()[-1]}", flush=True)
        findings += len(found)
    return min(findings, 100)


class Run(NamedTuple):
    """Inputs for a subject, tried in processes that may end."""

    name: str
    seed: int
    most: int
    folder: Path
    """Its files ``input``, ``tried`` and ``log`` say how far a process came, and why it ended."""

    def fuzzed(self, seconds: float) -> tuple[int, list[tuple[bytes, str]]]:
        """Return how many inputs were tried, and those that are findings, with what was said."""
        tried = 0
        found: list[tuple[bytes, str]] = []
        ends_at = time.monotonic() + seconds
        (self.folder / "tried").write_text("0")
        while time.monotonic() < ends_at and len(found) < MOST_FINDINGS:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = self._tried(tried, ends_at)
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
            tried = int((self.folder / "tried").read_text())
            if status == 0:
                break
            code = os.waitstatus_to_exitcode(status)
            log = (self.folder / "log").read_text("utf-8", "replace").strip()
            ends = {-signal.SIGPROF: f"more than {MOST_CPU_S} s", -signal.SIGALRM: "waits for ever"}
            what = ends.get(code) or log or f"exit status {code}"
            found.append(((self.folder / "input").read_bytes(), what))
        return tried, found

    def _tried(self, begun: int, ends_at: float) -> int:
        """Try what comes after ``begun`` inputs until a finding (1) or the end (0)."""
        folder = self.folder
        os.environ |= {
            f"VOICEGUIDE_{kind}_DIR": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")
        }
        (folder / "CONFIG").mkdir(exist_ok=True)
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        subject = SUBJECTS[self.name](folder)
        least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        unit = 1 if sys.platform == "darwin" else 1024
        every = itertools.islice(inputs(subject, self.name, self.seed), self.most)
        for number, data in enumerate(every, 1):
            if number <= begun:
                continue
            if time.monotonic() > ends_at:
                return 0
            (folder / "input").write_bytes(data)
            (folder / "tried").write_text(str(number))
            signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)  # ends the process
            signal.setitimer(signal.ITIMER_REAL, MOST_WAITING_S)
            try:
                subject.read(data)
            except VoiceguideError as error:
                str(error).encode()  # it can be printed
            except BaseException:  # noqa: BLE001 (that is a finding)
                traceback.print_exc()
                return 1
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - least) * unit
            if used > MOST_BYTES:
                print(f"needs {used:,} bytes", file=sys.stderr)
                return 1
        return 0


def inputs(subject: Subject, name: str, seed: int) -> Iterator[bytes]:
    """Return what was found before and the seeds, then what is made of them, without end."""
    known = [path.read_bytes() for path in sorted((FOUND / name).glob("*"))] + subject.seeds
    yield from known
    words = [word.encode("utf-8", "surrogatepass") for word in (*subject.words, *SIGNS)]
    number = 0
    while True:
        number += 1
        source = random.Random(f"{seed} {number}")
        data = source.choice(known)
        for _ in range(source.choice((1, 1, 2, 3, 5, 8, 20))):
            data = mutated(data, known, words, source)[:LONGEST]
        yield data


def mutated(data: bytes, known: list[bytes], words: list[bytes], source: random.Random) -> bytes:
    """Return an input with one change."""
    begin = source.randint(0, len(data))
    end = min(len(data), begin + source.choice((0, 1, 1, 4, 20, 200)))
    part = data[begin:end]
    match source.randrange(8):
        case 0:
            part = bytes(source.randrange(256) for _ in part or b"x")
        case 1:
            part = b""
        case 2 | 3:
            part += source.choice(words)
        case 4:
            word = source.choice(words)
            part = word * min(
                source.choice((1, 2, 30, 2000, 50_000)), LONGEST // max(1, len(word)) + 1
            )
        case 5:
            part *= source.choice((2, 3, 300, 5000))
        case 6:
            other = source.choice(known)
            at = source.randint(0, len(other))
            part += other[at : at + source.choice((10, 100, 1000))]
        case 7:
            return data[:begin] + data[end:] + part
    return data[:begin] + part + data[end:]


def ssml_scripts(_: Path) -> Subject:
    """Return scripts, which are read, timed, shown and fitted."""

    def read(data: bytes) -> None:
        script = ssml.parse(data, name="fuzz.ssml", folders=[ROOT / "sounds"])
        whole = timeline.collect(timeline.resolve(script.root, length_ms))
        for form in ("text", "json", "vtt", "lrc"):
            export.captions(whole, form, title=script.title or "", language=script.language)

    tags = [f"<{name}>" for name in ELEMENTS] + [f"</{name}>" for name in ELEMENTS]
    pairs = [f' {name}="{value}"' for name in ATTRIBUTES for value in VALUES]
    seeds = [path.read_bytes() for path in (ROOT / "examples").glob("*.ssml")]
    seeds.append(
        b'<speak><par dur="9s"><media xml:id="a" end="b.end+1s"><speak>Hi.<break/></speak>'
        b'</media><media xml:id="b" begin="a.begin" repeatCount="3"><audio src="tick.wav"/></media>'
        b'</par><p><s>One <say-as interpret-as="date" format="mdy">1/2/26</say-as></s></p></speak>'
    )
    return Subject(seeds, [*tags, *pairs, "</speak>", "<!--", "<![CDATA["], read)


def length_ms(cue: ssml.Speech | ssml.Sound) -> int:
    """Return a length that depends on the clip alone."""
    return 40 * len(cue.text) if isinstance(cue, ssml.Speech) else 300


def plain_texts(_: Path) -> Subject:
    """Return plain texts and captions, which are turned into scripts and read."""

    def read(data: bytes) -> None:
        text, _ = plain.to_ssml(data.decode("utf-8", "replace"), "fuzz.md")
        ssml.parse(text, name="fuzz.md", folders=[ROOT / "sounds"])

    page = (ROOT / "docs/plain-text.md").read_text("utf-8")
    written = [cell for line in page.splitlines() for cell in line.split("`")[1::2]]
    captions = b"WEBVTT\n\n00:01.000 --> 00:03.000\n<i>Lie</i> down.\n\n00:10.5 --> 00:12.000\nRest"
    seeds = [page.encode(), "\n".join(written).encode(), captions]
    return Subject(seeds, [*written, "<!--", "-->", "**", "++", "#[", "--> "], read)


def templates(folder: Path) -> Subject:
    """Return templates of a listener's own, which are filled in and read."""

    path = folder / "fuzz.ssml.jinja"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        ssml.parse(Session(path).script, name="fuzz.ssml", folders=[ROOT / "sounds"])

    seeds = [(ROOT / "examples/breaths.ssml.jinja").read_bytes()]
    seeds.append(
        b'{% import "cues.ssml.jinja" as cue with context %}{% set n = 3 %}<speak>'
        b'{% for i in range(n) %}{{ cue.say(["One.", pick("hello")]) }}{{ cue.move(i + 1) }}'
        b'{% endfor %}{% if n > 2 %}{{ region("calf").name | upper }}{% endif %}</speak>'
    )
    words = [
        "{{", "}}", "{%", "%}", "{#", "#}", "{% for a in ", "{% endfor %}", "{% if ", "{% else %}",
        "{% endif %}", "{% set x = ", "{% macro m(a) %}", "{% endmacro %}", "{% include ",
        '{% import "cues.ssml.jinja" as cue with context %}', "cue.", "range(", "(9 ** 9)",
        ".__class__", "|", "loop.index", "none", "self", "wording", "pick(", "region(", "[0]",
        "{% raw %}", "~", " * 9999999",
    ]  # fmt: skip
    return Subject(seeds, words, read)


def toml_files(folder: Path) -> Subject:
    """Return settings and files of the library, which are validated."""

    def read(data: bytes) -> None:
        path = folder / "CONFIG/settings.toml"
        path.write_bytes(data)
        for check in (settings.in_file, lambda: validated(Region, path)):
            with contextlib.suppress(VoiceguideError):
                check()

    seeds = [(ROOT / "scripts/en/regions/calf.toml").read_bytes()[:3000]]
    seeds.append(b'side = "left"\nminutes = 12.5\nbed = "rain"\n[de]\nrate = 110\n[variables]\nx=1')
    words = ["[a]\n", "[[a]]\n", "a = ", "a.b = ", '"""', "'''", "1_000", "1979-05-27T07:32:00Z"]
    return Subject(seeds, [*words, "[", "{a=", "inf", "true", "\n", "side", "rate"], read)


def lexicons(folder: Path) -> Subject:
    """Return pronunciation lexicons."""

    def read(data: bytes) -> None:
        path = folder / "fuzz.pls"
        path.write_bytes(data)
        pls.read(path)

    words = [
        "<lexeme>",
        "</lexeme>",
        "<grapheme>",
        "</grapheme>",
        "<phoneme>",
        "<alias>",
        ' alphabet="ipa"',
    ]
    return Subject([(ROOT / "examples/words.pls").read_bytes()], words, read)


def manifests(folder: Path) -> Subject:
    """Return what lists others' files: requests, grids, manifests, sites and playlists."""

    place = folder / "lists"
    place.mkdir(exist_ok=True)
    requested, grid, tracks = place / "x.jsonl", place / "x.toml", place / "x.m3u8"

    def read(data: bytes) -> None:
        for path in (requested, grid, tracks, place / manifest.MANIFEST, place / RECORD):
            path.write_bytes(data)
        for check in (
            lambda: orders.read_requests(requested),
            lambda: orders.read_grid(grid),
            lambda: manifest.read(str(place)),
            lambda: Files(place, ()).finish(),
            lambda: list(targets.files_of([str(tracks)])),
        ):
            with contextlib.suppress(VoiceguideError):
                check()

    record = {
        "key": "aa11", "request": {"target": "calf"}, "file": "en/calf.mp3", "sha256": "00",
        "bytes": 5, "length_ms": 9, "words": 2, "title": "Calf", "language": "en", "seed": 1,
        "voice": {"name": "x"}, "program": "voiceguide 0.1.0",
    }  # fmt: skip
    seeds = [
        b'{"target": "calf", "side": "left"}\n{"target": "breathing", "minutes": "5:00"}\n',
        b'language = ["en", "de"]\n[[grid]]\ntarget = "all"\nminutes = [10, 20]\n',
        json.dumps(record).encode(), b'[\n"index.html",\n"api/sessions.json"\n]',
        b"#EXTM3U\n#EXTINF:12,Calf\n01-calf.mp3\n#EXTALB:X\nx.jsonl\n",
        b"[" * 20_000, b'{"target": %s}' % (b"9" * 5000), b"target = %s" % (b"9" * 5000),
    ]  # fmt: skip
    words = [
        '"', "{", "}", "[", "]", ",", ":", "\n", "null", "true", "1e999", "-1", "NaN", '"target":',
        '"minutes":', '"side":', '"library":', '"bytes":', "../", "/etc/", "\\u0000", "\\ud800",
        "[[grid]]\n", "target = ", "seed = [1, 2, 3]\n", "#EXT", "http://x/", "file:///", "%00",
    ]  # fmt: skip
    return Subject(seeds, words, read)


def audio_files(folder: Path) -> Subject:
    """Return beginnings of audio files in five formats, whose headers are read."""

    def read(data: bytes) -> None:
        path = folder / "fuzz.wav"
        path.write_bytes(data)
        mixer.sound_ms(Sound(path, "fuzz.wav", Position(1, 1)))

    seeds = []
    for suffix in ("wav", "flac", "ogg", "mp3", "aiff"):
        path = folder / f"seed.{suffix}"
        with AudioFile(str(path), "w", samplerate=48_000, num_channels=2) as file:
            file.write(np.zeros((2, 4800), np.float32))
        seeds.append(path.read_bytes()[:4000])
    words = [
        "RIFF",
        "WAVE",
        "fmt ",
        "data",
        "FORM",
        "AIFF",
        "COMM",
        "SSND",
        "fLaC",
        "OggS",
        "ID3",
        "LIST",
    ]
    return Subject(seeds, [*words, "\x00" * 4, "\x7f" * 4], read)


def command_lines(folder: Path) -> Subject:
    """Return command lines, an argument a line, of commands that make no sound."""

    (folder / "my.ssml").write_text("<speak>Hi.</speak>")
    (folder / "my.md").write_text("# One\nTwo.")
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (to the end)

    slow = ("--edit", "--minutes")  # an editor, all speech

    def read(data: bytes) -> None:
        arguments = [os.fsdecode(line) for line in data.split(b"\n") if b"\0" not in line][:20]
        if not arguments or arguments[0] not in ("regions", "methods", "kinds", "config", "script"):
            arguments = ["script", *arguments]
        if arguments[0] == "script":
            arguments += ["--format", "ssml"]
        quick = [one for one in arguments if not one.startswith(slow)]
        sys.argv = ["voiceguide", *quick]
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        assert code in (0, 1, 2), code

    seeds = [
        b"script\ncalf\n--side\nboth", b"script\nmy.ssml\n--rate\n150",
        b"regions\n--language\nde",
        b"script\nneck+jaw\n--side\nleft\n--bed\nrain\n--bed-level\n-6",
        b"script\nmy.md\n--seed\n3", b"script\nbreathing\n--pace\n4-6\n--set\nx=1", b"kinds",
        b"methods", b"config",
    ]  # fmt: skip
    words = [
        "\n--", "--side\n", "--method\n", "--area\n", "--level\n", "--guidance\n",
        "--language\n", "--voice\n", "--rate\n", "--bed\n", "--mono\n", "--explain\n",
        "--library\n", "--set\n", "--max-length\n", "nan", "inf", "1e999", "-", "/dev/null", "~",
        "$HOME", "*", "\udcff", "n" * 5000,
    ]  # fmt: skip
    return Subject(seeds, words, read)


def requests(folder: Path) -> Subject:
    """Return HTTP requests: method, path, query, headers, body, a line each."""

    page = application(Renders(folder / "output"), "key", key_always=False)

    def read(data: bytes) -> None:
        method, path, query, header, *body = [*data.split(b"\n"), b"", b"", b"", b""]
        name, _, value = header.partition(b":")
        sent: list[int] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"\n".join(body), "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                sent.append(int(str(message["status"])))

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method.decode("latin-1").upper()[:20] or "GET",
            "path": "/" + path.decode("utf-8", "replace").lstrip("/"), "raw_path": path,
            "query_string": query, "root_path": "", "server": ("127.0.0.1", 8765),
            "headers": [(b"host", b"127.0.0.1:8765"), (name.strip().lower(), value.strip())],
            "client": ("127.0.0.1", 5000),
        }  # fmt: skip
        asyncio.run(page(scope, receive, send))  # type: ignore[arg-type]
        assert sent, "no answer"
        assert sent[0] < 500 or sent[0] == 503, sent

    seeds = [
        b"GET\n/\n\n", b"GET\n/api/library\nlanguage=en\nCookie: language=de",
        b"GET\n/api/sessions",
        b'POST\n/api/sessions\n\nContent-Type: application/json\n{"target": "calf", "minutes": 12}',
        b'POST\n/api/playlists\n\nX-Forwarded-For: 1.2.3.4\n{"target": "neck", "side": "left"}',
        b"GET\n/sessions/abc.mp3\n\nRange: bytes=0-10", b"GET\n/playlists/neck/feed.xml",
        b"PUT\n/", b"DELETE\n/api/sessions/abc", b"GET\n/key/wrong", b"GET\n/playlists/neck.zip",
    ]  # fmt: skip
    words = [
        "..", "%2e%2e", "%00", "/api/", "/sessions/", ".json", ".vtt", "?", "=", "&", "null",
        "[]", "{}", '{"target":', '"minutes": 1e999', "Range: bytes=", "Host: x", "bytes=-1",
        "\n",
    ]  # fmt: skip
    return Subject(seeds, words, read)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "ssml": ssml_scripts,
    "plain": plain_texts,
    "templates": templates,
    "toml": toml_files,
    "pls": lexicons,
    "manifests": manifests,
    "audio": audio_files,
    "commands": command_lines,
    "http": requests,
}


if __name__ == "__main__":
    sys.exit(main())
