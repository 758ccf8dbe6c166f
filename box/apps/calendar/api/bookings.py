"""What people outside have booked, for programs: a booking page is a resource, an appointment a booking.

Source: https://apidocs.bitrix24.com/api-reference/booking/index.html. A page has one setting of slots and is
set up on its own page; visitors have a name and an address and are no elements of the CRM; who waits for a
place is not kept. Nothing is booked by this way: a time is held for an address that somebody has written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.access import demand_offering
from box.apps.calendar.actions import remove_event
from box.apps.calendar.api.owners import TRUE
from box.apps.calendar.events import AppointmentBooked, EventChanged, EventRemoved
from box.apps.calendar.models import Appointment, BookingPage
from box.core.registry.filtering import Filterable, Related, Text, condition_of, order_of
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    HookEvent,
    Listing,
    ListParameters,
    MethodGroup,
    Parameters,
    Scope,
    Sorting,
    hook_events,
    listed,
    not_found,
    numbered,
    scopes,
    shaped,
)
from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from box.apps.calendar.models import AppointmentQuerySet, BookingPageQuerySet
    from box.core.accounts.models import User

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LAST = int(datetime.max.replace(tzinfo=UTC).timestamp())


def _group(prefix: str, folder: str) -> MethodGroup:
    name = prefix.removesuffix(".").replace(".", "-")
    source = f"{DOCS}booking/{folder}/{name}-{{}}.html"
    return MethodGroup(prefix=prefix, room="calendar", scopes=("booking",), source=source)


_BOOKINGS = _group("booking.v1.booking.", "booking")
_RESOURCES = _group("booking.v1.resource.", "resource")
_SLOTS = _group("booking.v1.resource.slots.", "resource/slots")


class Within:
    """Bookings of which some time is in a period, `{"dateFrom": 0, "dateTo": 1739262600}` in seconds."""

    def condition(self, operator: str, value: Any) -> Q:
        said = {str(key).lower(): one for key, one in value.items()} if isinstance(value, Mapping) else {}
        since, before = (_second(said.get(name)) for name in ("datefrom", "dateto"))
        if (
            operator
            or said.keys() != {"datefrom", "dateto"}
            or since is None
            or before is None
            or since > before
        ):
            raise ValidationError(
                _("Write when the period begins and ends, dateFrom and dateTo, in seconds since 1970."),
                code="period",
            )
        return Q(event__starts_at__lt=before, event__ends_at__gt=since)


def _second(value: Any) -> datetime | None:
    number = whole_number(str(value))
    return datetime.fromtimestamp(number, UTC) if number is not None and number <= _LAST else None


_FILTERS: Mapping[str, Filterable] = {"WITHIN": Within(), "RESOURCEID": Related("page")}
_ORDERS = {"ID": "id", "DATEFROM": "event__starts_at", "DATETO": "event__ends_at"}
_PAGE_FILTERS: Mapping[str, Filterable] = {"NAME": Text("title"), "DESCRIPTION": Text("description")}
_PAGE_ORDERS = {"ID": "id", "NAME": "title"}


class OfBooking(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The booking."))


class BookingList(ListParameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy("within and resourceId."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"dateFrom": "ASC"}.'))


class OfPage(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The booking page."))


class PageList(ListParameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"name": "ASC"}.'))


class SlotsList(Parameters):
    RESOURCEID = forms.IntegerField(help_text=gettext_lazy("The booking page."))


def booking(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/booking/booking/booking-v1-booking-get.html"""
    return {"booking": _shown([_booking(call)])[0]}


def bookings(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/booking/booking/booking-v1-booking-list.html"""
    rows = _bookings(call.user).filter(condition_of(call.values["FILTER"], _FILTERS))
    return Listing(rows, _shown, order_of("", call.values["ORDER"], _ORDERS), within="booking")


def cancel(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/booking/booking/booking-v1-booking-delete.html

    As a host does it in their calendar: the visitor is told by letter."""
    remove_event(_booking(call).event, by=call.user)
    return True


def resource(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/booking/resource/booking-v1-resource-get.html"""
    return {"resource": _pages_shown([_page(call.values["ID"], call.user)])[0]}


def resources(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/booking/resource/booking-v1-resource-list.html"""
    rows = _pages(call.user).filter(condition_of(call.values["FILTER"], _PAGE_FILTERS))
    return Listing(rows, _pages_shown, order_of("", call.values["ORDER"], _PAGE_ORDERS), within="resource")


def slots(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/booking/resource/slots/booking-v1-resource-slots-list.html"""
    page = _page(call.values["RESOURCEID"], call.user)
    return {
        "slots": [
            {
                "id": page.pk,
                "from": _minutes(page.begins),
                "to": _minutes(page.ends),
                "timezone": page.zone,
                "weekDays": [_DAYS[day] for day in sorted(page.weekdays)],
                "slotSize": page.length_minutes,
            }
        ]
    }


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _pages(user: User) -> BookingPageQuerySet:
    """As on the page of booking pages: one's own, and those of the groups that one leads."""
    demand_offering(user)
    return BookingPage.objects.standing().led_by(user)


def _page(pk: int, user: User) -> BookingPage:
    found = _pages(user).filter(pk=pk).first()
    if found is None:
        raise not_found(_("There is no such booking page, or you do not lead it."))
    return found


def _bookings(user: User) -> AppointmentQuerySet:
    return Appointment.objects.standing().filter(page__in=_pages(user)).select_related("event")


def _booking(call: Call) -> Appointment:
    found = _bookings(call.user).filter(pk=call.values["ID"]).first()
    if found is None:
        raise not_found(_("There is no such booking, or you do not lead its page."))
    return found


def _shown(rows: Sequence[Appointment]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.pk,
            "name": one.event.title,
            "description": "\n".join(f"{asked}: {said}" for asked, said in one.answers) or None,
            "resourceIds": [one.page_id],
            "datePeriod": {
                name: {"timestamp": int(at.timestamp()), "timezone": one.event.zone}
                for name, at in (("from", one.event.starts_at), ("to", one.event.ends_at))
            },
            # Who has been forgotten has neither.
            "korobkaVisitor": {"name": one.name, "email": one.email} if one.email else None,
        }
        for one in rows
    ]


def _pages_shown(rows: Sequence[BookingPage]) -> list[dict[str, Any]]:
    return [{"id": one.pk, "name": one.title, "description": one.description or None} for one in rows]


def _booked(event: AppointmentBooked) -> Mapping[str, Any]:
    return numbered(event.appointment_id)


def _of_booking(event: EventChanged | EventRemoved) -> Mapping[str, Any] | None:
    """Whoever changes it, the visitor or a host, changes its event."""
    found = Appointment.objects.filter(event=event.event_id).values_list("pk", flat=True).first()
    return numbered(found) if found is not None else None


def declare() -> None:
    about = gettext_lazy("See what people outside have booked on your pages, and cancel it.")
    scopes.add("booking", Scope(gettext_lazy("Booking pages"), about, room="calendar"))
    hook_events.add(
        "ONBOOKINGADD",
        HookEvent("calendar", gettext_lazy("Somebody outside has booked a time"), AppointmentBooked, _booked),
    )
    for name, label, event_type in (
        ("ONBOOKINGUPDATE", gettext_lazy("A booked time was changed"), EventChanged),
        ("ONBOOKINGDELETE", gettext_lazy("A booked time was cancelled"), EventRemoved),
    ):
        hook_events.add(name, HookEvent("calendar", label, event_type, _of_booking))
    one = shaped(id="integer", name="string", description="string?", resourceIds="array of integer")
    moment = shaped(timestamp="integer", timezone="string")
    one["properties"] |= {
        "datePeriod": {"type": "object", "properties": {"from": moment, "to": moment}},
        "korobkaVisitor": {**shaped(name="string", email="string"), "type": ["object", "null"]},
    }
    page = shaped(id="integer", name="string", description="string?")
    parts = {"from": "integer", "to": "integer", "timezone": "string", "slotSize": "integer", "id": "integer"}
    slot = listed(**parts, weekDays="array of string")
    _BOOKINGS.add("get", gettext_lazy("One booking."), OfBooking, booking, _of(booking=one))
    about = gettext_lazy("What people outside have booked.")
    _BOOKINGS.add("list", about, BookingList, bookings, _of(booking=_several(one)), filters=_FILTERS)
    _BOOKINGS.add("delete", gettext_lazy("Cancels a booking."), OfBooking, cancel, TRUE)
    _RESOURCES.add("get", gettext_lazy("One booking page."), OfPage, resource, _of(resource=page))
    about = gettext_lazy("The booking pages that you lead.")
    _RESOURCES.add("list", about, PageList, resources, _of(resource=_several(page)), filters=_PAGE_FILTERS)
    _SLOTS.add("list", gettext_lazy("When a booking page takes people."), SlotsList, slots, _of(slots=slot))


def _of(**properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties}


def _several(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "array", "items": schema}
