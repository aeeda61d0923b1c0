"""A file that exists is whole; what lies in a cache is checked."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from voiceguide import files
from voiceguide.errors import ExportError

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def parts(folder):
    return [path.name for path in folder.glob(".voiceguide-part-*")]


def test_a_file_takes_the_old_ones_place_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "notes.txt"
    with files.whole(path) as file:
        file.write(b"old")
    with files.whole(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert len(parts(path.parent)) == 1
    assert path.read_bytes() == b"new"
    with pytest.raises(TypeError), files.whole(path) as file:
        file.writelines([b"half", None])
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_said_with_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "notes.txt"
    with pytest.raises(ExportError, match=r"notes\.txt: cannot be written: .*\(-o\)$"):
        files.write_bytes(path, b"new")
    with (
        pytest.raises(ExportError, match=r"No space left on device; fix that, or call home$"),
        files.whole(tmp_path / "x", advice="call home"),
    ):
        raise OSError(28, "No space left on device")
    assert not (tmp_path / "x").exists()


def test_a_file_that_holds_the_same_is_not_written_again(tmp_path):
    path = tmp_path / "notes.txt"
    files.write_bytes(path, b"same")
    os.utime(path, (1, 1))
    files.write_bytes(path, b"same")
    assert path.stat().st_mtime == 1
    files.write_bytes(path, b"other")
    assert path.stat().st_mtime > 1


@POSIX
def test_a_secret_is_its_owners_alone(tmp_path):
    with files.whole(tmp_path / "key", mode=0o600) as file:
        file.write(b"secret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


WRITERS = {
    "file": "with files.whole(folder / 'x.txt') as file: file.write(b'half'); wait()",
    "folder": "with files.part_folder(folder / 'x') as part: (part / 'y').touch(); wait()",
    "scratch": "with files.scratch_folder() as part: (part / 'y').touch(); wait()",
}


def writer(folder: Path, kind: str) -> subprocess.Popen:
    """Start a process that is writing something in ``folder``, and does not come to its end."""
    code = (
        "import sys, time; from pathlib import Path; from voiceguide import files; "
        "folder = Path(sys.argv[1])\n"
        "def wait(): print(flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code + WRITERS[kind], folder]
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": folder}
    )
    started.stdout.readline()
    return started


@POSIX
@pytest.mark.parametrize("kind", WRITERS)
def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_stays(
    tmp_path, kind, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with writer(tmp_path, kind) as living:
        (being_written,) = tmp_path.iterdir()
        with writer(tmp_path, kind) as killed:
            killed.kill()
        assert len(list(tmp_path.iterdir())) == 2
        files.write_bytes(tmp_path / "notes.txt", b"new")
        files.scratch()
        assert sorted(tmp_path.iterdir()) == sorted([being_written, tmp_path / "notes.txt"])
        living.kill()


@POSIX
def test_what_a_killed_writer_left_in_a_cache_goes_with_the_next_that_is_stored(tmp_path):
    store = files.Store(tmp_path)
    store.write("one", b"1")
    left = tmp_path / "on" / ".voiceguide-part-1234"
    left.touch()
    store.write("one", b"1")
    store.prune(1_000_000)
    assert not left.exists()
    assert store.read("one") == b"1"


@POSIX
def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "x.txt").write_bytes(b"old")
    for name in ("x.txt", "new.txt"):
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
        files.write_bytes(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "far" / name).read_bytes() == b"new"
    assert {path.name for path in tmp_path.iterdir()} == {"far", "x.txt", "new.txt"}


@POSIX
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "a pipe or a device, not a file"),
        (lambda path: path.symlink_to("/dev/null"), "a pipe or a device, not a file"),
        (os.mkdir, "it is a folder"),
        (lambda path: path.touch(0o444), "write-protected"),
    ],
)
def test_what_is_no_file_to_be_replaced_is_left_alone(tmp_path, make, says):
    path = tmp_path / "x.mp3"
    make(path)
    before = path.lstat()
    with pytest.raises(ExportError, match=rf"x\.mp3: cannot be written: .*{says}"):
        files.write_bytes(path, b"new")
    assert os.path.samestat(path.lstat(), before)
    assert list(tmp_path.iterdir()) == [path]


def test_writers_that_sweep_at_the_same_time_do_not_fail(tmp_path):
    for number in range(2000):
        part = tmp_path / f".voiceguide-part-{number}"
        part.touch()
        os.utime(part, (1, 1))
    failed = []

    def write(number: int) -> None:
        try:
            files.write_bytes(tmp_path / f"{number}.txt", b"new")
        except ExportError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.txt" for n in range(8)]


def test_a_store_takes_what_is_damaged_or_has_anothers_name_for_missing(tmp_path):
    store = files.Store(tmp_path / "kept", ".note")
    store.write("one", b"1")
    store.write("two", b"")
    assert (store.read("one"), store.read("two"), store.read("three")) == (b"1", b"", None)
    one, two = (tmp_path / "kept" / name[:2] / f"{name}.note" for name in ("one", "two"))
    good = one.read_bytes()
    for damaged in (b"", good[:-1], good + b"1", good[:-1] + b"2", b"0" + good[1:]):
        one.write_bytes(damaged)
        assert store.read("one") is None
    one.write_bytes(two.read_bytes())  # whole, but what “two” is
    assert store.read("one") is None
    store.write("one", b"1")
    assert store.read("one") == b"1"


def test_a_store_that_cannot_be_written_is_only_empty(tmp_path):
    (tmp_path / "file").touch()
    store = files.Store(tmp_path / "file")
    store.write("one", b"1")
    assert store.read("one") is None
    store.prune(0)


@POSIX
def test_a_stores_folders_are_its_owners_alone(tmp_path):
    (tmp_path / "there").mkdir(mode=0o755)
    files.Store(tmp_path / "there" / "cache" / "clips").write("one", b"1")
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_dir()
    }
    assert modes == {"there": 0o755, "cache": 0o700, "clips": 0o700, "on": 0o700}


@POSIX
def test_a_store_that_others_could_enter_is_closed_to_them(tmp_path):
    store = files.Store(tmp_path / "clips")
    store.write("one", b"1")
    for use in (lambda: store.read("one"), lambda: store.write("two", b"2")):
        (tmp_path / "clips").chmod(0o777)
        use()
        assert (tmp_path / "clips").stat().st_mode & 0o777 == 0o700
    assert (store.read("one"), store.read("two")) == (b"1", b"2")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_what_another_user_keeps_in_a_store_is_not_used(tmp_path):
    store = files.Store(tmp_path / "clips")
    store.write("one", b"1")
    os.chown(tmp_path / "clips" / "on" / "one", 65534, -1)
    store.write("two", b"2")
    assert (store.read("one"), store.read("two")) == (None, b"2")
    os.chown(tmp_path / "clips", 65534, -1)
    store.write("three", b"3")
    assert (store.read("two"), store.read("three")) == (None, None)
    kept = [path.name for path in (tmp_path / "clips").rglob("*") if path.is_file()]
    assert sorted(kept) == ["one", "two"]
