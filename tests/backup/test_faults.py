"""Bad days: no good set is lost, and no broken one is shown as good."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from appliance.agent import operations
from appliance.supervise import supervisor_for
from backup import log_gaps, packs, pgbackrest, sets, setup
from backup.ledger import ledger_of
from backup.rclone import Vault
from backup.serve import is_target_due
from backup.settings import BackupRefused, Target
from backup.timeline import Segment
from tests.appliance.boxes import query, wait_until
from tests.appliance.test_external import Store, folder, store  # noqa: F401 - fixtures
from tests.backup.conftest import PATIENCE, Kept
from tests.backup.operating import (
    back_up,
    begin_log_anew,
    hand_over,
    kill_postgres,
    perform,
    performers,
    restore,
    some_set,
    unplugged,
    wait_for,
    wait_until_archived,
)
from tests.backup.proxy import Proxy, Weather, running_proxy
from tests.backup.test_s3 import target_in
from tests.randomness import chosen


def labels(kept: Kept, target: Target) -> list[str]:
    return [one.label for one in sets.known(kept.node, target) if not one.problem]


# --- a target that fills


@pytest.fixture
def small(kept: Kept) -> Iterator[Target]:
    """A disk of 64 MiB, as a second target."""
    with ExitStack() as undone:
        place = Path(tempfile.mkdtemp(prefix="korobka-small-"))
        undone.callback(place.rmdir)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", place], check=True)
        undone.callback(lambda: subprocess.run(["umount", "--lazy", place], check=True))
        target = Target(kept.free_number, "small", "folder", str(place))
        # It may have been noted before the database could be told of it.
        undone.callback(leave, kept, target.name)
        setup.add_target(kept.node, kept.settings, target, lambda _: None)
        yield target


def leave(kept: Kept, name: str) -> None:
    if any(one.name == name for one in kept.settings.targets):
        setup.remove_target(kept.node, kept.settings, name, lambda _: None)


def test_a_target_that_is_full_fails_loudly_and_keeps_what_it_had(kept: Kept, small: Target) -> None:
    state = perform(kept, "backup", kind="full", targets=["small"])
    assert state.state == "done", state.progress.text
    there = labels(kept, small)
    filler = Path(small.path) / "somebody-elses"
    kept.add_blobs(2, size=9 << 20)
    with filler.open("wb") as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(1 << 20))
    state = perform(kept, "backup", kind="full", targets=["small", "disk"])
    assert state.state == "failed"
    assert "small:" in state.progress.text
    # The other one got its own.
    assert labels(kept, kept.target)
    assert labels(kept, small) == there
    filler.unlink()
    assert perform(kept, "verify", target="small", all=True).state == "done"
    subprocess.run(["mount", "-o", "remount,size=256m", small.path], check=True)
    state = perform(kept, "backup", kind="incr", targets=["small"])
    assert state.state == "done", state.progress.text
    assert len(labels(kept, small)) == len(there) + 1


# --- a target that is away for long


def test_a_queue_that_grew_too_long_is_dropped_and_told_and_a_full_backup_mends_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(kept, "full")
    monkeypatch.setattr(pgbackrest, "queue_limit", lambda *_: 48 << 20)
    pgbackrest.renew_config(kept.node, kept.settings)
    with unplugged(kept):
        for _ in range(6):
            query(kept.node, "select pg_logical_emit_message(true, 'test', ''); select pg_switch_wal();")
        # The portal's disk is not filled: PostgreSQL is told to let go of it.
        last = query(kept.node, "select pg_walfile_name(pg_current_wal_lsn() - 16777216)")
        wait_until_archived(kept, last)
    hand_over(kept)
    words = log_gaps.note(kept.node, kept.target)
    assert "There is a gap in the time line" in words
    with ledger_of(kept.node, kept.target) as ledger:
        assert ledger.note("wanted") == "full"
        ledger.write(wanted="")
    # It is asked for once, not with every look.
    log_gaps.note(kept.node, kept.target)
    with ledger_of(kept.node, kept.target) as ledger:
        assert ledger.note("wanted") == ""
    monkeypatch.undo()
    pgbackrest.renew_config(kept.node, kept.settings)
    assert back_up(kept, "full").kind == "full"
    assert log_gaps.note(kept.node, kept.target) == ""
    begin_log_anew(kept)
    assert log_gaps.note_holes(kept.node, kept.target, pgbackrest.segments(kept.node, kept.target)) == []


def test_little_room_makes_the_queue_short() -> None:
    gib = 1 << 30
    assert pgbackrest.queue_limit(1000 * gib, 500 * gib) == 16 * gib
    assert pgbackrest.queue_limit(100 * gib, 50 * gib) == 5 * gib
    assert pgbackrest.queue_limit(100 * gib, 19 * gib) == gib // 4


def test_what_is_on_its_way_is_no_gap() -> None:
    line = [Segment(1, number) for number in range(10)]
    on_its_way = [one for one in line if one.number != 7]
    assert log_gaps.missing(line[0], on_its_way, line[6]) == ()
    (gap,) = log_gaps.missing(line[0], on_its_way, line[9])
    assert str(gap) == f"{line[7]} is missing"


# --- a target that is far away


@pytest.fixture(scope="module")
def proxy(store: Store) -> Iterator[Proxy]:  # noqa: F811
    port = int(store.endpoint.rpartition(":")[2])
    with running_proxy(port, store.ca_file.with_name("portal.pem")) as one:
        yield one


@pytest.fixture
def far(kept: Kept, store: Store, proxy: Proxy) -> Iterator[Target]:  # noqa: F811
    """A new one for each test: a queue that is dropped leaves a gap in the log of every target."""
    target = target_in(kept, store)
    target = replace(
        target, name="far", path=f"far/{target.number}", endpoint=f"https://localhost:{proxy.port}"
    )
    setup.add_target(kept.node, kept.settings, target, lambda _: None)
    yield target
    # Before the store goes: the database would wait for it at its end.
    setup.remove_target(kept.node, kept.settings, target.name, lambda _: None)


def test_a_store_that_is_busy_for_a_while_is_waited_for(kept: Kept, far: Target, proxy: Proxy) -> None:
    (key,) = kept.add_blobs(1)
    proxy.weather, refused = "503", proxy.refused

    def clear_up_after_a_while() -> None:
        wait_until(lambda: proxy.refused > refused)
        time.sleep(4)
        proxy.clear_up()

    threading.Thread(target=clear_up_after_a_while, daemon=True).start()
    state = perform(kept, "backup", kind="incr", targets=["far"])
    assert state.state == "done", state.progress.text
    assert proxy.refused > refused
    with ledger_of(kept.node, far) as ledger:
        assert packs.sizes(Vault(kept.node, kept.settings, far), ledger, [key])
    assert perform(kept, "verify", target="far", all=True).state == "done"


def lot_of_files(kept: Kept) -> list[str]:
    return kept.add_blobs(6, size=1 << 20)


def test_a_network_that_goes_while_the_box_is_brought_back_leaves_it_as_it_was(
    kept: Kept, far: Target, proxy: Proxy
) -> None:
    fates: tuple[tuple[str, Weather], ...] = (("files", "silent"), ("database", "cut"))
    for part, fate in chosen("faults", fates):
        goes_while_it_is_brought_back(kept, far, proxy, part, fate)


def goes_while_it_is_brought_back(kept: Kept, far: Target, proxy: Proxy, part: str, fate: Weather) -> None:
    keys = lot_of_files(kept)
    state = perform(kept, "backup", kind="full", targets=["far"])
    assert state.state == "done", state.progress.text
    made, there = sets.known(kept.node, far)[-1], kept.keys()
    for key in keys:
        kept.lose(key)
    (later,) = kept.add_blobs(1)
    database_bytes = made.stored_bytes if part == "files" else 0
    proxy.turn(fate, after=database_bytes + (2 << 20), way="back")
    state = restore(kept, target="far", set=made.label, is_set_alone=True)
    assert proxy.has_turned
    assert state.state == "failed", state.progress.text
    assert kept.keys() == {*there, later}
    assert kept.stored(later) == kept.contents[later]
    proxy.clear_up()
    assert made.label in labels(kept, far)
    state = restore(kept, target="far", set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert kept.keys() == there
    assert {key: kept.stored(key) for key in keys} == {key: kept.contents[key] for key in keys}
    state = perform(kept, "verify", target="far", set=made.label)
    assert state.state == "done", state.progress.text
    hand_over(kept)


def test_a_network_that_takes_all_and_answers_nothing_costs_one_set_alone(
    kept: Kept, far: Target, proxy: Proxy
) -> None:
    made = perform(kept, "backup", kind="full", targets=["far"])
    assert made.state == "done", made.progress.text
    there, keys = labels(kept, far), lot_of_files(kept)
    # In the middle of the database: the files go first, and these have 6 MiB.
    proxy.turn("silent", after=7 << 20, way="there")
    state = perform(kept, "backup", kind="full", targets=["far"])
    assert proxy.has_turned
    assert state.state == "failed"
    assert f"Nothing has moved from or to far for {PATIENCE.database.seconds:g} s" in state.progress.text
    proxy.clear_up()
    assert labels(kept, far) == there
    # One that builds on another cannot come after what the full one has left: that is finished.
    state = perform(kept, "backup", kind="incr", targets=["far"])
    assert state.state == "done", state.progress.text
    assert sets.known(kept.node, far)[-1].kind == "full"
    assert set(keys) <= set(Vault(kept.node, kept.settings, far).sizes(keys))
    assert perform(kept, "verify", target="far", all=True).state == "done"
    hand_over(kept)


# --- the machine itself


def test_a_database_that_crashes_while_it_archives_goes_on_where_it_was(kept: Kept) -> None:
    back_up(kept)
    (key,) = kept.add_blobs(1)
    query(kept.node, "select pg_switch_wal()")
    kill_postgres(kept)
    wait_until(lambda: supervisor_for(kept.node).status("database")[0].is_healthy)
    hand_over(kept)
    assert log_gaps.note(kept.node, kept.target) == ""
    assert back_up(kept).missing == 0
    state = perform(kept, "verify", target="disk")
    assert state.state == "done", state.progress.text
    assert {key} <= kept.keys()


def test_a_clock_that_is_set_back_makes_no_set_good_or_bad(kept: Kept) -> None:
    """The database's clock is the machine's, so it is the memory of the last attempt that lies ahead."""
    made = back_up(kept)
    ahead = datetime.now(UTC) + timedelta(days=400)
    with ledger_of(kept.node, kept.target) as ledger:
        ledger.write(attempt_at=ahead.isoformat(), wanted="")
    # An attempt that is yet to come keeps nothing from being due, nor does a set.
    assert not is_target_due(kept.node, kept.settings, kept.target, made.ended_at + timedelta(minutes=1))
    assert is_target_due(kept.node, kept.settings, kept.target, made.ended_at + timedelta(days=2))
    assert labels(kept, kept.target)[-1] == made.label
    with ledger_of(kept.node, kept.target) as ledger:
        ledger.write(attempt_at="")


def test_a_key_of_somebody_else_opens_nothing_and_changes_nothing(kept: Kept) -> None:
    some_set(kept)
    stranger, _ = setup.begin()
    wrong = replace(kept.settings, master_key=stranger.master_key)
    there = labels(kept, kept.target)
    with pytest.raises(BackupRefused, match="cannot be read with this box's key"):
        sets.refresh(kept.node, Vault(kept.node, wrong, kept.target))
    assert labels(kept, kept.target) == there
    assert perform(kept, "verify", target="disk").state == "done"


def test_the_performer_is_taken_up_when_the_agent_dies_with_it(kept: Kept) -> None:
    supervisor = supervisor_for(kept.node)
    supervisor.start("agent")
    try:
        some_set(kept)
        there = labels(kept, kept.target)
        journal = operations.begin(
            kept.node.paths, "backup", {"kind": "full", "targets": ["disk"]}, by="a test"
        )
        wait_for(journal, "Database to")
        (status,) = supervisor.status("agent", with_health=False)
        assert status.pid is not None
        for process in (psutil.Process(status.pid), *performers(journal)):
            process.kill()
        # Nobody but the agent takes it up here.
        wait_until(lambda: journal.state().state != "running", seconds=300)
        assert journal.state().state == "done"
        # By its name: what is no longer kept goes with it.
        assert labels(kept, kept.target)[-1] not in there
    finally:
        supervisor.stop("agent")
