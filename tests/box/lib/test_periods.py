from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.periods import PERIODS, Period

TODAY = date(2026, 11, 26)  # a Thursday


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("today", "2026-11-26", "2026-11-26"),
        ("yesterday", "2026-11-25", "2026-11-25"),
        ("tomorrow", "2026-11-27", "2026-11-27"),
        ("this-week", "2026-11-23", "2026-11-29"),
        ("last-week", "2026-11-16", "2026-11-22"),
        ("next-week", "2026-11-30", "2026-12-06"),
        ("this-month", "2026-11-01", "2026-11-30"),
        ("last-month", "2026-10-01", "2026-10-31"),
        ("next-month", "2026-12-01", "2026-12-31"),
        ("this-quarter", "2026-10-01", "2026-12-31"),
        ("last-quarter", "2026-07-01", "2026-09-30"),
        ("this-year", "2026-01-01", "2026-12-31"),
        ("last-year", "2025-01-01", "2025-12-31"),
        ("last-7-days", "2026-11-20", "2026-11-26"),
        ("last-30-days", "2026-10-28", "2026-11-26"),
        ("next-7-days", "2026-11-26", "2026-12-02"),
        ("past", None, "2026-11-25"),
        ("future", "2026-11-27", None),
    ],
)
def test_a_word_means_these_days(word: str, first: str | None, last: str | None) -> None:
    ends = (None if end is None else date.fromisoformat(end) for end in (first, last))
    assert PERIODS[word](TODAY) == Period(*ends)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_what_is_now_holds_today_and_begins_where_the_last_one_ended(today: date) -> None:
    for unit in ("week", "month", "quarter", "year"):
        now, last = PERIODS[f"this-{unit}"](today), PERIODS[f"last-{unit}"](today)
        assert now.first is not None
        assert now.last is not None
        assert now.first <= today <= now.last
        assert last.last == now.first - timedelta(days=1)
