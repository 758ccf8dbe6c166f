"""What an administrator is warned of, decided from facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.agent.answers import TimeLineGap
from backup.warnings import Facts, Size, gaps_now, jumped, sentence, warnings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WELL = Facts("disk", files_reached=NOW, free=50, total=100, sizes=(Size("a", 10 << 30), Size("b", 11 << 30)))


def kinds(facts: Facts) -> list[str]:
    return [one.kind for one in warnings(facts, now=NOW)]


def test_of_what_is_well_nothing_is_said() -> None:
    assert kinds(WELL) == []


@pytest.mark.parametrize(
    ("facts", "kind", "words"),
    [
        (replace(WELL, is_late=True), "late", "older than the schedule allows"),
        (replace(WELL, failing="No space left."), "failing", "No space left."),
        (replace(WELL, gap="3 segments are missing"), "gap", "3 segments are missing"),
        (replace(WELL, damaged=(("20261124F", "A file is missing."),)), "damaged", "20261124F is damaged"),
        (replace(WELL, files_reached=NOW - timedelta(minutes=6)), "behind", "boxctl logs backup"),
        (replace(WELL, files_reached=None), "behind", "not being copied"),
        (replace(WELL, files_reached=NOW - timedelta(minutes=2, seconds=1)), "behind", "not being copied"),
        (
            replace(WELL, log_reached=NOW - timedelta(minutes=2, seconds=1)),
            "log_behind",
            "11:57:59+00:00 only",
        ),
        (replace(WELL, files_problem="It refuses."), "behind", "It refuses."),
        (replace(WELL, dead_run="verify"), "stale_lock", "Verify was begun and is performed by nobody"),
        (replace(WELL, free=9), "filling", "9% are free"),
        (replace(WELL, drill_problem="It does not start."), "drill", "It does not start."),
        (replace(WELL, is_key_confirmed=False), "unconfirmed", "ever confirmed"),
        (replace(WELL, sizes=(Size("a", 1 << 30), Size("b", 4 << 30))), "jump", "1.0 GiB → 4.0 GiB"),
    ],
)
def test_each_trouble_is_told_in_words(facts: Facts, kind: str, words: str) -> None:
    (found,) = warnings(facts, now=NOW)
    assert found.kind == kind
    assert words in sentence(found)


def test_what_is_two_minutes_old_is_in_time() -> None:
    edge = NOW - timedelta(minutes=2)
    assert kinds(replace(WELL, files_reached=edge, log_reached=edge)) == []


def test_an_unconfirmed_key_is_the_same_trouble_on_every_target() -> None:
    (one,) = warnings(replace(WELL, is_key_confirmed=False), now=NOW)
    (other,) = warnings(replace(WELL, target="far", is_key_confirmed=False), now=NOW)
    assert one == other


@pytest.mark.parametrize(
    ("before", "newest", "is_told"),
    [
        (1 << 30, 2 << 30, False),  # a gibibyte more is a good day
        (10 << 30, 14 << 30, False),
        (10 << 30, 16 << 30, True),
        (10 << 30, 4 << 30, True),
        (50 << 20, 10 << 20, False),
        (400 << 20, 10 << 20, True),
    ],
)
def test_only_a_large_jump_is_told(before: int, newest: int, is_told: bool) -> None:
    assert (jumped((Size("a", before), Size("b", newest))) is not None) == is_told


def test_a_gap_lasts_from_the_newest_set_to_the_next_one() -> None:
    later = NOW + timedelta(days=1)
    opened = gaps_now((), is_broken=True, newest_at=NOW)
    assert opened == (TimeLineGap(NOW),)
    assert gaps_now(opened, is_broken=True, newest_at=NOW) == opened
    closed = gaps_now(opened, is_broken=False, newest_at=later)
    assert closed == (TimeLineGap(NOW, later),)
    assert gaps_now(closed, is_broken=False, newest_at=later) == closed
    assert gaps_now(closed, is_broken=True, newest_at=later) == (*closed, TimeLineGap(later))


def test_a_gap_that_was_filled_late_was_none() -> None:
    assert gaps_now((TimeLineGap(NOW),), is_broken=False, newest_at=NOW) == ()


def test_where_there_is_no_set_there_is_no_gap() -> None:
    assert gaps_now((), is_broken=True, newest_at=None) == ()
