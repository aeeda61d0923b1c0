"""A catalogue: many requests, each made once, wherever and by whomever, with a manifest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest
from conftest import decode, lacks, voiceguide

from voiceguide import __version__, files
from voiceguide.catalogue import crews, estimate, make, place, read, read_grid, read_requests, work
from voiceguide.errors import CatalogueError, RequestError
from voiceguide.export import mp3
from voiceguide.files import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

CALF = {"target": "calf", "side": "left", "minutes": 3}
BREATHING = {"target": "breathing", "minutes": 3}
TONES = {"guidance": "tones", "side": "left", "minutes": 3}
GERMAN = {"target": "breathing", "minutes": 3, "language": "de", "bed": "rain"}


def written(path: Path, *requests: object) -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in requests]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def manifest(folder: Path) -> list[dict]:
    return [
        json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a catalogue that has a content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_size
    }


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("requests") / "requests.jsonl"
    return written(path, BREATHING, {**BREATHING, "minutes": "3:00"}, GERMAN)


@pytest.fixture(scope="module")
def made(requests: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions, made in one process."""
    folder = tmp_path_factory.mktemp("catalogue")
    done = voiceguide("catalogue", requests, "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder}: 2 made, 0 there before, 0 failed\n"
    return folder


@pytest.mark.slow
def test_the_manifest_says_what_is_in_each_file(made):
    breathing, german = manifest(made)
    assert [one["request"] for one in (breathing, german)] == [BREATHING, GERMAN]
    assert german["file"].startswith("de/breathing/breathing-de-rain-3-min-")
    assert german["title"] == "Atmen: calm"
    for one in (breathing, german):
        content = (made / one["file"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["bytes"] == len(content)
        assert one["length_ms"] == 180_000
        assert one["seed"] == 0
        assert one["program"] == "voiceguide 0.1.0"
        assert one["voice"] == {"name": "default", "licence": None}
    assert len(decode(made / breathing["file"])) == 180_000 * 48
    said = voiceguide("script", "breathing", "--minutes", "3", "--format", "json")
    texts = [event["text"] for event in json.loads(said.stdout)["events"] if event.get("text")]
    assert breathing["words"] == sum(len(text.split()) for text in texts) > 50


@pytest.mark.slow
def test_what_is_there_is_not_made_again_and_what_is_missing_is(made, requests):
    before = contents(made)
    breathing, german = manifest(made)
    os.utime(made / breathing["file"], (1, 1))
    (made / german["file"]).write_bytes(b"cut off")
    lines = (made / "manifest.jsonl").read_text("utf-8").splitlines()
    (made / "manifest.jsonl").write_text("\n".join(["{", *lines[1:]]), "utf-8")
    again = voiceguide("catalogue", requests, "-o", made)
    assert again.returncode == 0, again.stderr
    assert "1 made, 1 there before" in again.stdout
    assert "manifest.jsonl:1: is not JSON; the line is written anew" in again.stderr
    assert contents(made) == before
    assert (made / breathing["file"]).stat().st_mtime == 1


@pytest.mark.slow
def test_a_request_that_fails_is_reported_and_stops_no_other(made, requests, tmp_path):
    listed = written(tmp_path / "r.jsonl", {**CALF, "minutes": 1}, BREATHING,
                     {**BREATHING, "side": "left"})  # fmt: skip
    done = voiceguide("catalogue", listed, "-o", made)
    assert done.returncode == 1
    assert f"{listed}:1: calf cannot be 1:00 long; the shortest possible is 2:" in done.stderr
    assert f"{listed}:3: side does not apply to breathing" in done.stderr
    assert "0 made, 1 there before, 2 failed" in done.stdout
    [first, second] = map(json.loads, (made / "failed.jsonl").read_text("utf-8").splitlines())
    assert first["request"] == {**CALF, "minutes": 1}
    assert second["why"].startswith("side does not apply")
    assert [one["request"] for one in manifest(made)] == [BREATHING]
    voiceguide("catalogue", requests, "-o", made)
    assert (made / "failed.jsonl").read_text("utf-8") == ""
    assert len(manifest(made)) == 2


@pytest.mark.slow
def test_workers_that_are_killed_lose_nothing(made, requests, tmp_path):
    command = [sys.executable, "-m", "voiceguide", "catalogue", str(requests), "-o", str(tmp_path),
               "--workers", "2"]  # fmt: skip
    environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path.parent / "cold")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        killed = False
        while running.poll() is None and not killed:
            for child in psutil.Process(running.pid).children():
                with contextlib.suppress(psutil.Error):
                    works = "spawn_main" in " ".join(child.cmdline())
                    if works and child.cpu_times().user > 1:
                        child.kill()
                        killed = True
            time.sleep(0.1)
        said, _ = running.communicate()
    assert killed
    assert running.returncode == 0
    assert "2 made, 0 there before, 0 failed" in said
    assert contents(tmp_path) == contents(made)


@pytest.mark.slow
def test_a_catalogue_that_is_interrupted_goes_on_and_leaves_no_process(made, requests, tmp_path):
    command = [sys.executable, "-m", "voiceguide", "catalogue", str(requests), "-o", str(tmp_path),
               "--workers", "2"]  # fmt: skip
    with subprocess.Popen(command) as running:
        children = []
        while not list(tmp_path.rglob("*.json")):
            children = psutil.Process(running.pid).children(recursive=True)
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    again = voiceguide("catalogue", requests, "-o", tmp_path)
    assert "0 made" not in again.stdout
    assert "0 there before" not in again.stdout
    assert contents(tmp_path) == contents(made)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["file://", ""])
def test_workers_share_their_clips_at_an_address(made, requests, tmp_path, scheme):
    if not _has("fsspec"):
        lacks("needs fsspec: pip install 'voiceguide[cluster]'")
    clips = f"{scheme}{tmp_path}/clips"

    def spoken(name: str) -> int:
        """Make the catalogue with a cache of its own; return how many phrases were spoken."""
        environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path / f"cache-{name}")}
        done = voiceguide("catalogue", requests, "-o", f"file://{tmp_path}/{name}",
                          "--clips", clips, "--verbose", env=environment)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert contents(tmp_path / name) == contents(made)
        return sum(map(int, re.findall(r"(\d+) phrases spoken", done.stderr)))

    assert spoken("one") > 10
    a_clip = max((tmp_path / "clips").rglob("*.clip"), key=lambda path: path.stat().st_size)
    a_clip.write_bytes(a_clip.read_bytes()[:-1] + b"\x55")
    assert spoken("two") == 1  # the damaged one: it is not believed
    assert any((tmp_path / "cache-two").rglob("*.clip")) == bool(scheme)  # no copies of near ones


def test_what_can_be_made_again_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    """Sessions, their records and the manifest do."""
    waited, wait = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: waited.append(os.fstat(handle).st_ino) or wait(handle)
    )
    with files.moved_cache(tmp_path / "cache"):
        asked = read_requests(written(tmp_path / "one.jsonl", BREATHING))
        make(asked, str(tmp_path / "out"), clips=str(tmp_path / "clips"))
    lasting = [one.stat().st_ino for one in (tmp_path / "out").rglob("*") if one.is_file()]
    shared = [one.stat().st_ino for one in (tmp_path / "clips").rglob("*") if one.is_file()]
    assert len(lasting) >= 3
    assert set(lasting) <= set(waited)
    assert len(shared) > 3
    assert not set(shared) & set(waited)


def test_clips_on_another_disk_are_copied_into_the_own_cache(tmp_path, monkeypatch):
    """It may be that of another machine, which is asked for each once."""
    disks = {tmp_path / "clips": 1, tmp_path / "cache": 2}
    monkeypatch.setattr(
        files, "_disk", lambda path: next(disks[one] for one in disks if path.is_relative_to(one))
    )
    asked = read_requests(written(tmp_path / "one.jsonl", BREATHING))
    with files.moved_cache(tmp_path / "cache"):
        make(asked, str(tmp_path / "out"), clips=str(tmp_path / "clips"))
    shared = {one.name for one in (tmp_path / "clips").rglob("*.frames")}
    assert shared
    assert {one.name for one in (tmp_path / "cache").rglob("*.frames")} >= shared


def test_what_one_worker_has_encoded_others_only_read(tmp_path, monkeypatch):
    asked = read_requests(written(tmp_path / "one.jsonl", BREATHING))
    encoded, lame = [], mp3._lame
    monkeypatch.setattr(mp3, "_lame", lambda *given: encoded.append(given) or lame(*given))
    counts = []
    for name in ("one", "two"):
        with files.moved_cache(tmp_path / f"cache-{name}"):
            assert make(asked, str(tmp_path / name), clips=str(tmp_path / "clips")).made == 1
        counts.append(len(encoded))
    assert counts[0] == counts[1] > 3
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.slow
def test_a_cluster_makes_the_same_and_survives_its_workers(made, requests, tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / "cache"))  # engines have to speak
    with a_cluster(tmp_path) as (address, workers):
        command = [sys.executable, "-m", "voiceguide", "catalogue", str(requests),
                   "-o", str(tmp_path / "out"), "--cluster", address]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            while not list((tmp_path / "out").rglob("*.json")):
                assert running.poll() is None
                time.sleep(0.05)
            for child in psutil.Process(workers.pid).children():
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()
            said, _ = running.communicate()
        assert running.returncode == 0
        assert "2 made, 0 there before, 0 failed" in said
        assert contents(tmp_path / "out") == contents(made)
        left = psutil.Process(workers.pid).children(recursive=True)
        assert any("spawn_main" in " ".join(one.cmdline()) for one in left)
        assert not [one for one in left if "_child.py" in " ".join(one.cmdline())]  # no engines


@pytest.mark.slow
def test_a_scheduler_that_is_killed_and_started_again_goes_on(made, requests, tmp_path):
    with a_cluster(tmp_path) as (address, _):
        command = [sys.executable, "-m", "voiceguide", "catalogue", str(requests),
                   "-o", str(tmp_path / "out"), "--cluster", address]  # fmt: skip
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as running:
            while not list((tmp_path / "out").rglob("*.mp3")):
                assert running.poll() is None
                time.sleep(0.05)
            for process in psutil.Process().children():
                if "scheduler" in process.cmdline():
                    process.kill()
                    process.wait()
            with a_cluster(tmp_path, port=address.rpartition(":")[2]):
                said, errors = running.communicate()
    assert running.returncode == 0
    assert "voiceguide: " not in errors
    assert "Traceback" not in errors
    assert "2 made, 0 there before, 0 failed" in said
    assert contents(tmp_path / "out") == contents(made)


@pytest.mark.slow
def test_a_cluster_whose_workers_have_all_gone_is_told(made, requests, tmp_path, monkeypatch):
    monkeypatch.setattr(crews, "_COUNTED_EVERY_S", 0.5)
    monkeypatch.setattr(crews, "_RETURN_S", 3)
    with a_cluster(tmp_path) as (address, workers):

        def crew(orders):
            for number, result in enumerate(crews.cluster(address)(orders)):
                if number == 0:
                    for process in [*psutil.Process(workers.pid).children(), workers]:
                        process.kill()
                yield result

        wanted = read_requests(written(tmp_path / "more.jsonl", BREATHING, CALF, GERMAN))
        with pytest.raises(CatalogueError, match="has no workers; start some with “dask worker"):
            make(wanted, str(tmp_path / "out"), crew=crew)
    done = voiceguide("catalogue", requests, "-o", tmp_path / "out")
    assert ", 0 failed" in done.stdout
    there = contents(tmp_path / "out")
    assert {name: there[name] for name in contents(made) if "manifest" not in name}.items() <= (
        contents(made).items()
    )


@pytest.mark.slow
def test_a_worker_that_ends_as_it_is_asked_for_its_version_is_left_out(made, requests, tmp_path):
    ends = tmp_path / "ends"
    ends.touch()
    before = f"""
import os, time
import voiceguide.catalogue.crews as crews
def version():
    os.unlink({str(ends)!r})
    time.sleep(1)  # one that ends as it starts, its nanny does not start again
    os._exit(1)
if os.path.exists({str(ends)!r}):
    crews.version = version
"""
    with a_cluster(tmp_path, before=before) as (address, _):
        done = voiceguide("catalogue", requests, "-o", tmp_path / "out", "--cluster", address)
    assert not ends.exists()
    assert done.returncode == 0
    assert "voiceguide: " not in done.stderr
    assert contents(tmp_path / "out") == contents(made)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crews.version", "work.make"])
def test_a_worker_without_our_program_stops_the_catalogue(requests, tmp_path, name):
    before = f"""
from voiceguide.catalogue import crews, work
def without(*_):
    raise ModuleNotFoundError("No module named 'voiceguide'")
{name} = without
"""
    with a_cluster(tmp_path, before=before) as (address, _):
        done = voiceguide("catalogue", requests, "-o", tmp_path / "out", "--cluster", address)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if "voiceguide: " in line]
    assert "Traceback" not in done.stderr
    assert f"{address} cannot run voiceguide 0.1.0: No module named 'voiceguide'; pip" in line
    assert "then run the same command again: what was made stays" in line


@pytest.mark.slow
def test_a_worker_with_another_program_stops_the_catalogue(requests, tmp_path):
    with a_cluster(tmp_path, before="import voiceguide; voiceguide.__version__ = '0.0.9'") as (
        address,
        _,
    ):
        done = voiceguide("catalogue", requests, "-o", tmp_path / "out", "--cluster", address)
    assert done.returncode == 1
    assert "has voiceguide 0.0.9, this is 0.1.0; install the same there" in done.stderr


def test_a_cluster_that_is_not_there_is_said(requests, tmp_path, monkeypatch):
    if not _has("distributed"):
        lacks("needs Dask: pip install 'voiceguide[cluster]'")
    monkeypatch.setattr(crews, "_PATIENCE_S", 0.2)
    address = "tcp://127.0.0.1:1"
    with pytest.raises(CatalogueError, match=f"the cluster at {address} cannot be reached"):
        make(read_requests(requests), str(tmp_path), crew=crews.cluster(address))


class Scheduled(contextlib.nullcontext):
    """A client of Dask whose scheduler goes when some requests were handed out."""

    def __init__(self, requests: int) -> None:
        super().__init__()
        self._left = requests

    def submit(self, _, *orders, **__):
        if not orders or not self._left:  # it has gone by the end, too
            raise OSError("Timed out trying to connect")
        self._left -= 1
        future = Future()
        future.set_result(work.Made({"key": orders[0].key}))
        return future

    def nthreads(self):
        return {"worker": 1}

    def run(self, *_, **__):
        return {"worker": __version__}

    def wait_for_workers(self, *_, **__) -> None: ...


def schedulers(requests: int, monkeypatch) -> list[Scheduled]:
    """Let Dask have such schedulers, one after another; return those that were reached."""
    started = []

    def client(*_, **__) -> Scheduled:
        started.append(Scheduled(requests))
        return started[-1]

    errors = SimpleNamespace(FutureCancelledError=CancelledError)
    dask = SimpleNamespace(Client=client, KilledWorker=MemoryError, client=errors)
    monkeypatch.setitem(sys.modules, "distributed", dask)
    return started


def test_a_scheduler_may_go_as_often_as_it_likes_while_something_is_made(monkeypatch):
    orders = [work.Order(str(number), {}, "", {}, "", None) for number in range(20)]
    started = schedulers(2, monkeypatch)  # one is made, and another one lost
    made = [order for order, _ in crews.cluster("tcp://host:8786")(orders)]
    assert sorted(made, key=lambda order: int(order.key)) == orders
    assert len(started) > 10
    started = schedulers(0, monkeypatch)
    with pytest.raises(CatalogueError, match="the scheduler at tcp://host:8786 has gone; start it"):
        list(crews.cluster("tcp://host:8786")(orders))
    assert len(started) == 10


@contextlib.contextmanager
def a_cluster(
    folder: Path, before: str = "", port: str = "0"
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a scheduler and a worker that runs ``before`` first; yield its address, and it."""
    if not _has("distributed"):
        lacks("needs Dask: pip install 'voiceguide[cluster]'")
    dask = [sys.executable, "-m", "dask"]
    where, preload = folder / f"scheduler-{port}.json", folder / "preload.py"
    preload.write_text(before, "utf-8")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with (
        subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", port,
                          "--no-dashboard", "--scheduler-file", where], **quiet) as scheduler,
        subprocess.Popen([*dask, "worker", "--scheduler-file", where, "--nthreads", "1",
                          "--no-dashboard", "--preload", preload], **quiet) as worker,
    ):  # fmt: skip
        try:
            while not where.exists() or not where.stat().st_size:
                time.sleep(0.1)
            yield json.loads(where.read_text("utf-8"))["address"], worker
        finally:
            for process in (worker, scheduler):
                process.terminate()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("blocks", "says"),
    [(2000, "cannot be written: File too large; fix that"),
     (0, "no folder for temporary files can be created: .*; fix that, or let TMPDIR name")],
)  # fmt: skip
def test_a_full_disk_stops_the_catalogue_and_says_what_to_do(tmp_path, blocks, says):
    listed = written(tmp_path / "r.jsonl", BREATHING)
    program = f'ulimit -f {blocks}; exec "{sys.executable}" -m voiceguide catalogue "$0" -o "$1"'
    done = subprocess.run(
        ["sh", "-c", program, listed, tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.search(says, done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert manifest(tmp_path / "out") == []


def test_a_place_that_cannot_be_written_stops_the_catalogue(tmp_path):
    (tmp_path / "out").write_text("a file", "utf-8")
    done = voiceguide("catalogue", written(tmp_path / "r.jsonl", BREATHING), "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "out" in done.stderr
    assert "then run the same command again: what was made stays" in done.stderr


@pytest.fixture
def shaky():
    """An address scheme that fails as often as is asked, when it connects or when it renames."""
    if not _has("fsspec"):
        lacks("needs fsspec: pip install 'voiceguide[cluster]'")
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    class Shaky(LocalFileSystem):
        protocol = "shaky"
        cachable = False
        refused = full = 0
        key: Path | None = None

        def __init__(self, **options) -> None:
            super().__init__(**options)
            if Shaky.key:
                Shaky.key.read_bytes()
            if Shaky.refused:
                Shaky.refused -= 1
                raise ConnectionResetError("Connection reset by peer")

        @classmethod
        def _strip_protocol(cls, path):
            return str(path).removeprefix("shaky://")

        def mv(self, *paths, **options) -> None:
            if Shaky.full:
                Shaky.full -= 1
                raise OSError("Failure")
            super().mv(*paths, **options)

    fsspec.register_implementation("shaky", Shaky, clobber=True)
    return Shaky


def test_a_place_that_refuses_a_connection_for_a_moment_is_asked_again(shaky, tmp_path):
    shaky.refused = 1
    output = place.Remote(f"shaky://{tmp_path}")
    shaky.refused = shaky.full = 1  # the connection is lost, and the next one is refused
    output.write("a/b", b"content")
    assert (shaky.refused, shaky.full) == (0, 0)
    assert contents(tmp_path) == {"a/b": b"content"}
    shaky.refused = 3
    with pytest.raises(CatalogueError, match="cannot be reached: ConnectionResetError: Connection"):
        place.Remote(f"shaky://{tmp_path}")


def test_a_key_that_is_missing_is_said_and_is_no_missing_file(shaky, tmp_path):
    shaky.key = tmp_path / "key"
    shaky.key.touch()
    output = place.Remote(f"shaky://{tmp_path}")
    shaky.key.unlink()
    shaky.full = 1  # the connection is lost
    for ask in (lambda: output.write("a/b", b""), lambda: place.Remote(f"shaky://{tmp_path}")):
        with pytest.raises(
            CatalogueError, match=r"reached: FileNotFoundError: .*/key'; see to its"
        ):
            ask()


def test_what_could_not_be_written_takes_no_space(shaky, tmp_path):
    output = place.Remote(f"shaky://{tmp_path}")
    shaky.full = 3
    with pytest.raises(CatalogueError, match="a/b cannot be written: OSError: Failure; see to its"):
        output.write("a/b", b"content")
    assert contents(tmp_path) == {}


@pytest.mark.usefixtures("shaky")
def test_what_killed_writers_left_does_not_count_and_is_removed(tmp_path):
    for output in (place.Remote(f"shaky://{tmp_path}"), place.Folder(tmp_path)):
        output.write("a/whole", b"content")
        for name, age_s in (("new", 0), ("old", 90_000)):
            part = tmp_path / f"a/.voiceguide-part-{name}"
            part.write_bytes(b"con")
            os.utime(part, (time.time() - age_s,) * 2)
        assert output.sizes() == {"a/whole": 7}
        assert not (tmp_path / "a/.voiceguide-part-old").exists()
    assert contents(tmp_path) == {"a/whole": b"content"}  # here, even a new one is known to be left


@pytest.mark.parametrize("address", ["memory://", "memory:///", "memory://bucket/catalogue/"])
def test_a_whole_bucket_or_server_knows_its_files_by_their_names(shaky, address):
    del shaky  # it says whether fsspec is there
    output = place.Remote(address)
    output.write("records/3f/3f0c.json", b"record")
    output.write("manifest.jsonl", b"")
    sizes = output.sizes()
    assert (sizes["records/3f/3f0c.json"], sizes["manifest.jsonl"]) == (6, 0)
    assert output.read("records/3f/3f0c.json") == b"record"


def test_a_file_that_goes_while_a_folder_is_read_does_not_count(tmp_path):
    output = place.Folder(tmp_path)
    output.write("a/whole", b"content")
    (tmp_path / "a/link").symlink_to("gone")
    assert output.sizes() == {"a/whole": 7}


def test_every_wrong_line_is_named_before_anything_is_made(tmp_path):
    listed = written(
        tmp_path / "r.jsonl", CALF, {"target": "calv"}, {**CALF, "sied": "left"}, '{"target":',
        "[]", {"side": "left"}, {**CALF, "bed": "my.wav"}, {"target": "my.ssml"}, "1" * 5000,
        "[" * 100_000,
    )  # fmt: skip
    done = voiceguide("catalogue", listed, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()
    lines = done.stderr.removeprefix("voiceguide: ").splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{listed}:{n}" for n in range(2, 11)]
    for line, what in zip(
        lines,
        ["did you mean calves", "did you mean side", "is not JSON", "must be a table",
         "“target” is missing", "beds of a catalogue are rain", "made of regions and kinds",
         "too many digits", "nested too deeply"],
        strict=True,
    ):  # fmt: skip
        assert what in line


def test_a_grid_is_every_combination_of_its_lists(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        """
        minutes = [3, 5]
        language = ["en", "de"]
        [[grid]]
        target = "breathing"
        pace = ["4-6", "box"]
        [[grid]]
        target = ["calf", "neck"]
        minutes = 10
        """,
        "utf-8",
    )
    asked = [
        (one.request.target, one.request.options.language, one.request.options.pace,
         one.request.options.minutes)
        for one in read_grid(path)
    ]  # fmt: skip
    breathing = [("breathing", language, pace, minutes) for minutes in (3, 5)
                 for language in ("en", "de") for pace in ("4-6", "box")]  # fmt: skip
    rest = [
        (target, language, None, 10) for language in ("en", "de") for target in ("calf", "neck")
    ]
    assert asked == breathing + rest


def test_a_grid_may_ask_for_all_regions(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text('target = "all"\nside = ["left", "right"]', "utf-8")
    targets = [one.request.target for one in read_grid(path)]
    listed = voiceguide("regions").stdout
    assert {"calf", "neck", "jaw"} <= set(targets)
    assert all(target in listed for target in targets)
    assert len(targets) == 2 * len(set(targets))


def test_all_regions_are_those_of_the_library_that_a_grid_names(tmp_path):
    (tmp_path / "own/en/regions").mkdir(parents=True)
    shutil.copy("scripts/en/regions/calf.toml", tmp_path / "own/en/regions/my-calf.toml")
    path = tmp_path / "grid.toml"
    path.write_text(f'target = "all"\nlibrary = ["{tmp_path}/own", "none"]', "utf-8")
    targets = [one.request.target for one in read_grid(path)]
    assert targets.count("my-calf") == 1
    assert targets.count("calf") == 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            'target = "all"\nlanguage = "xx"',
            "grid.toml:2: no texts in language “xx”; available",
        ),
        ('target = "all"\nlibrary = "/no"', "grid.toml:2: library /no is not a folder"),
        ("target = ", "grid.toml: is not valid TOML"),
        ('[grid]\ntarget = "calf"', "write [[grid]] above each table"),
        ('target = ["calf", "calv"]', "grid.toml:1: no region or complaint “calv”"),
        ('target = "calf"\nminutes = [3, "long"]', "grid.toml:2: minutes long: must be minutes"),
        ('target = "calf"\n[[grid]]\ngrd = 1', "grid.toml:3: unknown option “grd”"),
        ('[[grid]]\nseed = 1\n[[grid]]\nside = [\n"left",\n"up"]', "grid.toml:6: side up: must"),
        ('seed = 1\n[[grid]]\ntarget = "calf"\n[[grid]]\ntarget = "calv"', "grid.toml:5: no reg"),
        (
            'target = "neck"\n[[grid]]\nminutes = 5\n[[grid]]\nbed = "my.wav"',
            "grid.toml:5: bed my.wav: files are not the same on every machine",
        ),
        ('target = "neck"\n\n[[grid]]\nbed_level = -3', "grid.toml:3: bed_level needs bed"),
        ("[[grid]]\nseed = 1", "grid.toml:1: “target” is missing"),
        ("target = []", "grid.toml: there is no request in it"),
        (f"seed = {'1' * 5000}", "grid.toml: has a number with too many digits, or is nested too"),
        (f"seed = {'[' * 30_000}", "grid.toml: has a number with too many digits, or is nested"),
        (f"a = {[1] * 1000}\nb = {[1] * 1001}", "1,001,000 combinations are more than 1,000,000"),
        (
            "".join(f"a{n} = {[1] * 10}\n" for n in range(4400)),
            "these combinations are more than 1,000,000",
        ),
    ],
)
def test_what_is_wrong_in_a_grid_is_said(tmp_path, text, what):
    path = tmp_path / "grid.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(RequestError) as raised:
        read_grid(path)
    assert what in str(raised.value)


def test_a_file_without_requests_is_named(tmp_path):
    empty = written(tmp_path / "r.jsonl")
    with pytest.raises(RequestError, match=r"r\.jsonl: there is no request in it$"):
        read_requests(empty)


def test_the_same_request_counts_once_however_it_is_written(tmp_path):
    ways = [CALF, {**CALF, "minutes": 3.0}, {"minutes": "3:00", "side": "left", "target": "calf"},
            {**CALF, "seed": 0, "level": "standard"}]  # fmt: skip
    assert len(read_requests(written(tmp_path / "r.jsonl", *ways))) == 1
    assert len(read_requests(written(tmp_path / "r.jsonl", CALF, {**CALF, "seed": 1}))) == 2


def test_requests_of_two_libraries_that_are_one_session_are_done_together(tmp_path):
    libraries = [tmp_path / "one", tmp_path / "two"]
    for library in libraries:
        library.mkdir()
    tones = {**BREATHING, "guidance": "tones"}
    ways = [{**tones, "library": str(library)} for library in libraries]
    wanted = read_requests(written(tmp_path / "r.jsonl", *ways))
    told = []
    summary = make(wanted, str(tmp_path / "out"), progress=told.append)
    assert (summary.made, [(one.done, one.total) for one in told]) == (1, [(1, 1)])


def test_a_worker_with_other_texts_or_voices_makes_nothing(tmp_path):
    [wanted] = read_requests(written(tmp_path / "r.jsonl", BREATHING))
    right = work.order(wanted.request, "mp3", str(tmp_path / "out"), None)
    for name, what in [("texts", "other texts or sounds"), ("engine", "other voices")]:
        wrong = replace(right, made_with={**right.made_with, name: "0123"})
        with pytest.raises(CatalogueError, match=f"the worker on .* has {what} .*, not 0123"):
            work.make(wrong)
    assert not (tmp_path / "out").exists()


def test_a_worker_with_an_older_program_says_so_even_if_it_does_not_know_an_option(tmp_path):
    [wanted] = read_requests(written(tmp_path / "r.jsonl", BREATHING))
    right = work.order(wanted.request, "mp3", str(tmp_path / "out"), None)
    newer = replace(right, request={**right.request, "scent": "lavender"},
                    made_with={**right.made_with, "program": "9.0"})  # fmt: skip
    with pytest.raises(CatalogueError, match=r"has another version of voiceguide \(0.1.0, not 9.0"):
        work.make(newer)


def test_other_texts_give_another_file_and_those_of_other_languages_do_not_but_for_names(tmp_path):
    [wanted] = read_requests(written(tmp_path / "r.jsonl", BREATHING))

    def file() -> str:
        return work.order(wanted.request, "mp3", str(tmp_path), None).file

    before = file()
    own = Path(os.environ["VOICEGUIDE_CONFIG_DIR"]) / "scripts"
    try:
        (own / "de").mkdir(parents=True)
        (own / "de/phrases.toml").write_text("# ours", "utf-8")
        assert file() == before
        (own / "de/names.toml").write_text('[places]\nneck = ["Wade"]', "utf-8")
        named = file()
        assert named != before  # a target may be named in any language
        (own / "en").mkdir()
        (own / "en/lexicon.toml").write_text("# ours", "utf-8")
        assert file() not in (before, named)
    finally:
        shutil.rmtree(own)


def test_texts_that_are_edited_while_a_program_runs_are_made_anew(tmp_path):
    shutil.copytree("scripts/en", tmp_path / "own/en")
    calf = tmp_path / "own/en/regions/calf.toml"
    (calf.parent / ".#calf.toml").symlink_to("an editor's")  # leads nowhere
    asked = {**TONES, "target": "calf", "library": str(tmp_path / "own")}
    wanted = read_requests(written(tmp_path / "r.jsonl", asked))
    old = work.order(wanted[0].request, "flac", str(tmp_path / "out"), None)
    before = calf.read_text("utf-8")
    calf.write_text(before.replace('name = "Calf"', 'name = "Calves of mine"'), "utf-8")
    new = work.order(wanted[0].request, "flac", str(tmp_path / "out"), None)
    assert new.file != old.file
    with pytest.raises(CatalogueError, match="has other texts or sounds"):
        work.make(old)
    made = work.make(new)
    assert made.record["title"].startswith("Calves of mine")
    calf.write_text(before, "utf-8")
    assert work.order(wanted[0].request, "flac", str(tmp_path / "out"), None) == old
    made = work.make(old)  # a worker that has the right texts again works again
    assert made.record["title"].startswith("Calf")


def test_hidden_files_and_links_to_nowhere_are_no_texts(tmp_path):
    shutil.copytree("scripts/en", tmp_path / "own/en")
    asked = {**BREATHING, "library": str(tmp_path / "own")}
    [wanted] = read_requests(written(tmp_path / "r.jsonl", asked))

    def file() -> str:
        return work.order(wanted.request, "mp3", str(tmp_path), None).file

    before = file()
    regions = tmp_path / "own/en/regions"
    (regions / "._calf.toml").write_bytes(b"of macOS")
    (regions / ".trash").mkdir()
    (regions / ".trash/calf.toml").write_text('name = "Calf"', "utf-8")
    (regions / "loop.toml").symlink_to("loop.toml")
    assert file() == before


@pytest.mark.parametrize("became", ["gone", "a loop"])
def test_a_text_that_cannot_be_read_is_named(tmp_path, monkeypatch, became):
    (tmp_path / "own/en").mkdir(parents=True)
    text = tmp_path / "own/en/lexicon.toml"
    text.write_text("# ours", "utf-8")
    asked = {**BREATHING, "library": str(tmp_path / "own")}
    [wanted] = read_requests(written(tmp_path / "r.jsonl", asked))
    real = files.states

    def then_it_goes(folder: Path) -> list[tuple[str, int, int]]:
        found = real(folder)
        text.unlink(missing_ok=True)
        if became == "a loop":
            text.symlink_to(text)
        return found

    monkeypatch.setattr(files, "states", then_it_goes)
    with pytest.raises(CatalogueError) as raised:
        work.order(wanted.request, "mp3", str(tmp_path), None)
    why = {"gone": "No such file or directory", "a loop": "Too many levels of symbolic links"}
    assert str(raised.value) == f"{text}: cannot be read: {why[became]}"


def test_a_voice_whose_recordings_change_while_a_program_runs_is_another(tmp_path):
    folder = tmp_path / "voice"
    folder.mkdir()
    shutil.copy("sounds/bell.wav", folder / "breathe-in-12345678.wav")
    [wanted] = read_requests(written(tmp_path / "r.jsonl", {**BREATHING, "voice": str(folder)}))

    def file() -> str:
        return work.order(wanted.request, "mp3", str(tmp_path), None).file

    before = file()
    shutil.copy("sounds/chime.wav", folder / "breathe-in-12345678.wav")
    assert file() != before


def test_the_record_names_the_voice_that_was_asked_for_and_its_licence(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path))
    (tmp_path / "voices").mkdir()
    recordings = tmp_path / "anna"
    recordings.mkdir()
    shutil.copy("sounds/bell.wav", recordings / "breathe-in-12345678.wav")
    model = tmp_path / "mine.onnx"
    (tmp_path / "mine.onnx.card").write_text("* License: CC0", "utf-8")

    def said(voice: object = None) -> tuple[str, str | None]:
        return work._voice(None if voice is None else str(voice), "en")

    assert said(recordings) == (str(recordings), None)
    assert said("en-gb") == ("en-gb", None)
    assert said(model) == (str(model), "CC0")
    assert said(f"{tmp_path}#af_heart") == (f"{tmp_path}#af_heart", None)
    assert said() == said("pyttsx3") == said("default") == ("default", None)
    asked = {**BREATHING, "voice": str(recordings)}
    [wanted] = read_requests(written(tmp_path / "r.jsonl", asked))
    made = work.make(work.order(wanted.request, "flac", str(tmp_path / "out"), None))
    assert made.record["voice"] == {"name": str(recordings), "licence": None}


def test_a_wrong_line_of_a_manifest_is_named(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"key": "1"}\n', "utf-8")
    with pytest.raises(CatalogueError) as raised:
        read(str(tmp_path))
    assert f"{tmp_path}/manifest.jsonl:1: “request” is missing" in str(raised.value)
    assert "run “voiceguide catalogue” with the same requests" in str(raised.value)


def test_a_manifest_whose_request_has_no_target_is_not_published(tmp_path):
    line = {"key": "1", "request": {"side": "left"}, "file": "a.mp3", "sha256": "", "bytes": 1,
            "length_ms": 1, "words": 1, "title": "Calf", "language": "en", "seed": 0, "voice": {},
            "program": "voiceguide 0.1.0"}  # fmt: skip
    written(tmp_path / "manifest.jsonl", line)
    done = voiceguide("publish", tmp_path, "-o", tmp_path / "site")
    assert done.returncode == 1
    what = f"{tmp_path}/manifest.jsonl:1: “target” of its “request” is missing or of another kind"
    assert done.stderr.startswith(f"voiceguide: {what}; run “voiceguide catalogue” with the same")
    assert not (tmp_path / "site").exists()


@pytest.mark.slow
def test_a_dry_run_says_how_much_there_is_to_do_and_makes_nothing(made, tmp_path):
    listed = written(tmp_path / "r.jsonl", BREATHING, {**BREATHING, "pace": "box"},
                     {**BREATHING, "pace": "4-8"})  # fmt: skip
    before = contents(made)
    done = voiceguide("catalogue", listed, "-o", made, "--dry-run")
    assert done.stdout.startswith("There: 1. To make: 2. Known to fail: 0.\n")
    assert "Time on one core: from about " in done.stdout
    size = float(done.stdout.partition("Size: ")[2].split()[0])
    assert size == pytest.approx(2 * 2.18, rel=0.1)  # as the one that is there
    assert contents(made) == before


def test_a_dry_run_speaks_all_phrases_of_its_sessions_each_time(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / "cache"))  # of no other test
    wanted = read_requests(written(tmp_path / "r.jsonl", BREATHING))
    caplog.set_level(logging.INFO, "voiceguide")
    before = contents(cache_folder())
    for _ in range(2):
        there = estimate(wanted, str(tmp_path / "out"), form="wav")
        assert there.size_bytes == pytest.approx(180 * 48_000 * 2, rel=0.01)
    counts = [int(count) for count in re.findall(r"(\d+) phrases spoken", caplog.text)]
    first, *_ = counts
    assert first > 5
    fitted_and_written_twice = [first, 0, 0, 0]
    assert counts == fitted_and_written_twice * 2
    assert contents(cache_folder()) == before


def _has(module: str) -> bool:
    with contextlib.suppress(ImportError):
        return bool(__import__(module))
    return False
