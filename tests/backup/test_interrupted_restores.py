"""A restore that is cut off, at a step or for good: the box has one whole database, and nobody comes into one
that was not put into service. The tests go as far as a step themselves; the program goes on from there."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance import quarantine, users
from appliance.agent import operations
from appliance.agent.journal import Journal
from appliance.agent.operations import ATTEMPTS
from appliance.runner import run
from appliance.services.database.names import cluster
from appliance.supervise import supervisor_for
from backup.operations import restore as program
from backup.operations.restore import Restore
from backup.settings import BackupRefused
from tests.appliance.boxes import query, wait_until
from tests.backup.conftest import Kept
from tests.backup.operating import (
    back_up,
    copy_what_is_new,
    ended,
    hand_over,
    restore,
    some_set,
    unplugged,
)

UNPLUGGED_SECONDS = 300.0


class Killed(BaseException):
    """As `kill -9`, which nothing of the program hears of."""


@pytest.fixture
def box(kept: Kept) -> Iterator[Kept]:
    supervisor = supervisor_for(kept.node)
    supervisor.stop("web", "push", "jobs", "backup")
    yield kept
    left = operations.unfinished(kept.node.paths)
    for journal in left:
        journal.end("failed", "A test has left it.")
    assert left == []
    assert not quarantine.is_on(kept.node.paths)
    supervisor.stop("jobs", "backup")


def begun(kept: Kept, *, attempts: int = 1, **arguments: Any) -> Restore:
    """A restore that this process performs, as far as the test has it."""
    given = {"target": "disk", "set": "", "moment": "", "with_safety": False, **arguments}
    journal = Journal.begin(kept.node.paths.operations, "restore", given, by="a test")
    for number in range(attempts):
        journal.append("attempt", number=number + 1, is_undone=False)
    return Restore(kept.node, journal)


def swapped(kept: Kept, **arguments: Any) -> Restore:
    """One whose database stands in the place of the old one, and has not been started."""
    one = begun(kept, **arguments)
    one.prepare(one.begin())
    one.swap()
    return one


def sign_in(kept: Kept, key: str) -> None:
    query(
        kept.node,
        "delete from accounts_session; insert into accounts_session"
        " (session_key, session_data, expire_date, started_at, agent)"
        f" values ('{key}', '', now() + interval '1 day', now(), '')",
    )


def sessions(kept: Kept) -> str:
    return query(kept.node, "select coalesce(string_agg(session_key, ' '), '') from accounts_session")


# --- once it has opened


def test_what_cannot_be_removed_of_the_old_database_costs_nobody_the_new_one(box: Kept) -> None:
    made = back_up(box)
    there = box.keys()
    box.add_blobs(1)
    roots = cluster(box.node) / "roots"
    roots.mkdir()
    (roots / "note").write_text("somebody was here")
    before = cluster(box.node).with_name("17.before")
    try:
        state = restore(box, set=made.label, is_set_alone=True)
        assert state.state == "done", state.progress.text
        assert f"Not done: {before} is not needed any more" in state.progress.text
        assert box.keys() == there
        # Nor does another one take it for what it could go back to.
        box.add_blobs(1)
        now = box.keys()
        state = restore(box, set=made.label, is_set_alone=True)
        assert state.state == "failed", state.progress.text
        assert "as it was before the restore" in state.progress.text
        assert box.keys() == now
    finally:
        shutil.rmtree(before)


def test_what_people_did_since_it_opened_stays_though_the_target_is_away(box: Kept) -> None:
    made = some_set(box)
    one = begun(box, set=made.label, is_set_alone=True)
    one.bring_back()
    (later,) = box.add_blobs(1)
    with unplugged(box):
        operations.recover(box.node.paths)
        state = ended(box, one.journal)
    assert state.state == "done", state.progress.text
    assert {later} <= box.keys()
    assert not one.before.exists()


def test_nothing_is_taken_back_once_it_has_opened(box: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some_set(box)
    one = begun(box, set=made.label, is_set_alone=True)
    one.bring_back()
    (later,) = box.add_blobs(1)
    words = one.give_up(BackupRefused("No web."))
    assert words.startswith("No web. The box is as it was at")
    assert words.endswith("That is not taken back any more.")
    assert one.before.exists()
    assert {later} <= box.keys()
    # The third time as well, it only comes to its end.
    one.journal.append("attempt", number=2, is_undone=False)
    operations.recover(box.node.paths)
    assert ended(box, one.journal).state == "done"
    assert {later} <= box.keys()


# --- before it is put into service


def test_a_boot_lets_nobody_into_what_is_not_in_service_yet(box: Kept) -> None:
    made = some_set(box)
    sign_in(box, "old")
    supervisor = supervisor_for(box.node)
    supervisor.begin("jobs")
    one = swapped(box, set=made.label, is_set_alone=True)
    # As `boxctl start` does when the machine comes up.
    said: list[str] = []
    supervisor.start("cache", "jobs", "web", progress=said.append)
    (cache,) = supervisor.status("cache", with_health=False)
    assert [line for line in said if line.startswith("web@1: stands still")]
    names = ("web", "jobs", "push")
    operations.recover(box.node.paths)
    is_over = False
    while not is_over:
        is_over = bool(one.journal.noted("opened"))
        running = [now.instance for now in supervisor.status(*names, with_health=False) if now.pid]
        assert is_over or running == []
        assert one.journal.state().state == "running", one.journal.state().progress.text
    assert ended(box, one.journal).state == "done"
    assert sessions(box) == ""
    # What ran before runs again, and nothing else; and the cache knows nothing of before.
    assert [now.service for now in supervisor.status(*names, with_health=False) if now.pid] == ["jobs"]
    assert supervisor.status("cache", with_health=False)[0].pid != cache.pid


def test_nobody_restarts_what_is_not_in_service_yet(box: Kept) -> None:
    supervisor = supervisor_for(box.node)
    quarantine.begin(box.node.paths)
    try:
        supervisor.restart("jobs")
        supervisor.begin("jobs")
        assert supervisor.status("jobs", with_health=False)[0].pid is None
    finally:
        quarantine.end(box.node.paths)
    supervisor.begin("jobs")
    assert supervisor.status("jobs", with_health=False)[0].pid


# --- taken back


def test_a_restore_that_fails_in_a_way_of_its_own_is_taken_back(
    box: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = some_set(box)
    box.add_blobs(1)
    sign_in(box, "alive")
    there = box.keys()

    def no_room(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    one = begun(box, set=made.label, is_set_alone=True)
    monkeypatch.setattr(Restore, "put_into_service", no_room)
    monkeypatch.setenv(operations.JOURNAL_VARIABLE, str(one.journal.path))
    with pytest.raises(SystemExit):
        program.main()
    state = one.journal.state()
    assert state.state == "failed"
    assert "(OperationalError: database or disk is full). The box is as it was" in state.progress.text
    assert (box.keys(), sessions(box)) == (there, "alive")


def test_a_taking_back_that_is_killed_is_gone_on_with(box: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some_set(box)
    box.add_blobs(1)
    sign_in(box, "alive")
    there = box.keys()
    one = swapped(box, set=made.label, is_set_alone=True)
    one.recover()

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        # After the renaming, before the start.
        patched.setattr(type(one.supervisor), "start", killed)
        with pytest.raises(Killed):
            one.give_up(BackupRefused("No roles."))
    state = ended(box, one.journal)
    assert state.state == "failed"
    assert state.progress.text == "No roles. The box is as it was before the restore."
    assert (box.keys(), sessions(box)) == (there, "alive")
    assert not one.beside.exists()


def test_the_last_attempt_takes_back(box: Kept) -> None:
    made = some_set(box)
    box.add_blobs(1)
    there = box.keys()
    one = swapped(box, attempts=ATTEMPTS - 1, set=made.label, is_set_alone=True)
    state = ended(box, one.journal)
    assert state.state == "failed"
    assert state.progress.text.startswith(f"It was interrupted {ATTEMPTS - 1} times. The box is as it was")
    assert box.keys() == there


def test_one_that_was_given_up_in_the_middle_is_put_back_by_the_next(box: Kept) -> None:
    made = some_set(box)
    (later,) = box.add_blobs(1)
    one = swapped(box, set=made.label, is_set_alone=True)
    one.journal.end("failed", "It was interrupted 3 times and is given up.")
    assert not one.place.joinpath("postmaster.pid").exists()
    state = restore(box, with_safety=True)
    assert state.state == "done", state.progress.text
    assert {later} <= box.keys()


def test_where_there_was_no_database_nobody_comes_into_half_of_one(box: Kept) -> None:
    some_set(box)
    hand_over(box)
    supervisor_for(box.node).stop("database")
    shutil.rmtree(cluster(box.node))
    one = swapped(box)
    one.recover()
    words = one.give_up(BackupRefused("No roles."))
    one.journal.end("failed", words)
    assert words == "No roles. There was no database before that could be put back: begin another restore."
    assert quarantine.is_on(box.node.paths)
    state = restore(box)
    assert state.state == "done", state.progress.text


# --- a target that is away while the log is applied


def test_only_the_end_of_the_log_is_told_as_its_end(box: Kept) -> None:
    """PostgreSQL recovers no further after 1, and gives up above 125."""
    made = some_set(box)
    one = begun(box, set=made.label, is_set_alone=True)
    one.prepare(one.begin())
    said = (one.beside / "postgresql.auto.conf").read_text()
    *_, line = [line for line in said.splitlines() if line.startswith("restore_command")]
    command = line.split(" = ", 1)[1].strip("'").replace("''", "'")

    def code(name: str) -> int:
        asked = command.replace("%f", name).replace("%p", str(one.beside / "fetched"))
        return run(["sh", "-c", asked], user=users.account(users.DATABASE), check=False).code

    with unplugged(box):
        assert code(made.last_wal) == 255
    wait_until(lambda: code(made.last_wal) == 0)
    assert code(f"{made.last_wal[:8]}FFFFFFFF00000001") == 1
    one.journal.end("failed", one.give_up(BackupRefused("Enough.")))


def test_a_target_that_blinks_while_the_log_is_applied_ends_nothing_early(box: Kept) -> None:
    moment, there, later = a_moment_and_what_came_later(box)
    one = begun(box, moment=moment)
    one.prepare(one.begin())
    with unplugged(box):
        one.swap()
        one.supervisor.begin("database")
        pid = one.supervisor.status("database", with_health=False)[0].pid
        wait_until(
            lambda: one.supervisor.status("database", with_health=False)[0].pid not in (pid, None),
            seconds=UNPLUGGED_SECONDS,
        )
    operations.recover(box.node.paths)
    state = ended(box, one.journal)
    assert state.state == "done", state.progress.text
    assert box.keys() == there
    assert not {later} & box.keys()


def test_a_target_that_stays_away_while_the_log_is_applied_fails_it(box: Kept) -> None:
    moment, there, later = a_moment_and_what_came_later(box)
    one = begun(box, moment=moment)
    one.prepare(one.begin())
    with unplugged(box):
        one.swap()
        with pytest.raises(BackupRefused, match="does not recover"):
            one.recover()
        words = one.give_up(BackupRefused("Away."))
    one.journal.end("failed", words)
    assert words.startswith("Away. The box is as it was before")
    assert box.keys() == {*there, later}


def a_moment_and_what_came_later(kept: Kept) -> tuple[str, set[str], str]:
    """With log before and after it that no set holds."""
    back_up(kept)
    kept.add_blobs(1)
    copy_what_is_new(kept)
    hand_over(kept)
    there = kept.keys()
    time.sleep(1.1)
    moment = datetime.fromisoformat(query(kept.node, "select clock_timestamp()")).astimezone(UTC)
    time.sleep(1.1)
    (later,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    hand_over(kept)
    return moment.isoformat(), there, later
