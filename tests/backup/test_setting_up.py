"""Setting a target up: tried from where it is written to, by itself, and with nothing left of a failure."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.runner import CommandFailed, Completed
from appliance.services.database.service import SERVICE as DATABASE
from appliance.supervise import Supervisor
from appliance.supervise.supervisord import Supervisord
from appliance.supervise.systemd import Systemd
from backup import pgbackrest, setup
from backup.rclone import KEY_RINGS
from backup.settings import BackupRefused, Settings, Target
from backup.targets import folder as folders
from tests.appliance.units import stand_in
from tests.backup.conftest import Kept
from tests.backup.operating import unplugged


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="korobka-place-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("path", ["/tmp/backup", "/var/tmp/backup", "/home/anna/backup"])
def test_a_folder_that_the_database_does_not_see_is_refused_at_once(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    supervisor = Systemd(kept.node)
    monkeypatch.setattr(folders, "supervisor_for", lambda _: supervisor)
    with pytest.raises(BackupRefused, match="The database does not see"):
        folders.refuse_own_places(kept.node, Target(9, "hidden", "folder", path))
    folders.refuse_own_places(kept.node, Target(9, "seen", "folder", "/mnt/backup"))


def test_what_the_units_hide_is_what_is_told(kept: Kept) -> None:
    from appliance.supervise import systemd

    unit = systemd._unit(kept.node, DATABASE)
    hidden = set(map(str, Systemd(kept.node).hidden_from(DATABASE)))
    for line, places in (
        ("ProtectHome=yes", {"/home", "/root", "/run/user"}),
        ("PrivateTmp=yes", {"/tmp", "/var/tmp"}),
        ("PrivateDevices=yes", {"/dev"}),
    ):
        assert (line in unit.splitlines()) == (places <= hidden)
    # A box below /tmp would hide itself.
    told: Supervisor = Supervisord(kept.node)
    assert told.hidden_from(DATABASE) == ()


def test_a_second_target_is_set_up_while_the_first_is_away(kept: Kept, place: Path) -> None:
    second = Target(kept.free_number, "second", "folder", str(place))
    with unplugged(kept):
        setup.add_target(kept.node, kept.settings, second, lambda _: None)
        assert pgbackrest.stored(kept.node, second) == ()
    setup.remove_target(kept.node, kept.settings, "second", lambda _: None)


def test_nothing_stays_of_a_target_that_the_log_does_not_reach(
    kept: Kept, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.settings
    config = pgbackrest.config_file(kept.node).read_text(encoding="utf-8")
    second = Target(kept.free_number, "second", "folder", str(place))

    def check(*_: Any) -> None:
        raise CommandFailed(Completed(("pgbackrest", "check"), 82, "", "ERROR: [082]: it was not archived"))

    monkeypatch.setattr(pgbackrest, "check", check)
    with pytest.raises(BackupRefused, match=r"does not arrive at second .*it was not archived"):
        setup.add_target(kept.node, before, second, lambda _: None)
    assert kept.settings == before
    assert pgbackrest.config_file(kept.node).read_text(encoding="utf-8") == config
    assert not list((place / "korobka").rglob("*"))
    # What lay there already is nobody's to remove.
    (place / "korobka/somebody-elses").touch()
    with pytest.raises(BackupRefused, match="does not arrive"):
        setup.add_target(kept.node, before, second, lambda _: None)
    assert (place / "korobka/somebody-elses").exists()
    monkeypatch.undo()
    for name in KEY_RINGS:
        (place / "korobka" / name).unlink()
    assert isinstance(kept.settings, Settings)


def test_only_a_database_whose_own_unit_changes_is_restarted(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, tmp_path)
    told: list[tuple[str, str]] = []
    for verb in ("restart", "reload"):
        monkeypatch.setattr(Systemd, verb, lambda _, name, verb=verb: told.append((verb, name)))
    supervisor = Systemd(kept.node)
    supervisor.apply()
    for stale, verb in (("cache", "reload"), ("database", "restart")):
        (tmp_path / f"korobka-{stale}.service").write_text("[Unit]\n")
        setup.put_into_force(kept.node, supervisor, lambda _: None)
        assert told.pop() == (verb, "database")
        assert supervisor.is_applied()
