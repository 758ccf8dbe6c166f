"""Booking pages for programs: of those who lead them, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.calendar.access import BOOKING
from box.apps.calendar.actions import (
    PageDraft,
    VisitorDraft,
    book_time,
    cancel_appointment,
    create_page,
    forget_visitor,
    move_appointment,
    move_event,
    retire_page,
)
from box.apps.calendar.models import Appointment, Guest, HeldTime
from box.core.access.actions import employees_role, set_rights
from box.core.access.roles import usual
from box.core.events.delivery import deliver_all
from box.core.notify.models import QueuedLetter
from box.core.registry.settings import store
from box.rest.models import Sending
from box.rest.outgoing import NewListener, add_listener
from tests.box.apps.calendar.conftest import TEN, planned
from tests.box.core.groups.test_actions import group_of
from tests.box.rest.calling import program_of
from tests.clock import Clock

if TYPE_CHECKING:
    from datetime import datetime

    from box.apps.calendar.models import BookingPage
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A Monday, before anybody works.
NOW = TEN - DAY - 4 * HOUR
_keys = count()


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.now = NOW


def page_of(owner: User, title: str = "Consultation", **more: Any) -> BookingPage:
    usual = {"zone": "Europe/Moscow", "notice_hours": 0, "description": "About oak"}
    return create_page(PageDraft(title=title, **{**usual, **more}), by=owner)


def booked(page: BookingPage, at: datetime = TEN, name: str = "Zoe", **more: Any) -> Appointment:
    who = VisitorDraft(
        name=name, email=f"{name.lower()}@example.com", language="en", zone="Asia/Tokyo", **more
    )
    return book_time(page, at, who, key=f"key {next(_keys)}", now=NOW)


def test_who_leads_a_page_reads_who_has_booked_it(anna: User) -> None:
    page = page_of(anna)
    one = booked(page, answers=(("Your firm", "Bricks"), ("Why", "Oak")))
    program = program_of(anna, "booking")
    at = int(TEN.timestamp())
    told = program.call("booking.v1.booking.get", id=one.pk)["booking"]
    assert told == {
        "id": one.pk,
        "name": "Consultation: Zoe",
        "description": "Your firm: Bricks\nWhy: Oak",
        "resourceIds": [page.pk],
        "datePeriod": {
            "from": {"timestamp": at, "timezone": "Europe/Moscow"},
            "to": {"timestamp": at + 60 * page.length_minutes, "timezone": "Europe/Moscow"},
        },
        "korobkaVisitor": {"name": "Zoe", "email": "zoe@example.com"},
    }
    resource = {"id": page.pk, "name": "Consultation", "description": "About oak"}
    assert program.call("booking.v1.resource.get", id=page.pk)["resource"] == resource
    assert program.call("booking.v1.resource.list", filter={"name": "consultation"})["resource"] == [resource]
    (slot,) = program.call("booking.v1.resource.slots.list", resourceId=page.pk)["slots"]
    assert (slot["from"], slot["to"], slot["slotSize"]) == (540, 1080, page.length_minutes)
    assert slot["weekDays"] == ["Mon", "Tue", "Wed", "Thu", "Fri"]
    forget_visitor(one, by=anna)
    told = program.call("booking.v1.booking.get", id=one.pk)["booking"]
    assert (told["name"], told["description"], told["korobkaVisitor"]) == ("Consultation", None, None)


def test_bookings_are_found_by_page_and_period(anna: User) -> None:
    first, second = page_of(anna), page_of(anna, "Tasting")
    early, late = booked(first), booked(second, TEN + 2 * DAY, "Yan")
    gone = booked(first, TEN + 3 * HOUR, "Xena")
    cancel_appointment(gone, now=NOW)
    program = program_of(anna, "booking")

    def found(**asked: Any) -> list[int]:
        return [one["id"] for one in program.call("booking.v1.booking.list", **asked)["booking"]]

    assert found() == [early.pk, late.pk]
    assert found(order={"dateFrom": "DESC"}) == [late.pk, early.pk]
    assert found(filter={"resourceId": [second.pk]}) == [late.pk]
    starts, ends = int(early.event.starts_at.timestamp()), int(early.event.ends_at.timestamp())
    # What ends as the period begins, or begins as it ends, is none of it.
    for since, before, expected in (
        (starts, ends, [early.pk]),
        (ends - 1, ends, [early.pk]),
        (ends, ends + 60, []),
        (starts - 60, starts, []),
        (0, 4_000_000_000, [early.pk, late.pk]),
    ):
        assert found(filter={"within": {"dateFrom": str(since), "dateTo": before}}) == expected
    wrong: dict[str, Any]
    for wrong in (
        {"within": {"dateFrom": 5}},
        {"within": {"dateFrom": 5, "dateTo": 4}},
        {"within": {"dateFrom": -5, "dateTo": 4}},
        {"within": {"dateFrom": 5, "dateTo": 10**18}},
        {"within": {"dateFrom": 5, "dateTo": [6]}},
        {"within": {"dateFrom": 5, "dateTo": 6, "dateAt": 7}},
        {"within": 5},
        {"client": {"entities": []}},
    ):
        assert program.ask("booking.v1.booking.list", filter=wrong).status_code == 400


def test_nobody_else_reads_or_cancels_it(anna: User, boris: User) -> None:
    page = page_of(anna)
    one, program = booked(page), program_of(boris, "booking")
    assert program.call("booking.v1.booking.list")["booking"] == []
    assert program.call("booking.v1.resource.list")["resource"] == []
    for method, asked in (
        ("booking.get", {"id": one.pk}),
        ("booking.delete", {"id": one.pk}),
        ("resource.get", {"id": page.pk}),
        ("resource.slots.list", {"resourceId": page.pk}),
    ):
        assert program.error(f"booking.v1.{method}", **asked) == (400, "ERROR_NOT_FOUND")
    assert program_of(anna, "calendar").ask("booking.v1.booking.get", id=one.pk).status_code == 403
    one.event.refresh_from_db()
    assert one.event.removed_at is None
    hers = program_of(anna, "booking")
    set_rights(employees_role(), usual() - {BOOKING}, by=None)
    assert hers.error("booking.v1.booking.list") == (403, "ACCESS_DENIED")
    set_rights(employees_role(), usual(), by=None)
    retire_page(page, by=anna)
    assert hers.call("booking.v1.booking.list")["booking"] == []


def test_whoever_leads_the_group_cancels_what_they_may_remove_from_the_hosts_calendar(
    anna: User, boris: User
) -> None:
    """Boris receives on the page of anna's group, in his own calendar."""
    page = page_of(anna, hosts="turn", group=group_of(anna, boris))
    planned(anna)
    one = booked(page)
    assert one.event.organizer == boris
    program = program_of(anna, "booking")
    assert program.call("booking.v1.booking.get", id=one.pk)
    assert program.ask("booking.v1.booking.delete", id=one.pk).status_code == 403
    one.event.refresh_from_db()
    assert one.event.removed_at is None


def test_what_is_cancelled_is_told_to_the_visitor_and_free_again(anna: User) -> None:
    store({"mail.host": "127.0.0.1"})
    page = page_of(anna)
    one, program = booked(page), program_of(anna, "booking")
    deliver_all()
    QueuedLetter.objects.all().delete()
    assert program.call("booking.v1.booking.delete", id=one.pk) is True
    assert program.error("booking.v1.booking.delete", id=one.pk)[1] == "ERROR_NOT_FOUND"
    deliver_all()
    assert [one.to for one in QueuedLetter.objects.all()] == ["zoe@example.com"]
    assert not HeldTime.objects.exists()
    one.refresh_from_db()
    assert one.cancelled_at is not None
    assert booked(page, name="Yan").event.starts_at == TEN


def test_programs_are_told_once_of_what_visitors_and_hosts_do(anna: User, olga: User) -> None:
    names = ("ONBOOKINGADD", "ONBOOKINGUPDATE", "ONBOOKINGDELETE")
    add_listener(NewListener("Reception", "https://example.com/hook", names), by=olga)

    def told() -> list[tuple[str, int]]:
        deliver_all()
        found = [(one.event, one.data["FIELDS"]["ID"]) for one in Sending.objects.order_by("pk")]
        Sending.objects.all().delete()
        return found

    page = page_of(anna)
    one = booked(page)
    assert told() == [("ONBOOKINGADD", one.pk)]
    move_appointment(one, TEN + HOUR, now=NOW)
    assert told() == [("ONBOOKINGUPDATE", one.pk)]
    one.event.refresh_from_db()
    move_event(one.event, TEN + 2 * HOUR, TEN + 3 * HOUR, by=anna)
    assert told() == [("ONBOOKINGUPDATE", one.pk)]
    cancel_appointment(one, now=NOW)
    assert told() == [("ONBOOKINGDELETE", one.pk)]
    other = booked(page)
    told()
    program_of(anna, "booking").call("booking.v1.booking.delete", id=other.pk)
    assert told() == [("ONBOOKINGDELETE", other.pk)]
    # What nobody has booked is the calendar's alone.
    move_event(planned(anna), TEN + 5 * HOUR, TEN + 6 * HOUR, by=anna)
    assert told() == []
    assert not Guest.objects.asked().exclude(event__in=[one.event_id, other.event_id]).exists()


def test_a_page_costs_the_same_however_many_have_booked(anna: User) -> None:
    program, page, costs = program_of(anna, "booking"), page_of(anna), []
    for hours in (range(1), range(1, 6)):
        for hour in hours:
            booked(page, TEN + hour * HOUR, f"Visitor{hour}")
        program.call("booking.v1.booking.list")
        with CaptureQueriesContext(connection) as asked:
            program.call("booking.v1.booking.list")
        costs.append(len(asked))
    assert costs[0] == costs[1]
