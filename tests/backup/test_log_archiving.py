"""The log reaches every target in time, whatever the database has gone through, and is watched at each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.backups import read_backups
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import ReadBackups
from appliance.commands.status import metrics_of
from appliance.supervise import supervisor_for
from backup import log_archiving, moments, settings, state_file, status
from backup.ledger import ledger_of
from backup.log_archiving import SWITCH_AFTER, Reached, Seen, Watch
from backup.settings import Target
from backup.timeline import Segment
from tests.appliance.boxes import boxctl, query, wait_until
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, kill_postgres, perform, unplugged

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FIRST = Segment(1, 10)


def after(segment: Segment, count: int = 1) -> Segment:
    return Segment(segment.timeline, segment.number + count)


def seen(seconds: float, snapshot: str, segment: Segment = FIRST) -> Seen:
    return Seen(NOW + timedelta(seconds=seconds), snapshot, segment, Segment(1, segment.number - 1))


# --- when a segment is ended


def test_what_was_written_waits_no_longer_than_promised_and_then_nothing_is_ended_for_nothing() -> None:
    watch, patience = Watch(), SWITCH_AFTER.total_seconds()
    assert not watch.note(seen(0, "5:5:"))
    assert not watch.note(seen(patience - 1, "5:6:"))
    due = seen(patience, "5:6:")
    assert watch.note(due)
    watch.has_switched(due)
    # At rest for hours: the log of a box that nobody uses does not grow.
    assert not watch.note(seen(10_000, "5:6:"))
    # A transaction that was open ends: the same numbers, but none is under way.
    assert not watch.note(seen(10_001, "6:6:"))
    assert watch.note(seen(10_001 + patience, "6:6:"))


def test_what_postgresql_has_ended_itself_is_not_ended_again() -> None:
    watch = Watch()
    watch.note(seen(0, "5:5:"))
    watch.note(seen(20, "6:6:"))
    assert not watch.note(seen(31, "6:6:", after(FIRST)))
    assert not watch.note(seen(300, "6:6:", after(FIRST)))


def test_while_a_target_keeps_the_log_waiting_no_segments_are_added_to_the_queue() -> None:
    behind = replace(seen(0, "5:5:"), archived=Segment(1, FIRST.number - 2))
    for one in (behind, replace(behind, archived=None, has_failed=True)):
        watch = Watch()
        watch.note(one)
        assert not watch.note(replace(one, at=one.at + SWITCH_AFTER))
    # After a crash PostgreSQL knows no more what it has archived.
    watch, lost = Watch(), replace(behind, archived=None)
    watch.note(lost)
    assert watch.note(replace(lost, at=lost.at + SWITCH_AFTER))


# --- how far a target is


@given(st.lists(st.integers(1, 3), min_size=2, max_size=20), st.sets(st.integers(0, 60)))
def test_a_target_reaches_no_moment_whose_log_it_lacks(steps: list[int], missing: set[int]) -> None:
    """Each look is a second and some segments after the one before; something is written all the time."""
    watch, looks, segment = Watch(), list[Seen](), FIRST
    for second, step in enumerate(steps):
        segment = after(segment, step)
        looks.append(seen(second, str(second), segment))
        watch.note(looks[-1])
    held = {after(FIRST, number) for number in range(1, segment.number - FIRST.number + 1)}
    held -= {after(FIRST, number) for number in missing}
    found = watch.reached(Reached(FIRST, NOW - timedelta(hours=1)), held)
    for one in looks:
        is_whole = all(after(FIRST, n) in held for n in range(1, one.segment.number - FIRST.number + 1))
        assert (one.at <= found.at) == is_whole


def test_with_nothing_written_since_the_log_reaches_to_now() -> None:
    watch = Watch()
    watch.note(seen(0, "5:5:"))
    watch.note(seen(600, "5:5:"))
    assert watch.reached(Reached(FIRST, NOW, "5:5:"), ()).at == NOW + timedelta(seconds=600)
    watch.note(seen(610, "5:6:", after(FIRST)))
    assert watch.reached(Reached(FIRST, NOW, "5:5:"), ()).at == NOW + timedelta(seconds=600)


def test_after_a_restore_the_log_reaches_nothing_before_there_is_a_set() -> None:
    watch = Watch()
    watch.note(seen(600, "5:5:", Segment(2, FIRST.number + 1)))
    assert watch.reached(Reached(FIRST, NOW, "5:5:"), [Segment(2, FIRST.number + 1)]).at == NOW


# --- on a box


def reached(kept: Kept, watch: Watch, target: Target) -> datetime:
    log_archiving.step(kept.node, watch)
    found = log_archiving.follow(kept.node, target, watch)
    assert found is not None
    return found.at


def is_back(kept: Kept, before: int | None) -> bool:
    (now,) = supervisor_for(kept.node).status("database")
    return now.is_healthy and now.pid != before


def test_after_two_crashes_the_log_is_handed_over_as_before(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's own timer stands still then, until the next checkpoint."""
    monkeypatch.setattr(log_archiving, "SWITCH_AFTER", timedelta(seconds=2))
    back_up(kept)
    supervisor = supervisor_for(kept.node)
    for _ in range(2):
        (crashed,) = supervisor.status("database", with_health=False)
        kill_postgres(kept)
        wait_until(partial(is_back, kept, crashed.pid), seconds=60)
        query(kept.node, "select pg_logical_emit_message(true, 'test', 'written')")
    written_at = datetime.fromisoformat(query(kept.node, "select clock_timestamp()")).astimezone(UTC)
    watch = Watch()

    wait_until(lambda: reached(kept, watch, kept.target) > written_at, seconds=200)
    (report,) = status.look(kept.node, kept.settings, written_at)
    assert report.log_until is not None
    assert report.log_until > written_at
    assert "log_behind" not in {one.kind for one in report.warnings}


def test_each_target_has_a_log_of_its_own_age_and_a_warning(kept: Kept, second: Target) -> None:
    # With nothing to begin with, nothing can be brought back, however well the log is handed over.
    (fresh,) = [one for one in status.look(kept.node, kept.settings, NOW) if one.name == "second"]
    assert (fresh.restorable_until, fresh.log_until) == (None, None)
    assert perform(kept, "backup", kind="full", targets=["second", "disk"]).state == "done"
    watch = Watch()
    with unplugged(kept):
        before = reached(kept, watch, second)
        query(kept.node, "select pg_logical_emit_message(true, 'test', ''); select pg_switch_wal();")
        wait_until(lambda: reached(kept, watch, second) > before, seconds=60)
        (disk,) = [one for one in status.look(kept.node, kept.settings, NOW) if one.name == "disk"]
        assert disk.log_until is not None
        later = disk.log_until + timedelta(minutes=2, seconds=1)
        looked = {one.name: one for one in status.look(kept.node, kept.settings, later)}
        assert "log_behind" in {one.kind for one in looked["disk"].warnings}
        assert f"up to {moments.shown(disk.log_until)} only" in " ".join(looked["disk"].problems)
        in_time = status.look(kept.node, kept.settings, later - timedelta(seconds=2))
        assert "log_behind" not in {
            kind.kind for one in in_time for kind in one.warnings if one.name == "disk"
        }
        assert looked["second"].log_until is not None
        assert looked["second"].log_until > disk.log_until


@pytest.fixture
def alone(kept: Kept, second: Target) -> Iterator[Target]:
    """The one target of a box that is well: its key was confirmed, and it has a set."""
    before = kept.settings
    holders = tuple(replace(one, is_confirmed=True) for one in before.holders)
    settings.save(kept.node.paths, replace(before, targets=(second,), holders=holders))
    assert perform(kept, "backup", kind="full", targets=[second.name]).state == "done"
    yield second
    settings.save(kept.node.paths, before)


def test_a_late_log_is_told_in_words_to_monitors_and_by_the_exit_code(kept: Kept, alone: Target) -> None:
    def told() -> tuple[int, str, dict[str, Any]]:
        state_file.write(kept.node)
        words = boxctl(kept.node, "backup", "status")
        backups = read_backups(kept.node.paths, ReadBackups(), Asker("", "root", 0, 1), lambda _: None)
        return words.returncode, words.stdout, metrics_of(backups, datetime.now(UTC))

    reached(kept, Watch(), alone)
    code, words, figures = told()
    assert (code, figures["is_healthy"]) == (0, True), words
    (target,) = figures["targets"]
    assert target["log_age_seconds"] < 120 and target["files_age_seconds"] < 120
    with ledger_of(kept.node, alone) as ledger:
        late = ledger.moment("log_reached_at")
        assert late is not None
        ledger.write(log_reached_at=(late - timedelta(minutes=3)).isoformat())
    code, words, figures = told()
    assert (code, figures["is_healthy"]) == (1, False)
    assert "log 3 min" in words
    assert "log is there up to" in words
    (target,) = figures["targets"]
    assert target["log_age_seconds"] >= 180
    assert target["files_age_seconds"] < 120
    with ledger_of(kept.node, alone) as ledger:
        ledger.write(reached_at=(datetime.now(UTC) - timedelta(minutes=5)).isoformat())
    code, words, figures = told()
    assert "files 5 min" in words
    assert figures["targets"][0]["files_age_seconds"] >= 300
