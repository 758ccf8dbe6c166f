"""Nobody leads root astray: no link, no folder that others may write, no change at the last moment."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from appliance import as_owner, files, folders, users
from appliance.files import UnsafeWay
from appliance.paths import Paths
from appliance.runner import CommandFailed
from appliance.supervise import launch
from tests import require
from tests.appliance.boxes import open_to_everybody


@pytest.fixture(autouse=True)
def _as_root() -> None:
    require.root("Only root can be led astray")


def _write(path: Path) -> None:
    with files.new_file(path) as file:
        file.write(b"ours")


MAKERS: dict[str, Callable[[Path], object]] = {
    "ensure_folder": lambda path: files.ensure_folder(path, mode=0o700, owner=users.account(users.DATABASE)),
    "write_atomically": lambda path: files.write_atomically(path, "ours", mode=0o644),
    "open_file": lambda path: os.close(files.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)),
    "new_file": _write,
    "give": lambda path: files.give(path, mode=0o666, owner=users.account(users.DATABASE)),
    "hand_over": lambda path: files.hand_over(path, users.account(users.DATABASE)),
}
REPLACING = {"write_atomically", "new_file"}
"""They put a file in the place of a link, and touch nothing where it leads."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of root's own, which everybody can walk to."""
    users.create()
    open_to_everybody(tmp_path)
    return tmp_path


@pytest.fixture
def theirs_folder(place: Path) -> Path:
    folder = place / "service"
    files.ensure_folder(folder, mode=0o2750, owner=users.account(users.CACHE))
    return folder


@pytest.fixture
def victim(place: Path) -> Iterator[Path]:
    """What is root's alone: a folder with a file."""
    folder = place / "victim"
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("of root")
    (folder / "file").chmod(0o600)
    before = _look(folder)
    yield folder
    assert _look(folder) == before


def _look(folder: Path) -> list[object]:
    found: list[object] = []
    for path in (folder, *sorted(folder.rglob("*"))):
        known = path.lstat()
        text = path.read_bytes() if path.is_file() else b""
        found.append((path.name, known.st_uid, known.st_gid, known.st_mode, known.st_ino, text))
    return found


def as_service(*words: str | Path) -> None:
    me = users.account(users.CACHE)
    become = ["setpriv", f"--reuid={me.uid}", f"--regid={me.gid}", "--clear-groups", "--"]
    subprocess.run([*become, *words], check=True)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("to", ["victim", "victim/file", "nowhere"])
def test_in_a_services_folder_root_makes_nothing(
    theirs_folder: Path, victim: Path, place: Path, make: Callable[[Path], object], to: str
) -> None:
    as_service("ln", "-s", place / to, theirs_folder / "name")
    with pytest.raises(UnsafeWay, match="belongs to another user"):
        make(theirs_folder / "name")
    with pytest.raises(UnsafeWay, match="belongs to another user"):
        make(theirs_folder / "new")
    assert not (place / "nowhere").exists()
    assert [path.name for path in theirs_folder.iterdir()] == ["name"]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_nor_behind_a_link_of_theirs(
    theirs_folder: Path, victim: Path, make: Callable[[Path], object]
) -> None:
    as_service("ln", "-s", victim, theirs_folder / "way")
    with pytest.raises(UnsafeWay):
        make(theirs_folder / "way/file")


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("to", ["victim", "victim/file"])
def test_a_link_at_the_end_is_not_followed_whoever_has_put_it_there(
    place: Path, victim: Path, name: str, to: str
) -> None:
    link = place / "link"
    link.symlink_to(place / to)
    if name not in REPLACING:
        with pytest.raises(UnsafeWay, match="is a link"):
            MAKERS[name](link)
        return
    MAKERS[name](link)
    assert (link.is_symlink(), link.read_text()) == (False, "ours")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("mode", [0o777, 0o757, 0o775])
def test_a_folder_that_others_may_write_is_no_parent(
    place: Path, make: Callable[[Path], object], mode: int
) -> None:
    folder = place / "open"
    folder.mkdir()
    os.chown(folder, 0, users.account(users.CACHE).gid)
    folder.chmod(mode)
    with pytest.raises(UnsafeWay, match="chmod go-w"):
        make(folder / "name")
    (folder / "inner").mkdir(mode=0o755)
    with pytest.raises(UnsafeWay, match="chmod go-w"):
        make(folder / "inner/name")


def test_a_link_of_roots_on_the_way_is_a_way(place: Path) -> None:
    (place / "disk").mkdir()
    (place / "data").symlink_to("disk")
    assert files.ensure_folder(place / "data/database", mode=0o700, owner=users.account(users.DATABASE))
    assert (place / "disk/database").stat().st_uid == users.account(users.DATABASE).uid
    (place / "round").symlink_to("round")
    with pytest.raises(OSError, match="Too many links"):
        files.ensure_folder(place / "round/a", mode=0o700)


@pytest.fixture
def sticky(place: Path) -> Path:
    folder = place / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_in_a_folder_like_tmp_what_is_ours_stays_so(sticky: Path) -> None:
    files.ensure_folder(sticky / "box", mode=0o755)
    assert files.ensure_folder(sticky / "box/a", mode=0o700, owner=users.account(users.DATABASE))
    assert files.write_atomically(sticky / "box/b", "b", mode=0o644)


def test_and_what_is_somebody_elses_does_not_become_ours(sticky: Path, victim: Path) -> None:
    as_service("mkdir", sticky / "box")
    as_service("ln", "-s", victim, sticky / "link")
    with pytest.raises(UnsafeWay, match="by another user"):
        files.ensure_folder(sticky / "box", mode=0o700, owner=users.account(users.DATABASE))
    for name in ("box", "link"):
        with pytest.raises(UnsafeWay):
            files.ensure_folder(sticky / name / "a", mode=0o700)


def test_a_change_at_the_last_moment_changes_nothing(place: Path, theirs_folder: Path, victim: Path) -> None:
    """A service exchanges a folder for a link, again and again, while root repairs it."""
    exchange = (
        "import ctypes, sys\n"
        "libc, at, flag = ctypes.CDLL(None), -100, 2\n"
        "while True: libc.renameat2(at, sys.argv[1].encode(), at, sys.argv[2].encode(), flag)\n"
    )
    as_service("mkdir", theirs_folder / "name")
    as_service("ln", "-s", victim, theirs_folder / "link")
    me = users.account(users.CACHE)
    become = [
        "setpriv",
        f"--reuid={me.uid}",
        f"--regid={me.gid}",
        "--clear-groups",
        "--",
        sys.executable,
        "-c",
    ]
    with subprocess.Popen([*become, exchange, theirs_folder / "name", theirs_folder / "link"]) as racer:
        try:
            for _ in range(300):
                for make in MAKERS.values():
                    with contextlib.suppress(UnsafeWay, FileNotFoundError):
                        make(theirs_folder / "name/file")
                with (
                    contextlib.suppress(UnsafeWay, FileNotFoundError),
                    _reading(theirs_folder / "name/file") as file,
                ):
                    assert file.read() != b"of root"
        finally:
            racer.kill()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    with as_owner.reading(path, within=path.parents[1]) as file:
        yield file


@pytest.mark.parametrize("name", ["link", "way/file", "pipe", "../victim/file", "/etc/shadow", "hard"])
def test_what_is_read_of_a_service_is_its_own(theirs_folder: Path, victim: Path, name: str) -> None:
    as_service("ln", "-s", victim / "file", theirs_folder / "link")
    as_service("ln", "-s", victim, theirs_folder / "way")
    as_service("mkfifo", theirs_folder / "pipe")
    if name == "hard":
        (theirs_folder / "hard").hardlink_to(victim / "file")
    with pytest.raises(UnsafeWay), _reading_of(theirs_folder, name):
        pass
    (theirs_folder / "hard").unlink(missing_ok=True)


@contextlib.contextmanager
def _reading_of(folder: Path, name: str) -> Iterator[None]:
    with as_owner.reading(folder / name, within=folder):
        yield


def test_what_is_done_in_its_folder_is_done_with_its_rights(theirs_folder: Path, victim: Path) -> None:
    me = users.account(users.CACHE)
    as_owner.make_folder(theirs_folder / "a", me)
    as_owner.rename(theirs_folder / "a", theirs_folder / "b", me)
    found = (theirs_folder / "b").stat()
    assert (found.st_uid, found.st_mode & 0o777) == (me.uid, 0o700)
    as_service("ln", "-s", victim, theirs_folder / "link")
    acts: list[Callable[[], None]] = [
        lambda: as_owner.make_folder(theirs_folder / "link", me),
        lambda: as_owner.make_folder(theirs_folder / "link/a", me),
        lambda: as_owner.rename(theirs_folder / "b", theirs_folder / "link/b", me),
        lambda: as_owner.rename(victim / "file", theirs_folder / "file", me),
        lambda: as_owner.remove(theirs_folder / "link/file", me),
    ]
    for act in acts:
        with pytest.raises(CommandFailed, match="ermission"):
            act()
    as_owner.remove(theirs_folder / "link", me)
    as_owner.remove(theirs_folder / "b", me)
    assert [*theirs_folder.iterdir()] == []


def test_a_disk_of_another_machine_is_handed_over_without_what_it_links_to(place: Path, victim: Path) -> None:
    disk, owner = place / "disk", users.account(users.DATABASE)
    (disk / "a/b").mkdir(parents=True)
    (disk / "a/b/file").write_text("x")
    (disk / "a/latest").symlink_to(victim)
    (disk / "a/shadow").symlink_to(victim / "file")
    (disk / "a/hard").hardlink_to(victim / "file")
    files.hand_over(disk, owner)
    for path in (disk, disk / "a", disk / "a/b", disk / "a/b/file"):
        assert path.stat().st_uid == owner.uid
    assert (disk / "a/hard").stat().st_uid == 0
    (disk / "a/hard").unlink()


def test_every_folder_of_a_service_lies_in_one_of_roots(place: Path) -> None:
    """From the list of folders: a new one is looked at by itself."""
    paths = Paths(place / "box")
    folders.prepare(paths)
    for folder in folders.all_folders(paths):
        known = folder.path.parent.stat()
        assert (known.st_uid, known.st_mode & 0o022) == (0, 0), folder.path


@pytest.mark.parametrize("to", ["victim", "victim/file"])
def test_a_link_in_the_place_of_any_folder_is_refused(place: Path, victim: Path, to: str) -> None:
    paths = Paths(place / "box")
    folders.prepare(paths)
    leaves = [
        folder.path
        for folder in folders.all_folders(paths)
        if not any(
            other.path.is_relative_to(folder.path) for other in folders.all_folders(paths) if other != folder
        )
    ]
    assert len(leaves) > 10
    for path in leaves:
        path.rmdir()
        path.symlink_to(place / to)
        with pytest.raises(UnsafeWay, match="is a link"):
            folders.prepare(paths)
        path.unlink()
    folders.prepare(paths)


def test_a_stale_number_is_removed_with_the_services_rights(theirs_folder: Path, victim: Path) -> None:
    """Its file is in a folder of the database's: a link there would have root remove another one."""
    number = victim / "postmaster.pid"
    number.write_text("1\n")
    victim.chmod(0o755)
    as_service("ln", "-s", victim, theirs_folder / "17")
    me = users.account(users.CACHE)
    subprocess.run(
        [
            sys.executable, "-I", "-S", launch.__file__, "--stamp", victim.parent / "stamp",
            "--user", f"{me.uid}:{me.gid}", "--pid-file", theirs_folder / "17/postmaster.pid", "--", "true",
        ],
        check=True,
    )  # fmt: skip
    assert number.exists()
    number.unlink()
    victim.chmod(0o700)


def test_threads_do_not_share_a_way(place: Path) -> None:
    def write(number: int) -> None:
        for _ in range(50):
            files.write_atomically(place / f"file-{number}", os.urandom(9), mode=0o600)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in place.iterdir()) == [f"file-{number}" for number in range(4)]
