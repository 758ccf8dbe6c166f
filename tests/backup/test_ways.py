"""Folders for backups, and configurations that come out of them, lead root nowhere."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from appliance import users
from appliance.paths import Paths
from backup import configuration
from backup.settings import BackupRefused, Target
from backup.targets import folder
from tests import require


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    require.root("Only root can be led astray")
    users.create()
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o755)
    return folder


def target_at(folder: Path) -> Target:
    return Target(1, "disk", "folder", str(folder))


def test_a_folder_of_roots_is_prepared(disk: Path) -> None:
    folder.prepare(target_at(disk))
    assert (disk / "korobka").owner() == users.DATABASE


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_in_a_folder_that_others_may_write_root_prepares_nothing(disk: Path, mode: int) -> None:
    os.chown(disk, 0, users.group_id(users.CACHE))
    disk.chmod(mode)
    with pytest.raises(BackupRefused, match=r"may be written by others.* create it yourself and give it to"):
        folder.prepare(target_at(disk))
    assert not (disk / "korobka").exists()
    # Which is what can be done.
    (disk / "korobka").mkdir()
    os.chown(disk / "korobka", users.account(users.DATABASE).uid, 0)
    folder.prepare(target_at(disk))


def test_a_link_in_its_place_is_refused(disk: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    (disk / "korobka").symlink_to(victim)
    with pytest.raises(BackupRefused, match="is a link"):
        folder.prepare(target_at(disk))
    assert (victim.owner(), victim.stat().st_mode & 0o777) == ("root", 0o700)


def test_no_link_comes_out_of_a_configuration(tmp_path: Path) -> None:
    """A key of SFTP is given to the engines' user: a link in its place would give another file to it."""
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, kind in (("backup", tarfile.DIRTYPE), ("backup/sftp-1.key", tarfile.SYMTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.linkname = kind, 0o755, "../secrets.toml"
            tar.addfile(entry)
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "secrets.toml"
        text = tarfile.TarInfo("secrets.toml")
        text.size = 1
        tar.addfile(text, io.BytesIO(b"x"))
        tar.addfile(hard)
    packed.seek(0)
    configuration.put(configuration.read(packed), paths)
    assert sorted(str(path.relative_to(paths.etc)) for path in paths.etc.rglob("*")) == [
        "secrets.toml",
    ]
