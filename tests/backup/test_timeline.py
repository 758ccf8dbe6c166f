from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backup.timeline import Gap, Segment, gaps

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
