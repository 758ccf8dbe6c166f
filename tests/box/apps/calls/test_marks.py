"""Moments of a recording: lines of the notes that begin with a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.apps.calls.marks import LONGEST, MOST, marks_in
from box.core.registry.capabilities import Mark


@pytest.mark.parametrize(
    ("note", "marks"),
    [
        ("1:05 the price", [Mark(65, "the price")]),
        ("  0:07 — Rose agrees\nWe meet on Monday.\n2:00", [Mark(7, "Rose agrees"), Mark(120, "")]),
        ("2:00 the end\n0:30 the beginning", [Mark(30, "the beginning"), Mark(120, "the end")]),
        ("1:02:03 late", [Mark(3723, "late")]),
        ("75:00 late", [Mark(4500, "late")]),
        # Of the day, of a score, and what is no time at all.
        ("We meet at 12:30", []),
        ("1:5 to us", []),
        ("1:65 or so", []),
        ("12:30:99", []),
        ("", []),
    ],
)
def test_a_line_that_begins_with_a_time_is_a_moment(note: str, marks: list[Mark]) -> None:
    assert list(marks_in(note, 0)) == marks


def test_what_lies_behind_the_end_is_none_of_it() -> None:
    assert [mark.at for mark in marks_in("1:00 in\n1:01 out", 60)] == [60]


def test_there_are_so_many_and_they_say_so_much() -> None:
    note = "\n".join(f"0:{second:02} {'x' * 500}" for second in range(60))
    marks = marks_in(note, 0)
    assert len(marks) == MOST
    assert {len(mark.said) for mark in marks} == {LONGEST}


@given(st.text(max_size=400), st.integers(0, 100_000))
def test_whatever_is_written_is_read(note: str, seconds: int) -> None:
    marks = marks_in(note, seconds)
    assert list(marks) == sorted(marks, key=lambda mark: mark.at)
    assert all(not seconds or mark.at <= seconds for mark in marks)


def test_a_time_is_said_as_it_is_written() -> None:
    assert [Mark(65, "").time, Mark(4500, "").time] == ["1:05", "75:00"]
