"""Files are whole or absent, folders have the right owner and mode; what is right is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance import folders, users
from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    assert write_atomically(path, "one", mode=0o400)
    before = path.stat()
    assert not write_atomically(path, "one", mode=0o400)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mode & 0o777 == 0o400


def test_a_wrong_mode_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("one")
    path.chmod(0o666)
    assert write_atomically(path, "one", mode=0o400)
    assert path.stat().st_mode & 0o777 == 0o400


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.conf"
    write_atomically(path, "one", mode=0o400)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "two", mode=0o400)
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_keeps_its_group_for_what_is_made_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert ensure_folder(folder, mode=0o2750)
    assert folder.stat().st_mode & 0o7777 == 0o2750
    assert not ensure_folder(folder, mode=0o2750)
    folder.chmod(0o777)
    assert ensure_folder(folder, mode=0o2750)
    assert folder.stat().st_mode & 0o7777 == 0o2750


def test_services_can_walk_to_their_folders_whoever_makes_them(tmp_path: Path) -> None:
    """The agent has this umask, and prepares a second box beside the box."""
    users.create()
    before = os.umask(0o027)
    try:
        folders.prepare(Paths(tmp_path))
    finally:
        os.umask(before)
    ways = (tmp_path / "var", tmp_path / "var/lib", tmp_path / "etc", tmp_path / "run")
    assert {way.stat().st_mode & 0o777 for way in ways} == {0o755}
