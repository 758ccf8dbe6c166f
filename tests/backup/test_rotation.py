"""A holder leaves: a new key for what is made from now on; what there is runs out, and is read till then."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.node import Node
from appliance.paths import Paths
from backup import (
    blobs,
    disaster_recovery,
    packs,
    rotation,
    sets,
    settings,
    setup,
    state_file,
    status,
)  # fmt: skip
from backup.keys import KeyRefused, KeyRing, RecoveryKey
from backup.ledger import ledger_of
from backup.rclone import KEY_RINGS, Vault
from backup.settings import BackupRefused, Target
from tests.appliance.boxes import boxctl
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, hand_over, perform, restore, unplugged


def opens(key: RecoveryKey, ring: Path) -> bool:
    try:
        KeyRing.parse(ring.read_text()).open(key)
    except KeyRefused:
        return False
    return True


def raise_interrupt(*_given: object, **_named: object) -> None:
    raise KeyboardInterrupt


def test_where_a_target_is_away_nothing_is_changed(rotated: Kept) -> None:
    back_up(rotated)
    before, there = rotated.settings, {path.name for path in rotated.folder.iterdir()}
    with unplugged(rotated), pytest.raises(BackupRefused):
        rotation.rotate(rotated.node, before, "anna")
    assert rotated.settings == before
    assert {path.name for path in rotated.folder.iterdir()} == there
    hand_over(rotated)
    assert back_up(rotated).kind == "incr"


def test_from_a_new_key_on_all_is_made_anew_and_the_old_runs_out(rotated: Kept, empty_machine: Paths) -> None:
    rotated.add_blobs(2)
    made, there, paper, before = back_up(rotated, "full"), rotated.keys(), rotated.key, rotated.settings
    old_ring = rotated.repository / "keyring.json"
    _, key = rotation.rotate(rotated.node, before, "anna")
    setup.enforce(rotated.node, lambda _: None)
    old = rotated.settings.closed[-1]
    ring = rotated.repository / "keyring.json"
    assert ring != old_ring
    assert rotated.settings.master != before.master
    assert (opens(key, ring), opens(paper, ring)) == (True, False)

    # Nobody has the new one on paper yet: that is said, and what there is can be opened as before.
    (report,) = status.look(rotated.node, rotated.settings, datetime.now(UTC))
    assert any("No recovery key was ever confirmed" in line for line in report.problems)
    assert (opens(key, old_ring), opens(paper, old_ring)) == (True, True)
    settings.save(rotated.node.paths, settings.confirmed(rotated.settings, rotated.settings.holders[0].id))
    rotation.drop_old_keys(rotated.node, rotated.settings)
    assert (opens(key, old_ring), opens(paper, old_ring)) == (True, False)

    rotated.add_blobs(1)
    newer = back_up(rotated)
    assert newer.kind == "full"
    assert set(Vault(rotated.node, rotated.settings, rotated.target).sizes(rotated.keys())) == rotated.keys()
    assert "closed" in perform(rotated, "backup", kind="full", targets=[old.name]).progress.text
    assert perform(rotated, "verify", target=old.name, set=made.label, all=True).state == "done"
    told = state_file.state(rotated.node, rotated.settings)
    assert (old.name, True) in {(one.name, one.sets > 0) for one in told.closed}
    assert {one.target for one in told.sets} >= {"disk", old.name}
    assert old.name in boxctl(rotated.node, "backup", "list").stdout

    # One of the older ones is as good as ever.
    state = restore(rotated, target=old.name, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert rotated.keys() == there
    # The full backup that it asks for.
    newer = back_up(rotated, "full")

    # Onto an empty machine with the new key alone: it finds the newest of the repositories.
    said: list[str] = []
    # The one of before opens at most what another test has let run out: nothing is left in there.
    with pytest.raises((KeyRefused, BackupRefused)):
        disaster_recovery.begin(
            empty_machine,
            disaster_recovery.place(str(rotated.folder)),
            paper,
            moment=None,
            version="0.1.0",
            say=said.append,
        )

    def begin() -> None:
        place = disaster_recovery.place(str(rotated.folder))
        disaster_recovery.begin(
            empty_machine, place, key, moment=None, version="0.1.0", say=said.append, asked="it"
        )

    with pytest.MonkeyPatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(disaster_recovery, "_with_repositories", raise_interrupt)
        begin()
    assert disaster_recovery.is_begun(empty_machine) and not disaster_recovery.is_under_way(empty_machine)
    begin()
    assert disaster_recovery.is_under_way(empty_machine)
    assert newer.label in said[0]
    found = settings.load(empty_machine)
    assert (found.master, found.targets[0].repository) == (rotated.settings.master, rotated.target.repository)

    # Retention takes the older ones, and then the repository.
    plan = replace(rotated.settings, keep_last=1, keep_days=0, keep_weeks=0, keep_months=0)
    settings.save(rotated.node.paths, plan)
    state = perform(rotated, "backup", kind="full", targets=["disk"])
    assert rotated.settings.closed == (), state.progress.text
    assert {path.name for path in old_ring.parent.iterdir()} == set(KEY_RINGS)
    assert not (rotated.node.paths.backup / "pgbackrest-closed.conf").exists()
    assert perform(rotated, "verify", target="disk").state == "done"
    names = ("keep_last", "keep_days", "keep_weeks", "keep_months")
    plan = replace(rotated.settings, **{name: getattr(before, name) for name in names})
    settings.save(rotated.node.paths, plan)
    rotated.settle_down(key)


def test_moments_since_a_new_key_are_reached_also_before_there_is_a_set_of_it(
    rotated: Kept, empty_machine: Paths
) -> None:
    """Until then the repository of the older key gets log and files as well, and from then on no more."""
    made = back_up(rotated, "full")
    old_archive = rotated.repository / "database/archive"
    _, key = rotation.rotate(rotated.node, rotated.settings, "anna")
    setup.enforce(rotated.node, lambda _: None)
    rotated.settle_down(key)
    (first,) = rotated.add_blobs(1)
    copy_everywhere(rotated)
    # The older one was away for a moment.
    (elsewhere,) = rotated.add_blobs(1)
    copy_to(rotated, rotated.target)
    time.sleep(1.5)
    to = datetime.now(UTC)
    time.sleep(1.5)
    (after,) = rotated.add_blobs(1)
    copy_everywhere(rotated)
    hand_over(rotated)
    (report,) = status.look(rotated.node, rotated.settings, datetime.now(UTC))
    assert report.sets == 0
    assert report.restorable_until is not None
    assert report.restorable_until >= made.ended_at
    # The box could burn in this moment.
    said: list[str] = []
    disaster_recovery.begin(
        empty_machine, disaster_recovery.place(str(rotated.folder)), key, moment=None, version="0.1.0",
        say=said.append,
    )  # fmt: skip
    assert made.label in said[0]
    for lost in (first, elsewhere):
        rotated.lose(lost)
    state = restore(rotated, moment=to.isoformat())
    assert state.state == "done", state.progress.text
    assert {first, elsewhere, after} & rotated.keys() == {first, elsewhere}
    assert rotated.stored(first) == rotated.contents[first]
    assert rotated.stored(elsewhere) == rotated.contents[elsewhere]

    # The service has not copied it yet when the older one is closed.
    (last,) = rotated.add_blobs(1)
    newer = back_up(rotated)
    assert newer.kind == "full"
    old = rotated.settings.closed[-1]
    vault = Vault(rotated.node, rotated.settings, old)
    with packs.known(vault) as ledger:
        assert packs.sizes(vault, ledger, [last]) == {last: len(rotated.contents[last])}
    assert old.closed is not None
    assert (old.closed.is_written, old.closed.at > newer.ended_at) == (False, True)
    there = sorted(old_archive.rglob("*"))
    hand_over(rotated)
    assert sorted(old_archive.rglob("*")) == there
    # What was before is still there, by the name of the place.
    state = restore(rotated, moment=to.isoformat())
    assert state.state == "done", state.progress.text
    assert {first, after} & rotated.keys() == {first}

    # An empty machine that takes a moment of before knows what was made since, too.
    disaster_recovery.begin(
        empty_machine, disaster_recovery.place(str(rotated.folder)), key, moment=to, version="0.1.0",
        say=said.append,
    )  # fmt: skip
    found = settings.load(empty_machine)
    assert found.targets[0].repository == old.repository
    (closed,) = (one for one in found.closed if one.repository == rotated.target.repository)
    assert found.master_of(closed) == rotated.settings.master
    there_too = Vault(Node.load(empty_machine), found, closed)
    assert f"{newer.label}/" in there_too.names("sets")


def test_a_repository_that_was_begun_after_a_restore_brings_the_box_back(rotated: Kept) -> None:
    """Where the time line came from is written at its beginning, into the repositories of that day."""
    made = back_up(rotated, "full")
    state = restore(rotated, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    _, key = rotation.rotate(rotated.node, rotated.settings, "anna")
    setup.enforce(rotated.node, lambda _: None)
    rotated.settle_down(key)
    newer = back_up(rotated)
    assert (newer.kind, newer.timeline > 1) == ("full", True)
    keys = rotated.add_blobs(2)
    copy_everywhere(rotated)
    hand_over(rotated)
    rotated.lose(keys[0])
    state = restore(rotated)
    assert state.state == "done", state.progress.text
    assert {*keys} <= rotated.keys()
    assert rotated.stored(keys[0]) == rotated.contents[keys[0]]


def copy_everywhere(kept: Kept) -> None:
    """As the service does."""
    for target in kept.settings.written:
        copy_to(kept, target)


def copy_to(kept: Kept, target: Target) -> None:
    with ledger_of(kept.node, target) as ledger:
        blobs.catch_up(kept.node, Vault(kept.node, kept.settings, target), ledger, from_start=False)


def test_a_holder_more_opens_what_is_closed_too_and_one_who_goes_does_not(rotated: Kept) -> None:
    back_up(rotated, "full")
    old_ring = rotated.repository / "keyring.json"
    _, key = rotation.rotate(rotated.node, rotated.settings, "anna")
    rotated.settle_down(key)
    _, boris = setup.add_holder(rotated.node, rotated.settings, "boris")
    rings = (old_ring, rotated.repository / "keyring.json")
    assert [opens(boris, ring) for ring in rings] == [True, True]
    settings.save(rotated.node.paths, settings.confirmed(rotated.settings, rotated.settings.holders[0].id))
    setup.remove_holder(rotated.node, rotated.settings, "boris")
    assert [opens(boris, ring) for ring in rings] == [False, False]
    assert sets.known(rotated.node, rotated.settings.closed[-1])
    rotated.settle_down(key)
