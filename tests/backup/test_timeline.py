from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.disaster_recovery import by_history
from backup.timeline import Ancestor, Gap, Segment, Timeline, archived, from_history, gaps, lived

numbers = st.sets(st.integers(0, 0x1FF), min_size=1)


def test_names_are_understood_and_given_back() -> None:
    name = "0000000A00000002000000FF"
    segment = Segment.parse(f"{name}-9a5c0d.zst")
    assert segment == Segment(10, 0x2FF)
    assert str(segment) == name
    assert Segment.parse("0000000A.history") is None
    assert Segment.parse(f"{name}.partial") is None
    assert Segment.parse(f"{name}.00000028.backup") is None


@given(numbers)
def test_with_the_gaps_filled_nothing_is_missing(found: set[int]) -> None:
    segments = [Segment(1, number) for number in found]
    missing = gaps(segments)
    filled = {n for gap in missing for n in range(gap.first.number, gap.last.number + 1)}
    assert filled.isdisjoint(found)
    assert found | filled == set(range(min(found), max(found) + 1))


def test_the_segment_that_a_backup_begins_with_must_be_there() -> None:
    later = [Segment(1, 7), Segment(1, 8)]
    assert gaps(later, since=Segment(1, 5)) == (Gap(Segment(1, 5), Segment(1, 6)),)
    assert gaps(later, since=Segment(1, 7)) == ()
    assert gaps([], since=Segment(1, 5)) == (Gap(Segment(1, 5), Segment(1, 5)),)
    assert str(gaps(later, since=Segment(1, 5))[0]).startswith("2 segments from 0000000100000000")


def test_another_time_line_is_not_a_gap() -> None:
    assert gaps([Segment(1, 3), Segment(2, 9)]) == ()


NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def seen_at(moment: datetime | None, *files: tuple[str, int], backed_up: dict[int, int] | None = None) -> int:
    """The number of the time line that was lived at a moment, by files and the minutes at which they came."""
    there = archived(
        ((name, at(minutes)) for name, minutes in files),
        {number: at(minutes) for number, minutes in (backed_up or {}).items()},
    )
    found = lived(there, moment)
    assert found
    return found.number


# At 0 brought back to what was long before, at 30 to what was undone then.
TWICE = (
    ("000000010000000000000001", -60),
    ("000000010000000000000002", -1),
    ("00000002.history", 0),
    ("000000020000000000000002", 2),
    ("000000020000000000000003", 29),
    ("00000003.history", 30),
)


@pytest.mark.parametrize(("minute", "number"), [(-61, 1), (-10, 1), (1, 2), (29, 2), (31, 3)])
def test_at_a_moment_the_youngest_time_line_was_lived_that_there_was(minute: int, number: int) -> None:
    assert seen_at(at(minute), *TWICE) == number
    assert seen_at(None, *TWICE) == 3


def test_a_restore_that_was_taken_back_left_a_time_line_that_nobody_lives_on() -> None:
    taken_back = (*TWICE, ("000000020000000000000004", 32))
    assert seen_at(at(31), *taken_back) == 2
    assert seen_at(at(50), *taken_back) == 2
    assert seen_at(None, *taken_back) == 2
    # What the old one was writing when it was left is archived by the new one.
    assert seen_at(None, *TWICE, ("000000020000000000000004.partial-1ab9.zst", 32)) == 3


def test_where_a_repository_was_copied_the_sets_tell_what_was_lived() -> None:
    copied = [(name, 1000 - number) for number, (name, _) in enumerate(TWICE)]
    assert seen_at(at(10), *copied, backed_up={1: -60, 2: 3}) == 2
    assert seen_at(None, *copied, backed_up={1: -60, 2: 3, 3: 31}) == 3


def test_without_a_log_nothing_is_known() -> None:
    assert lived(archived([("archive.info", NOON)], {}), None) is None


def test_a_history_names_what_a_time_line_came_out_of() -> None:
    text = "1\t0/5000060\tbefore 2026-11-28 12:00:00+00\n\n2\t1/A0000028\tno recovery target specified\n"
    found = from_history(3, text)
    assert found == Timeline(3, (Ancestor(1, 0x5000060), Ancestor(2, 0x1A0000028)))
    assert found.ancestors[1].last == Segment(2, 0x1A0)
    with pytest.raises(ValueError, match="not enough values"):
        from_history(3, "garbage")


def test_a_set_lies_on_a_time_line_that_was_left_after_it() -> None:
    line = Timeline(3, (Ancestor(1, 0x5000060), Ancestor(2, 0x8000028)))
    assert [line.holds(Segment(1, number)) for number in (4, 5, 6)] == [True, False, False]
    assert [line.holds(Segment(2, number)) for number in (4, 7, 8)] == [True, True, False]
    assert line.holds(Segment(3, 99))
    assert not line.holds(Segment(4, 1))


def test_what_was_lived_last_is_told_by_the_repository_of_the_youngest_time_line() -> None:
    """And by that of the newest key where all tell the same."""
    one, two = Timeline(1), Timeline(2)
    assert by_history(["old", "new"], [one, one]) == ["new", "old"]
    assert by_history(["old", "new"], [None, None]) == ["new", "old"]
    assert by_history(["old", "new"], [two, one]) == ["old", "new"]
    assert by_history(["old", "newer", "newest"], [one, two, one]) == ["newer", "newest", "old"]
    assert by_history(["old", "new"], [one, None]) == ["old", "new"]
