"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from box.apps.calendar.actions import (
    GuestDraft,
    PageDraft,
    RoomDraft,
    VisitorDraft,
    book_time,
    create_calendar,
    create_feed,
    create_page,
    create_room,
    main_calendar,
    remove_event,
)
from box.apps.calendar.actions.meetings import add_decision, add_topic, prepare_meeting
from box.apps.calendar.booking import availability
from box.apps.calendar.models import RoomRequest
from box.apps.calendar.occurrences import Occurrence
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group, join_group
from tests.box.apps.calendar.conftest import TEN, draft, planned
from tests.box.visits import ADMINISTRATORS, EMPLOYEES, SIGN_IN, Cast, Visit, annas_alone, private, signed_in

REFUSAL = {"to": "refuse", "count": "1", "reason": "Taken for the fair"}
TIMES = {"starts": TEN.isoformat(), "ends": ""}


def owning(status: int) -> tuple[int | str, ...]:
    """For anna, to whose event boris is invited."""
    return (404, status, 403, 404, 404, SIGN_IN)


def members(status: int) -> tuple[int | str, ...]:
    """For the group of anna and boris."""
    return (status, status, status, 404, 404, SIGN_IN)


def changing(status: int) -> tuple[int | str, ...]:
    """The same, where an administrator looks on."""
    return (403, status, status, 404, 404, SIGN_IN)


def keeping(status: int) -> tuple[int | str, ...]:
    return (status, 403, 403, 403, 403, SIGN_IN)


EMPLOYEES_MAY = (200, 200, 200, 200, 403, SIGN_IN)


def offering(status: int) -> tuple[int | str, ...]:
    """For anna, whose booking page it is; an outside guest has none at all."""
    return (404, status, 404, 404, 403, SIGN_IN)


VISITS = (
    Visit("GET", "calendar:home", signed_in(200)),
    # Without a stretch of time, which is another test's.
    Visit("GET", "calendar:items", signed_in(400)),
    Visit("GET", "calendar:team", EMPLOYEES),
    Visit("GET", "calendar:principals", signed_in(200)),
    Visit("GET", "calendar:free-times", EMPLOYEES),
    Visit("GET", "calendar:rooms", EMPLOYEES),
    Visit("GET", "calendar:new-room", ADMINISTRATORS),
    Visit("POST", "calendar:new-room", keeping(422), data={"name": ""}),
    Visit("GET", "calendar:room", keeping(200), of="room"),
    Visit("POST", "calendar:room", keeping(422), of="room", data={"name": ""}),
    Visit("POST", "calendar:retirement", keeping(302), of="room"),
    Visit("GET", "calendar:room-requests", EMPLOYEES),
    Visit(
        "POST",
        "calendar:room-decision",
        (302, 404, 302, 404, 404, SIGN_IN),
        of="request for a room",
        data=REFUSAL,
    ),
    Visit("GET", "calendar:new", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "calendar:new", (422, 422, 422, 422, 403, SIGN_IN), data={"title": ""}),
    Visit("GET", "calendar:event", private(200), of="event with a guest"),
    Visit("POST", "calendar:prepare-meeting", private(302), of="event with a guest"),
    Visit("GET", "calendar:meeting", private(200), of="meeting"),
    Visit("POST", "calendar:topics", private(422), of="meeting"),
    Visit("POST", "calendar:decisions", private(422), of="meeting"),
    Visit("POST", "calendar:presence", private(404), of="meeting"),
    Visit("POST", "calendar:record", private(302), of="meeting"),
    Visit("POST", "calendar:topic", private(302), of="topic", data={"done": "1"}),
    Visit("DELETE", "calendar:topic", private(302), of="topic"),
    Visit("POST", "calendar:minutes", private(302), of="topic", data={"text": "Said", "base": ""}),
    Visit("DELETE", "calendar:decision", private(302), of="decision"),
    Visit("GET", "calendar:event", annas_alone(200), of="own event"),
    Visit("GET", "calendar:event", members(200), of="event of a group"),
    Visit("GET", "calendar:event", signed_in(404), of="removed event"),
    Visit("GET", "calendar:edition", owning(200), of="event with a guest"),
    Visit("GET", "calendar:edition", changing(200), of="event of a group"),
    Visit("POST", "calendar:edition", owning(422), of="event with a guest", data={"title": ""}),
    Visit("POST", "calendar:times", owning(422), of="event with a guest", data=TIMES),
    Visit("POST", "calendar:times", changing(422), of="event of a group", data=TIMES),
    Visit("POST", "calendar:answer", private(422), of="event with a guest", data={"answer": "x"}),
    Visit("POST", "calendar:reminder", private(422), of="event with a guest", data={"minutes": "7"}),
    Visit("POST", "calendar:removal", owning(302), of="event with a guest"),
    Visit("POST", "calendar:removal", changing(302), of="event of a group"),
    Visit("POST", "calendar:undoing", annas_alone(302), of="change of an event"),
    Visit("GET", "calendar:new-calendar", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "calendar:new-calendar", (422, 422, 422, 422, 403, SIGN_IN), data={"name": ""}),
    Visit("GET", "calendar:calendar", annas_alone(200), of="own calendar"),
    Visit("GET", "calendar:calendar", (200, 403, 403, 403, 404, SIGN_IN), of="calendar of the company"),
    Visit("POST", "calendar:calendar", annas_alone(422), of="own calendar", data={"color": "pink"}),
    Visit("POST", "calendar:feeds", annas_alone(302), of="own calendar"),
    Visit("POST", "calendar:feed-end", annas_alone(302), of="link to a calendar"),
    Visit("GET", "calendar:feed", signed_in(200, nobody=200), of="address of a calendar", has_session=False),
    Visit(
        "GET",
        "calendar:invitation",
        signed_in(200, nobody=200),
        of="guest",
        has_session=False,
    ),
    Visit("POST", "calendar:invitation", signed_in(422, nobody=422), of="guest"),
    Visit(
        "GET",
        "calendar:invitation-file",
        signed_in(200, nobody=200),
        of="guest",
        has_session=False,
    ),
    Visit("POST", "calendar:calendar-removal", annas_alone(302), of="own calendar"),
    Visit("GET", "calendar:booking-pages", EMPLOYEES_MAY),
    Visit("GET", "calendar:new-booking-page", EMPLOYEES_MAY),
    Visit("POST", "calendar:new-booking-page", (422, 422, 422, 422, 403, SIGN_IN), data={"title": ""}),
    Visit("GET", "calendar:booking-page", offering(200), of="booking page"),
    Visit("POST", "calendar:booking-page", offering(422), of="booking page", data={"title": ""}),
    Visit("POST", "calendar:booking-page-state", offering(302), of="booking page", data={"to": "off"}),
    Visit("DELETE", "calendar:visitor", (404, 302, 404, 404, 404, SIGN_IN), of="appointment"),
    Visit(
        "GET", "calendar:book", signed_in(200, nobody=200), of="address of a booking page", has_session=False
    ),
    Visit(
        "GET",
        "calendar:book-challenge",
        signed_in(200, nobody=200),
        of="address of a booking page",
        has_session=False,
    ),
    Visit(
        "POST",
        "calendar:book-time",
        signed_in(400, nobody=400),
        of="address of a booking page",
        has_session=False,
    ),
    Visit(
        "GET",
        "calendar:appointment",
        signed_in(200, nobody=200),
        of="address of an appointment",
        has_session=False,
    ),
    Visit("POST", "calendar:appointment-time", signed_in(422, nobody=422), of="address of an appointment"),
    Visit(
        "POST",
        "calendar:appointment-confirmation",
        signed_in(302, nobody=302),
        of="address of an appointment",
    ),
    Visit(
        "POST",
        "calendar:appointment-cancellation",
        signed_in(302, nobody=302),
        of="address of an appointment",
    ),
)


def _asked(cast: Cast, anna: User) -> RoomRequest:
    """Of anna, for a room that boris keeps."""
    keepers = (code_of(cast.boris),)
    kept = RoomDraft(name="Hall", bookers=(EVERYONE,), needs_approval=True, keepers=keepers)
    return RoomRequest.objects.get(event=planned(anna, draft(room=create_room(kept, by=cast.olga))))


def things(cast: Cast) -> dict[str, Any]:
    anna = User.objects.get(pk=cast.anna.pk)
    invited = planned(anna, draft(invited=(code_of(cast.boris),)))
    removed = planned(anna)
    revision = remove_event(removed, by=anna)
    group = create_group(NewGroup("Planning"), by=anna)
    join_group(group, by=cast.boris)
    anna = User.objects.get(pk=anna.pk)
    feed = create_feed(main_calendar(code_of(anna)), by=anna)
    meeting = prepare_meeting(Occurrence(invited, invited.starts_at, invited.ends_at), by=anna)
    asked = planned(anna, draft(guests=(GuestDraft("zoe@example.com"),)))
    page = create_page(
        PageDraft(title="Advice", zone="Europe/Moscow", notice_hours=0, horizon_days=60), by=anna
    )
    now = timezone.now()
    tomorrow, later = now + timedelta(days=1), now + timedelta(days=30)
    # One that has begun is not cancelled, and the table takes minutes.
    start = next(availability(page, tomorrow, later).times(tomorrow, later))
    visitor = VisitorDraft(name="Zoe", email="zoe@example.com", language="en", zone="Europe/Moscow")
    appointment = book_time(page, start, visitor, key="one", now=now)
    return {
        "booking page": page.pk,
        "address of a booking page": page.token,
        "appointment": appointment.pk,
        "address of an appointment": appointment.token,
        "meeting": meeting.pk,
        "topic": add_topic(meeting, "Budget", by=anna).pk,
        "decision": add_decision(meeting, "Ask the bank", by=anna).pk,
        "event with a guest": invited.pk,
        "own event": planned(anna).pk,
        "event of a group": planned(anna, code=group.code).pk,
        "removed event": removed.pk,
        "change of an event": revision.pk,
        "link to a calendar": feed.pk,
        "address of a calendar": feed.token,
        "guest": asked.guests.get().token,
        "own calendar": create_calendar("Family", "plum", by=anna).pk,
        "room": create_room(RoomDraft(name="Blue", bookers=(EVERYONE,)), by=cast.olga).pk,
        "request for a room": _asked(cast, anna).pk,
        "calendar of the company": main_calendar(EVERYONE).pk,
    }
