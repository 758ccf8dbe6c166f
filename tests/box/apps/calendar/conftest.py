from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from box.apps.calendar.actions import EventDraft, PageDraft, create_event, create_page, main_calendar
from box.core.access.principals import code_of
from tests.box.core.groups.test_actions import group_of

if TYPE_CHECKING:
    from box.apps.calendar.models import BookingPage, Event
    from box.core.accounts.models import User
    from box.core.groups.models import Group
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


def page_of(owner: User, /, **more: Any) -> BookingPage:
    usual: dict[str, Any] = {"title": "Consultation", "zone": "Europe/Moscow", "notice_hours": 0}
    return create_page(PageDraft(**{**usual, **more}), by=owner)


@pytest.fixture
def page(anna: User) -> BookingPage:
    return page_of(anna)


@pytest.fixture
def team(anna: User, boris: User) -> Group:
    return group_of(anna, boris)
