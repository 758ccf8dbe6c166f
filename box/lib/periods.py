"""Stretches of days that are said relative to today: "this week", "the last 30 days"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple


class Period(NamedTuple):
    """Both days belong to it; None is an open end."""

    first: date | None
    last: date | None


def _days(first: int, last: int) -> Callable[[date], Period]:
    return lambda today: Period(today + timedelta(days=first), today + timedelta(days=last))


def _week(shift: int) -> Callable[[date], Period]:
    def of(today: date) -> Period:
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=shift)
        return Period(monday, monday + timedelta(days=6))

    return of


def _months(length: int, shift: int) -> Callable[[date], Period]:
    """Of a month, a quarter or a year, which all begin where one as long began in January."""

    def of(today: date) -> Period:
        start = today.year * 12 + today.month - 1
        start += shift * length - start % length
        return Period(_first_of(start), _first_of(start + length) - timedelta(days=1))

    return of


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


PERIODS: dict[str, Callable[[date], Period]] = {
    "today": _days(0, 0),
    "yesterday": _days(-1, -1),
    "tomorrow": _days(1, 1),
    "this-week": _week(0),
    "last-week": _week(-1),
    "next-week": _week(1),
    "this-month": _months(1, 0),
    "last-month": _months(1, -1),
    "next-month": _months(1, 1),
    "this-quarter": _months(3, 0),
    "last-quarter": _months(3, -1),
    "this-year": _months(12, 0),
    "last-year": _months(12, -1),
    "last-7-days": _days(-6, 0),
    "last-30-days": _days(-29, 0),
    "next-7-days": _days(0, 6),
    "past": lambda today: Period(None, today - timedelta(days=1)),
    "future": lambda today: Period(today + timedelta(days=1), None),
}
