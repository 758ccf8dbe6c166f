"""What is refused before an upgrade begins, and which way one goes that was killed."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.agent import operations
from appliance.agent.answers import ClusterProblem, ClusterState
from appliance.agent.journal import Journal
from appliance.agent.upgrades import CHANGING, UPGRADE
from appliance.cluster import offers
from appliance.cluster.topology import TopologyRefused
from appliance.paths import Paths
from appliance.runner import CommandFailed, Completed
from installer import cluster_upgrade, facts, install, release, signing, upgrade, upgrade_plan
from installer.facts import Facts
from installer.release import BadArchive, Source
from installer.steps.base import DUE
from installer.upgrade import GOING_BACK, PROVEN, Upgrade, UpgradeFailed
from installer.upgrade_plan import UpgradeRefused

from .conftest import NOW
from .releases import ONE, THREE, TWO, made


def test_a_plan_says_what_will_change(paths: Paths, running: Source, tmp_path: Path) -> None:
    plan = upgrade_plan.decide(paths, made(tmp_path / "new", "2", ONE, TWO, before=(ONE,)))
    assert f"From {running.name} to 2+" in str(plan)
    assert "1 change of the tables" in str(plan)
    assert "NO BACKUP" in str(plan)


def test_the_running_release_is_no_upgrade(paths: Paths, running: Source, tmp_path: Path) -> None:
    same = made(tmp_path / "same", "1", ONE)
    release.switch(paths, made(paths.releases / same.name, "1", ONE).tree)
    with pytest.raises(UpgradeRefused, match="nothing to do"):
        upgrade_plan.decide(paths, same, in_cluster=True)
    # It is for the others then.
    plan = upgrade_plan.decide(paths, same, in_cluster=True, others_differ=True)
    assert plan.running.name == plan.wanted.name and plan.new_migrations == 0


@pytest.mark.parametrize(("kind", "differ"), [("versions", True), ("away", False)])
def test_whether_others_run_another_release_is_what_the_cluster_says(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, kind: Any, differ: bool
) -> None:
    found = ClusterState(NOW, problems=(ClusterProblem(kind),))
    monkeypatch.setattr(cluster_upgrade, "overview", lambda *_, **__: found)
    assert cluster_upgrade._others_differ(paths) is differ


def test_an_older_release_is_no_upgrade(paths: Paths, tmp_path: Path) -> None:
    release.switch(paths, made(paths.releases / "now", "2", ONE, TWO, before=(ONE,)).tree)
    with pytest.raises(UpgradeRefused, match="newer release"):
        upgrade_plan.decide(paths, made(tmp_path / "old", "1", ONE))


def test_a_release_that_leaves_no_way_back_is_refused(paths: Paths, running: Source, tmp_path: Path) -> None:
    with pytest.raises(UpgradeRefused, match="releases between"):
        upgrade_plan.decide(paths, made(tmp_path / "far", "3", ONE, TWO, THREE, before=(ONE, TWO)))


def test_what_the_preflight_finds_stops_it(
    paths: Paths, running: Source, tmp_path: Path, good_machine: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dataclasses.replace(good_machine, memory=1 << 20)
    monkeypatch.setattr(facts, "gather", lambda *_: small)
    with pytest.raises(UpgradeRefused, match="of memory"):
        upgrade_plan.decide(paths, made(tmp_path / "new", "2", ONE))


def test_what_is_unpacked_is_what_was_signed_whoever_exchanges_it_in_between(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive lies where somebody else may write, as in the home of whoever has fetched it."""
    good = packed(made(tmp_path / "korobka-2", "2", ONE), tmp_path / "good")
    other = packed(made(tmp_path / "korobka-3", "3", ONE), tmp_path / "other")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signing.sign(good, key)
    (paths.etc / signing.SIGNERS).write_text(signing.lines_of([key.with_name("key.pub")]))
    verify = signing.verify

    def exchanged(*given: Any, **named: Any) -> None:
        verify(*given, **named)
        other.replace(good)

    monkeypatch.setattr(signing, "verify", exchanged)
    assert upgrade_plan.take_in(paths, good).version == "2"
    with pytest.raises(signing.NotSigned, match=str(good)):
        upgrade_plan.take_in(paths, good)
    assert [*paths.releases.glob(f"{upgrade_plan.UNPACKED}*/*.tar.gz")] == []


def test_an_archive_is_bounded_before_it_is_looked_at(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "MOST_PACKED", 1000)
    for size, said in ((1001, "larger than any"), (1000, "cannot be unpacked")):
        (tmp_path / "a.tar.gz").write_bytes(b"a" * size)
        with pytest.raises(BadArchive, match=said):
            upgrade_plan.take_in(paths, tmp_path / "a.tar.gz", is_unsigned=True)
    with pytest.raises(BadArchive, match="cannot be read"):
        upgrade_plan.take_in(paths, tmp_path / "none.tar.gz", is_unsigned=True)


def packed(source: Source, folder: Path) -> Path:
    folder.mkdir()
    archive = folder / "korobka.tar.gz"
    release.write_archive(source.tree, archive, NOW)
    return archive


def test_what_was_unpacked_for_nothing_goes_and_what_is_in_use_stays(paths: Paths) -> None:
    for name in ("one", "two"):
        (paths.releases / f"{upgrade_plan.UNPACKED}{name}/korobka").mkdir(parents=True)
    used = paths.releases / f"{upgrade_plan.UNPACKED}two"
    Journal.begin(paths.operations, UPGRADE, {"tree": str(used / "korobka")}, by="root")
    upgrade_plan.sweep(paths)
    assert [folder.name for folder in paths.releases.iterdir()] == [used.name]


# --- performing, with the stages themselves left out: tests/system/test_upgrade.py has the real ones


class Stages:
    """Says which stage of which release was run, and fails in one of them."""

    def __init__(self, begun: Upgrade, *, fails_at: tuple[str, ...] = ()) -> None:
        self.run: list[tuple[str, str]] = []
        self.paths, self.fails_at = begun.paths, fails_at
        begun._run = self  # type: ignore[method-assign]

    def __call__(self, python: str | Path, tree: Path, *words: str) -> None:
        stage = words[0]
        assert ("--back" in words) == (tree.name == "old")
        self.run.append((tree.name, stage))
        if f"{tree.name} {stage}" in self.fails_at:
            raise CommandFailed(Completed(("install",), 1, "it broke", ""))
        if stage == "--build":
            (self.paths.releases / Source(tree).name).mkdir()
        else:
            release.switch(self.paths, tree)
            (self.paths.etc / DUE).unlink(missing_ok=True)
            for folder in release.superfluous(self.paths):
                shutil.rmtree(folder)


@pytest.fixture
def begun(paths: Paths, running: Source) -> Upgrade:
    unpacked = paths.releases / f"{upgrade_plan.UNPACKED}x/new"
    made(unpacked, "2", ONE, TWO, before=(ONE,))
    asked = {"tree": str(unpacked), "with_backup": False}
    return Upgrade(paths, Journal.begin(paths.operations, UPGRADE, asked, by="root"))


def test_forward_is_built_and_moved_over_to(begun: Upgrade, running: Source) -> None:
    new = begun.source.name
    stages = Stages(begun)
    begun.perform()
    assert stages.run == [("new", "--build"), (new, "--staged")]
    assert begun.paths.current.resolve().name == new
    assert release.previous_link(begun.paths).resolve() == running.tree
    assert begun.journal.state().state == "done"
    assert list(begun.paths.releases.glob(f"{upgrade_plan.UNPACKED}*")) == []


def test_what_cannot_be_built_touches_nothing(begun: Upgrade, running: Source) -> None:
    stages = Stages(begun, fails_at=("new --build",))
    with pytest.raises(UpgradeFailed, match="runs old, as before"):
        begun.perform()
    assert stages.run == [("new", "--build")]
    assert begun.paths.current.resolve() == running.tree


def test_what_fails_while_moving_over_goes_back(begun: Upgrade, running: Source) -> None:
    new = begun.source.name
    stages = Stages(begun, fails_at=(f"{new} --staged",))
    with pytest.raises(UpgradeFailed, match=r"it broke[\s\S]*runs old, as before"):
        begun.perform()
    assert stages.run[-1] == ("old", "--staged")
    assert begun.paths.current.resolve() == running.tree
    # Whose tables these are is still to be read there.
    assert release.previous_link(begun.paths).resolve().name == new


def test_an_operation_that_came_between_is_no_reason_to_stay_half_way(
    begun: Upgrade, running: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup has begun since it was looked whether one runs."""
    asked = {"tree": str(begun.source.tree), "with_backup": True}
    again = Upgrade(begun.paths, Journal.begin(begun.paths.operations, UPGRADE, asked, by="root"))
    monkeypatch.setattr(operations, "begin", _is_busy)
    stages = Stages(again)
    with pytest.raises(UpgradeFailed, match=r"at work[\s\S]*runs old, as before"):
        again.perform()
    assert stages.run == [("new", "--build")]
    assert not again.source.tree.exists()


def _is_busy(*_given: Any, **_named: Any) -> None:
    raise operations.AlreadyRunning("a backup is at work")


@pytest.mark.parametrize("kind", ["backup", "verify", "drill"])
def test_beside_a_backup_none_is_begun(paths: Paths, running: Source, tmp_path: Path, kind: str) -> None:
    new = made(tmp_path / "new", "2", ONE, TWO, before=(ONE,))
    journal = Journal.begin(paths.operations, kind, {}, by="timer")
    with pytest.raises(UpgradeRefused, match=f"'{kind}' is running"):
        upgrade_plan.decide(paths, new)
    journal.end("done", "")
    assert upgrade_plan.decide(paths, new).wanted == new


def test_killed_before_anything_was_changed_only_what_was_unpacked_goes(
    begun: Upgrade, running: Source
) -> None:
    stages = Stages(begun)
    with pytest.raises(UpgradeFailed, match="interrupted"):
        begun.take_back("It was interrupted.")
    assert stages.run == []
    assert begun.paths.current.resolve() == running.tree


def test_killed_while_moving_over_it_goes_back(begun: Upgrade, running: Source) -> None:
    new = begun.paths.releases / begun.source.name
    new.mkdir()
    begun.journal.append(CHANGING, old=str(running.tree), new=str(new))
    release.switch(begun.paths, new)
    again = Upgrade(begun.paths, begun.journal)
    stages = Stages(again)
    with pytest.raises(UpgradeFailed):
        again.take_back("It was interrupted.")
    assert stages.run == [("old", "--staged")]
    assert again.paths.current.resolve() == running.tree


def test_killed_after_all_was_proven_it_stays(begun: Upgrade, running: Source) -> None:
    new = begun.paths.releases / begun.source.name
    new.mkdir()
    begun.journal.append(CHANGING, old=str(running.tree), new=str(new))
    release.switch(begun.paths, new)
    begun.journal.append(PROVEN)
    again = Upgrade(begun.paths, begun.journal)
    stages = Stages(again)
    again.take_back("It was interrupted.")
    assert stages.run == []
    assert again.paths.current.resolve() == new
    assert again.journal.state().state == "done"


def test_killed_while_tidying_up_it_ends_as_well(begun: Upgrade, running: Source) -> None:
    new = begun.paths.releases / begun.source.name
    new.mkdir()
    begun.journal.append(CHANGING, old=str(running.tree), new=str(new))
    shutil.rmtree(begun.source.tree.parent)
    again = Upgrade(begun.paths, begun.journal)
    stages = Stages(again)
    with pytest.raises(UpgradeFailed, match="as before"):
        again.take_back("It was interrupted.")
    assert stages.run == [("old", "--staged")]


def test_a_node_goes_back_to_what_ran_before_and_once_is_enough(begun: Upgrade, running: Source) -> None:
    new = begun.paths.releases / begun.source.name
    new.mkdir()
    release.switch(begun.paths, new)
    (running.tree / "venv").mkdir()
    for stages_run in ([("old", "--staged")], []):
        journal = Journal.begin(
            begun.paths.operations, "upgrade", {"back_to": running.tree.name}, by="the cluster"
        )
        again = Upgrade(begun.paths, journal)
        stages = Stages(again)
        again.go_back(running.tree.name)
        assert stages.run == stages_run
        assert begun.paths.current.resolve() == running.tree
        assert journal.state().state == "done"
    assert release.previous_link(begun.paths).resolve() == new


def test_killed_on_its_way_back_a_node_goes_on(begun: Upgrade, running: Source) -> None:
    new = begun.paths.releases / begun.source.name
    new.mkdir()
    # The link is the first that the old release puts in its place, and the processes come later.
    begun.journal.append(GOING_BACK, new=str(new))
    again = Upgrade(begun.paths, begun.journal)
    stages = Stages(again)
    again.go_back(running.tree.name)
    assert stages.run == [("old", "--staged")]
    assert again.journal.state().state == "done"
    assert release.previous_link(begun.paths).resolve() == new


def test_a_node_fetches_what_it_is_offered_unless_it_runs_already(
    paths: Paths, running: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> None:
        raise TopologyRefused("It is asked for.")

    monkeypatch.setattr(offers, "fetch", fetch)

    def asked(name: str) -> Upgrade:
        offered = {"release": name, "before": "1", "sha256": "0" * 64, "from": "10.0.0.1"}
        return Upgrade(
            paths, Journal.begin(paths.operations, UPGRADE, {"offered": offered}, by="the cluster")
        )

    same = asked(running.tree.name)
    same.perform()
    assert same.journal.state().state == "done"
    with pytest.raises(UpgradeFailed, match="It is asked for"):
        asked("2+b").perform()


RUNNING: list[dict[str, Any]] = [{"offered": {"release": "old"}}, {"back_to": "old"}]
"""What a node is asked that has the link to that release already."""


@pytest.mark.parametrize("asked", RUNNING)
@pytest.mark.parametrize("is_killed", [False, True])
def test_services_that_have_not_followed_the_link_are_moved_over_wherever_it_is_killed(
    paths: Paths,
    running: Source,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    is_killed: bool,
) -> None:
    """An operation before it was given up there; killed itself, the agent has it roll back."""
    again = Upgrade(paths, Journal.begin(paths.operations, UPGRADE, asked, by="the cluster"))
    stages = Stages(again)
    monkeypatch.setattr(upgrade, "Upgrade", lambda *_: again)
    monkeypatch.setenv(operations.JOURNAL_VARIABLE, str(again.journal.path))
    monkeypatch.setattr("sys.argv", ["upgrade", *(["--roll-back"] if is_killed else [])])
    (running.tree / "venv").mkdir()
    (paths.etc / DUE).write_text("restart web\n")
    upgrade.main()
    assert stages.run == [("old", "--staged")]
    assert again.journal.state().state == "done"
    upgrade.main()
    assert stages.run == [("old", "--staged")]


def test_services_that_cannot_follow_the_link_are_no_upgrade_that_is_done(
    paths: Paths, running: Source
) -> None:
    again = Upgrade(paths, Journal.begin(paths.operations, UPGRADE, RUNNING[0], by="the cluster"))
    Stages(again, fails_at=("old --staged",))
    (paths.etc / DUE).write_text("restart web\n")
    with pytest.raises(UpgradeFailed, match=r"it broke\n`sudo .*releases/old/install\.sh` goes on"):
        again.perform()
    assert (paths.etc / DUE).exists()


def test_there_is_no_way_back_to_a_release_that_is_not_there(begun: Upgrade, running: Source) -> None:
    stages = Stages(begun)
    for gone in ("gone", "../gone", ""):
        with pytest.raises(UpgradeFailed, match="is not on this machine any more"):
            begun.go_back(gone)
    assert stages.run == []
    assert begun.paths.current.resolve() == running.tree


def test_two_do_not_install_at_once_and_going_back_waits(paths: Paths) -> None:
    with install.alone(paths), pytest.raises(install.Busy), install.alone(paths):
        pass
    let_go = threading.Event()

    def other() -> None:
        with install.alone(paths):
            has_it.set()
            let_go.wait(30)

    has_it = threading.Event()
    thread = threading.Thread(target=other)
    thread.start()
    assert has_it.wait(30)
    threading.Timer(0.5, let_go.set).start()
    with install.alone(paths, patience=30):
        assert let_go.is_set()
    thread.join()


def test_a_stranger_who_holds_the_machines_root_keeps_nobody_from_installing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(facts, "nearest_existing", lambda _: tmp_path)
    monkeypatch.setattr(install, "LOCK", tmp_path / "install.lock")
    machines = Paths(Path("/"))
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with install.alone(machines):
        assert install.LOCK.stat().st_mode & 0o777 == 0o600
        with pytest.raises(install.Busy), install.alone(machines):
            pass
    with install.alone(machines):
        pass
    os.close(held)


def test_what_cannot_go_back_names_who_can(begun: Upgrade) -> None:
    Stages(begun, fails_at=(f"{begun.source.name} --staged", "old --staged"))
    with pytest.raises(UpgradeFailed, match=r"releases/old/install\.sh"):
        begun.perform()
