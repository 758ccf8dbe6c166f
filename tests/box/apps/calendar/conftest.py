from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from box.apps.calendar.actions import EventDraft, create_event, main_calendar
from box.core.access.principals import code_of

if TYPE_CHECKING:
    from box.apps.calendar.models import Event
    from box.core.accounts.models import User
    from tests.clock import Clock

MOSCOW = ZoneInfo("Europe/Moscow")
# A Tuesday.
TEN = datetime(2026, 12, 1, 10, tzinfo=MOSCOW)
FAR = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _before_ten(clock: Clock) -> None:
    """What is planned in these tests is to come, in every year in which they run."""


def draft(title: str = "Stand-up", starts: datetime = TEN, hours: float = 1, **more: Any) -> EventDraft:
    given: dict[str, Any] = {"ends_at": starts + timedelta(hours=hours), "zone": "Europe/Moscow", **more}
    return EventDraft(title=title, starts_at=starts, **given)


def whole_days(title: str = "Fair", first: int = 7, days: int = 1, **more: Any) -> EventDraft:
    starts = datetime(2026, 12, first, tzinfo=UTC)
    return draft(title, starts, is_all_day=True, ends_at=starts + timedelta(days=days), **more)


def planned(by: User, what: EventDraft | None = None, *, code: str = "") -> Event:
    """An event in the calendar of this principal, by default of the person."""
    return create_event(main_calendar(code or code_of(by)), what or draft(), by=by)
