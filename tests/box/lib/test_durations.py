from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.durations import LONGEST, clock, minutes_of


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("2", 120),
        ("1.5", 90),
        ("1,5", 90),
        ("2:30", 150),
        ("0:05", 5),
        ("2h 30m", 150),
        ("2h30m", 150),
        ("90 min", 90),
        ("2 ч 30 мин", 150),
        ("2 ч. 30 мин.", 150),
        ("1 час", 60),
        ("3 дня", 24 * 60),
        ("1d 2h", 10 * 60),
        (" 45 минут ", 45),
    ],
)
def test_what_people_write(text: str, minutes: int) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize("text", ["", "soon", "2:75", "-1", "2 apples", "h", "1:2:3", "10001"])
def test_what_is_no_stretch_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        minutes_of(text)


def test_a_day_is_as_long_as_it_is_worked() -> None:
    assert minutes_of("2d", day=7 * 60) == 14 * 60


@given(st.integers(0, LONGEST // 2))
def test_a_clock_is_read_back(minutes: int) -> None:
    assert minutes_of(clock(minutes)) == minutes
