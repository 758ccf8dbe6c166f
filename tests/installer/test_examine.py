"""An archive that root has put on the machine, looked at for the console, and begun as it was shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.agent import operations, upgrades
from appliance.agent.answers import UpgradeState
from appliance.agent.journal import Journal, Unknown
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import BeginUpgrade, ExamineRelease, ReadUpgrades
from appliance.agent.upgrades import EXAMINE, UPGRADE, UpgradeRefused
from appliance.paths import Paths
from installer import examine, release
from installer.facts import Facts
from installer.release import Source

from .releases import ARCHIVE, ONE, TWO, made, offer

OLGA = Asker("olga@example.com", "console", uid=1000, pid=1)


@pytest.fixture
def offered(paths: Paths, running: Source, tmp_path: Path) -> Path:
    return offer(paths, tmp_path)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Journal]:
    """What the agent has begun: its journals are written, and its programs are run by the test."""
    journals: list[Journal] = []

    def note(_: Paths, journal: Journal) -> bool:
        journals.append(journal)
        return True

    monkeypatch.setattr(operations, "_start", note)
    return journals


def read(paths: Paths) -> UpgradeState:
    return upgrades.read_upgrades(paths, ReadUpgrades(), OLGA, lambda _: None)


def look_at(paths: Paths, begun: list[Journal], monkeypatch: pytest.MonkeyPatch) -> Journal:
    upgrades.examine(paths, ExamineRelease(ARCHIVE), OLGA, lambda _: None)
    journal = begun[-1]
    monkeypatch.setenv(operations.JOURNAL_VARIABLE, str(journal.path))
    monkeypatch.setenv("KOROBKA_PREFIX", str(paths.prefix))
    if journal.kind == EXAMINE:
        try:
            examine.main()
        except SystemExit as ended:
            assert ended.code == 1
    return journal


def test_what_is_found_is_what_is_begun(
    paths: Paths,
    offered: Path,
    begun: list[Journal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = read(paths)
    assert [(one.archive, one.is_signed) for one in before.offered] == [(ARCHIVE, True)]
    assert (before.release, before.plan) == ("old", None)

    examination = look_at(paths, begun, monkeypatch)
    plan = read(paths).plan
    assert plan is not None
    assert (plan.archive, plan.new_migrations, plan.has_backup) == (ARCHIVE, 1, False)
    assert plan.release.startswith("2+")
    assert plan.examination == examination.id

    upgrades.begin(paths, BeginUpgrade(plan.examination), OLGA, lambda _: None)
    upgrade = begun[-1]
    assert upgrade.kind == UPGRADE
    assert Source(Path(upgrade.arguments["tree"])).name == plan.release
    # While it is under way, and afterwards, nothing is offered that was seen before.
    assert read(paths).plan is None


def test_an_archive_of_somebody_else_is_found_out(
    paths: Paths,
    offered: Path,
    begun: list[Journal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with offered.open("ab") as file:
        file.write(b"more")
    examination = look_at(paths, begun, monkeypatch)
    assert examination.state().state == "failed"
    assert "not what was signed" in examination.state().progress.text
    assert read(paths).plan is None
    with pytest.raises(UpgradeRefused, match="look at the archive again"):
        upgrades.begin(paths, BeginUpgrade(examination.id), OLGA, lambda _: None)
    assert list(paths.releases.glob(".unpacked-*")) == []


def test_a_release_that_cannot_be_moved_over_to_leaves_nothing_behind(
    paths: Paths,
    offered: Path,
    begun: list[Journal],
    monkeypatch: pytest.MonkeyPatch,
    good_machine: Facts,
) -> None:
    # The running release is as new as that.
    release.switch(paths, made(paths.releases / "now", "2", ONE, TWO, before=(ONE,)).tree)
    examination = look_at(paths, begun, monkeypatch)
    assert "nothing to do" in examination.state().progress.text
    assert list(paths.releases.glob(".unpacked-*")) == []


@pytest.mark.parametrize(
    "name", ["../../etc/shadow", "/etc/shadow", "link.tar.gz", "other.tar.gz", "korobka-2", ""]
)
def test_only_what_lies_in_the_folder_is_looked_at(
    paths: Paths,
    offered: Path,
    begun: list[Journal],
    name: str,
) -> None:
    (paths.offered / "link.tar.gz").symlink_to(offered)
    os.mkfifo(paths.offered / "pipe.tar.gz")
    with pytest.raises(UpgradeRefused, match="There is no"):
        upgrades.examine(paths, ExamineRelease(name), OLGA, lambda _: None)
    assert begun == []
    assert [one.archive for one in read(paths).offered] == [ARCHIVE]


def test_what_was_taken_away_is_looked_at_again(
    paths: Paths,
    offered: Path,
    begun: list[Journal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = look_at(paths, begun, monkeypatch)
    second = look_at(paths, begun, monkeypatch)
    with pytest.raises(UpgradeRefused, match="look at the archive again"):
        upgrades.begin(paths, BeginUpgrade(first.id), OLGA, lambda _: None)
    plan = read(paths).plan
    assert plan is not None
    assert plan.examination == second.id


def test_another_operation_is_no_examination(paths: Paths, offered: Path, begun: list[Journal]) -> None:
    other = Journal.begin(paths.operations, "backup", {}, by="root")
    with pytest.raises(UpgradeRefused):
        upgrades.begin(paths, BeginUpgrade(other.id), OLGA, lambda _: None)
    with pytest.raises(Unknown):
        upgrades.begin(paths, BeginUpgrade("none"), OLGA, lambda _: None)
