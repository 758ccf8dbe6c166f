"""Rooms, for programs, which call them resources, and what they are taken for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.access import can_keep_rooms, has_own_calendar
from box.apps.calendar.actions import RoomDraft, change_room, create_room, retire_room
from box.apps.calendar.api.owners import INTEGER, TRUE, day_said, method, stretch
from box.apps.calendar.models import Booking, Event, Room
from box.core.access.principals import EVERYONE, codes_of
from box.core.registry.company import company_zone
from box.core.registry.rest import Call, Conditions, Parameters, listed, not_found

if TYPE_CHECKING:
    from box.apps.calendar.models import RoomQuerySet
    from box.core.accounts.models import User

MOST_NAMED = 100
MOST_BOOKINGS = 1000


class ResourceAdd(Parameters):
    NAME = forms.CharField(max_length=80, help_text=gettext_lazy("What it is called."))


class OfResource(Parameters):
    RESOURCEID = forms.IntegerField(help_text=gettext_lazy("The room."))


class ResourceUpdate(OfResource, ResourceAdd):
    pass


class BookingList(Parameters):
    FILTER = Conditions(
        help_text=gettext_lazy("resourceTypeIdList (rooms) or resourceIdList (bookings), from, to.")
    )


def resources(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/resource/calendar-resource-list.html"""
    # Who has added a room is not kept.
    return [{"ID": str(one.pk), "NAME": one.name, "CREATED_BY": "0"} for one in _rooms(call.user).by_name()]


def add_resource(call: Call) -> Room:
    """https://apidocs.bitrix24.com/api-reference/calendar/resource/calendar-resource-add.html"""
    return create_room(RoomDraft(name=call.values["NAME"], bookers=(EVERYONE,)), by=call.user)


def update_resource(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/resource/calendar-resource-update.html"""
    room = _room(call)
    draft = RoomDraft(
        name=call.values["NAME"], place=room.place, capacity=room.capacity, equipment=room.equipment,
        bookers=tuple(room.bookers), needs_approval=room.needs_approval, keepers=tuple(room.keepers),
    )  # fmt: skip
    change_room(room, draft, by=call.user)
    return room.pk


def delete_resource(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/resource/calendar-resource-delete.html"""
    retire_room(_room(call), by=call.user)
    return True


def bookings(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/resource/calendar-resource-booking-list.html"""
    said = {name.lower(): value for name, value in call.values["FILTER"].items()}
    if unknown := sorted(said.keys() - {"resourcetypeidlist", "resourceidlist", "from", "to"}):
        raise ValidationError(_("%(name)s is no field here.") % {"name": unknown[0][:40]}, code="unknown")
    if ("resourcetypeidlist" in said) == ("resourceidlist" in said):
        raise ValidationError(_("Name either rooms or bookings."), code="filter")
    rows = Booking.objects.filter(room__in=_rooms(call.user))
    if "resourceidlist" in said:
        rows = rows.filter(pk__in=_numbers(said["resourceidlist"]))
    else:
        rows = rows.filter(room__in=_numbers(said["resourcetypeidlist"]), span__overlap=_period(call, said))
    found = list(rows.select_related("event").order_by("span", "pk")[:MOST_BOOKINGS])
    seen = Event.objects.visible_to(call.user).filter(pk__in=[one.event_id for one in found])
    known = set(seen.values_list("pk", flat=True))
    return [_booking_shown(one, is_known=one.event_id in known) for one in found]


def _rooms(user: User) -> RoomQuerySet:
    """As on the page of rooms: those that one may book, and for who keeps them all."""
    if not has_own_calendar(user):
        return Room.objects.none()
    return Room.objects.standing() if can_keep_rooms(user) else Room.objects.open_to(codes_of(user))


def _room(call: Call) -> Room:
    found = _rooms(call.user).filter(pk=call.values["RESOURCEID"]).first()
    if found is None:
        raise not_found(_("There is no such room, or you may not book it."))
    return found


def _numbers(value: Any) -> list[int]:
    said = (
        list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    )
    texts = [str(one) for one in said]
    if len(texts) > MOST_NAMED or not all(
        one.isdecimal() and one.isascii() and len(one) < 19 for one in texts
    ):
        raise ValidationError(
            _("Write a list of at most %(most)s numbers.") % {"most": MOST_NAMED}, code="numbers"
        )
    return [int(one) for one in texts]


def _period(call: Call, said: Mapping[str, Any]) -> DateTimeTZRange:
    """Of whole days; a month back and three ahead where nothing is said."""
    since = day_said(str(said.get("from") or ""), call.now - timedelta(days=30))
    before = day_said(str(said.get("to") or ""), call.now + timedelta(days=90)) + timedelta(days=1)
    return DateTimeTZRange(*stretch(since, before))


def _booking_shown(one: Booking, *, is_known: bool) -> dict[str, Any]:
    """What a room is taken for is said to those who see the event; to the others, when it is taken."""
    event, starts, ends = one.event, one.span.lower, one.span.upper
    return {
        "ID": str(event.pk) if is_known else "0",
        "NAME": event.title if is_known else _("Busy"),
        "CREATED_BY": str(event.organizer_id) if is_known else "0",
        "CAL_TYPE": "resource",
        "OWNER_ID": "0",
        "DATE_FROM": _said(event, starts),
        "DATE_TO": _said(event, ends - timedelta(days=1) if event.is_all_day else ends),
        "TZ_FROM": event.zone,
        "TZ_TO": event.zone,
        "DATE_FROM_TS_UTC": str(int(starts.timestamp())),
        "DATE_TO_TS_UTC": str(int(ends.timestamp())),
        "DT_SKIP_TIME": "Y" if event.is_all_day else "N",
        "DT_LENGTH": int((ends - starts).total_seconds()),
        "SECTION_ID": str(one.room_id),
        "RESOURCE_BOOKING_ID": str(one.pk),
    }


def _said(event: Event, moment: datetime) -> str:
    """Whole days are taken by the company's clock."""
    if event.is_all_day:
        return moment.astimezone(company_zone()).date().isoformat()
    return timezone.localtime(moment, event.tz).isoformat(timespec="seconds")


_TEXTS = (
    "ID", "NAME", "CREATED_BY", "CAL_TYPE", "OWNER_ID", "DATE_FROM", "DATE_TO", "TZ_FROM", "TZ_TO",
    "DATE_FROM_TS_UTC", "DATE_TO_TS_UTC", "DT_SKIP_TIME", "SECTION_ID", "RESOURCE_BOOKING_ID",
)  # fmt: skip


def declare() -> None:
    rooms = listed(**dict.fromkeys(("ID", "NAME", "CREATED_BY"), "string"))
    taken = listed(**dict.fromkeys(_TEXTS, "string"), DT_LENGTH="integer")
    method("resource.list", gettext_lazy("The rooms that one may book."), Parameters, resources, result=rooms)
    about = gettext_lazy("Adds a room, for everybody to book.")
    method("resource.add", about, ResourceAdd, add_resource, result=INTEGER, makes=Room)
    about = gettext_lazy("Calls a room otherwise.")
    method("resource.update", about, ResourceUpdate, update_resource, result=INTEGER)
    about = gettext_lazy("Nobody books the room any more.")
    method("resource.delete", about, OfResource, delete_resource, result=TRUE)
    about = gettext_lazy("When rooms are taken.")
    method("resource.booking.list", about, BookingList, bookings, result=taken)
