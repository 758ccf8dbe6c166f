"""The clock by which the portal goes, stood still where an outcome depends on the hour or the date.

All of the portal reads one clock, `django.utils.timezone.now`, and here that is another one: so neither the
tests nor what they ask sees a midnight or the end of a month pass. PostgreSQL's `now()`, certificates and
signatures go by the machine's clock as before, and so do other processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from django.utils import timezone

MIDDAY = datetime(2026, 11, 18, 9, tzinfo=UTC)
"""A Wednesday in the middle of a month; the same date in Los Angeles and in Kamchatka."""


class Clock:
    """Stands still until it is moved: `clock.move(minutes=31)`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The portal's clock, which stands at MIDDAY. It is set before anything is made: by `usefixtures`, or as
    the test's first fixture."""
    standing = Clock(MIDDAY)

    class AnyMoment(type):
        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, datetime)

    class Moment(metaclass=AnyMoment):
        @staticmethod
        def now(tz: tzinfo | None = None) -> datetime:
            return standing.now.astimezone(tz)

    # Within the function, not the function itself: fields have that as their default.
    monkeypatch.setattr(timezone, "datetime", Moment)
    yield standing
