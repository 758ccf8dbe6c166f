from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.pulse.aggregation import count_days, count_recent, rank, rebuild
from box.apps.pulse.models import COMPANY, Rank, Share, Use
from box.core.events.models import Event
from box.core.registry.company import TIME_ZONE
from box.core.registry.settings import store
from box.core.structure.actions import create_department
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.usefixtures("clock")

# A Wednesday.
NOON = datetime.combine(date(2026, 11, 18), time(12), tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _in_utc(db: None) -> None:
    store({TIME_ZONE.key: "UTC"})
    Event.objects.all().delete()


def happened(kind: str, by: User | None, at: datetime = NOON) -> None:
    Event.objects.create(kind=kind, payload={"by_id": by.pk if by else None}, created_at=at)


def share(period: str, tool: str = "", department: int = COMPANY) -> tuple[int, int]:
    found = Share.objects.filter(period=period, tool=tool, department=department).order_by("-begins_at")[0]
    return found.active, found.people


def test_each_person_counts_once_in_a_tool_and_in_all(anna: User, boris: User, cara: User) -> None:
    for at in (NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2)):
        happened("feed.PostPublished", anna, at)
    happened("worktime.DayStepped", anna)
    happened("worktime.DayStepped", boris)
    count_recent(NOON)
    for period in ("day", "week", "month"):
        assert share(period) == (2, 3)
        assert share(period, "feed") == (1, 3)
        assert share(period, "worktime") == (2, 3)
    assert Use.objects.get(tool="feed").times == 3
    assert Share.objects.filter(period="hour", tool="feed").count() == 3


def test_counting_again_changes_nothing(anna: User, boris: User) -> None:
    happened("feed.PostPublished", anna)
    happened("feed.Liked", boris, NOON - DAY)

    def everything() -> list[Any]:
        shares = Share.objects.order_by("period", "begins_at", "department", "tool")
        return [
            *Use.objects.order_by("on", "tool", "user").values_list("on", "tool", "user", "times"),
            *shares.values_list("period", "begins_at", "department", "tool", "active", "people"),
        ]

    count_recent(NOON)
    once = everything()
    count_recent(NOON + timedelta(minutes=15))
    rebuild(NOON)
    assert everything() == once


def test_what_is_lost_is_rebuilt_from_the_events_and_older_counts_stay(anna: User) -> None:
    happened("feed.PostPublished", anna, NOON - 3 * DAY)
    happened("feed.PostPublished", anna)
    Use.objects.create(on=(NOON - 40 * DAY).date(), tool="feed", user=anna, times=7)
    out = StringIO()
    call_command("pulse", stdout=out)
    assert "counted 2026-11-16" in out.getvalue()
    # Of the oldest day the outbox may hold a part only, so it is left as it was.
    assert list(Use.objects.order_by("on").values_list("times", flat=True)) == [7, 1]


def test_comments_count_for_the_tool_under_whose_objects_they_stand(anna: User) -> None:
    said = {"by_id": anna.pk, "kind": "feed.post"}
    Event.objects.create(kind="discussion.CommentAdded", payload=said, created_at=NOON)
    count_recent(NOON)
    assert share("day", "feed")[0] == 1


def test_what_nobody_or_a_guest_did_and_what_is_no_service_counts_nothing(anna: User, erik: User) -> None:
    happened("feed.PostPublished", erik)
    happened("feed.PostPublished", None)
    happened("org.DepartmentCreated", anna)
    count_recent(NOON)
    assert not Use.objects.exists()


def test_a_person_counts_in_each_department_and_in_all_above(
    anna: User, boris: User, cara: User, sales: Department
) -> None:
    assert sales.parent is not None
    create_department("Empty", parent=sales, by=None)
    Event.objects.all().delete()
    happened("feed.PostPublished", anna)
    happened("feed.PostPublished", cara)
    count_recent(NOON)
    assert share("week") == (2, 3)
    assert share("week", "", sales.pk) == (1, 2)
    assert share("week", "feed", sales.parent.pk) == (1, 2)


def test_a_day_is_the_companys_day(anna: User) -> None:
    store({TIME_ZONE.key: "Asia/Kamchatka"})
    happened("feed.PostPublished", anna, NOON + timedelta(minutes=30))
    count_recent(NOON + timedelta(hours=1))
    assert Use.objects.get().on == (NOON + DAY).date()


def test_the_rating_is_off_until_it_is_switched_on(as_person: Browser, anna: User) -> None:
    Use.objects.create(on=timezone.now().date(), tool="feed", user=anna, times=1234)
    rank(timezone.now())
    assert not Rank.objects.exists()
    assert b"Most active" not in as_person(anna).get("/pulse/").content
    store({"pulse.rating": True})
    rank(timezone.now())
    page = as_person(anna).get("/pulse/").content
    assert b"Most active" in page
    assert b"1,234" in page
    store({"pulse.rating": False})
    assert b"Most active" not in as_person(anna).get("/pulse/").content


@pytest.mark.parametrize("by", ["hour", "day", "week", "month", "", "century"])
def test_the_page_says_how_many_use_what(as_person: Browser, anna: User, boris: User, by: str) -> None:
    happened("worktime.DayStepped", anna, timezone.now())
    count_recent(timezone.now())
    page = as_person(anna).get("/pulse/", {"by": by}).content.decode()
    assert "50 %" in page
    assert "1 of 2" in page
    assert "<pulse-chart" in page


def test_a_tool_that_few_use_leads_to_a_draft_that_explains_it(as_person: Browser, anna: User) -> None:
    page = as_person(anna).get("/pulse/").content.decode()
    assert "/pulse/tools/worktime/draft/" in page
    address = as_person(anna).post("/pulse/tools/worktime/draft/").headers["Location"]
    assert "The clock above every page" in parse_qs(urlsplit(address).query)["draft"][0]
    assert "The clock above every page" in as_person(anna).get(address).content.decode()
    assert as_person(anna).post("/pulse/tools/nonsense/draft/").status_code == 404


def test_a_draft_in_an_address_is_text(as_person: Browser, anna: User) -> None:
    page = as_person(anna).get("/feed/", {"draft": "</textarea><script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in page


def test_a_year_and_three_hundred_departments_cost_as_many_queries_as_a_day(
    as_person: Browser, anna: User
) -> None:
    browser = as_person(anna)
    browser.get("/pulse/")
    with CaptureQueriesContext(connection) as for_nothing:
        browser.get("/pulse/?by=day")
    _a_year(anna)
    # What everybody sees of the structure is read once after it has changed.
    browser.get("/pulse/")
    for by in ("day", "week", "month"):
        with CaptureQueriesContext(connection) as for_much:
            browser.get(f"/pulse/?by={by}")
        assert len(for_much) == len(for_nothing) <= 8


def _a_year(anna: User) -> None:
    departments = [create_department(f"D{number}", parent=None, by=None) for number in range(3)]
    Membership.objects.create(user=anna, department=departments[0])
    first = timezone.now().date() - timedelta(days=365)
    Share.objects.bulk_create(
        Share(
            period="day",
            begins_at=datetime.combine(first + number * DAY, datetime.min.time(), tzinfo=UTC),
            department=department,
            tool=tool,
            active=5,
            people=10,
        )
        for number in range(366)
        for department in range(300)
        for tool in ("", "feed")
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pulse_share")


def test_the_index_answers_for_one_department_of_many(anna: User) -> None:
    _a_year(anna)
    month = timezone.now() - timedelta(days=30)
    plan = Share.objects.of("day", department=7).filter(begins_at__gte=month).explain()
    assert "pulse_share_once" in plan


def test_a_day_is_counted_by_an_index_over_the_events(anna: User) -> None:
    Event.objects.bulk_create(
        Event(
            kind="feed.PostPublished",
            payload={"by_id": anna.pk},
            created_at=NOON - number * timedelta(hours=1),
        )
        for number in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
    plan = Event.objects.filter(created_at__gte=NOON - DAY, created_at__lt=NOON).explain()
    assert "event_age" in plan
    count_days(NOON.date(), NOON.date(), now=NOON)
    assert Use.objects.get().times == 13


def test_it_reads_in_russian(as_person: Browser, anna: User) -> None:
    anna.language = "ru"
    anna.save()
    assert "Пульс" in as_person(anna).get("/pulse/").content.decode()
