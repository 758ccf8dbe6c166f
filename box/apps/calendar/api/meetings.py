"""Answers to invitations, and whose time is taken, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.actions import answer_event
from box.apps.calendar.api.owners import TRUE, day_said, event_seen, method, said_of, stretch
from box.apps.calendar.models import Attendance, Event
from box.apps.calendar.occurrences import occurrences
from box.core.accounts.models import User
from box.core.registry.rest import Call, Parameters, Several, listed, not_found

MOST_TIMES = 5000
MOST_PEOPLE = 50
STATUSES = {
    Attendance.Answer.WAITING: "Q", Attendance.Answer.ACCEPTED: "Y",
    Attendance.Answer.TENTATIVE: "Q", Attendance.Answer.DECLINED: "N",
}  # fmt: skip
_ANSWERS = {
    "Y": Attendance.Answer.ACCEPTED, "N": Attendance.Answer.DECLINED, "Q": Attendance.Answer.TENTATIVE,
}  # fmt: skip


class OfMeeting(Parameters):
    EVENTID = forms.IntegerField(help_text=gettext_lazy("The event."))


class Answering(OfMeeting):
    STATUS = forms.ChoiceField(choices=[(one, one) for one in _ANSWERS], help_text=gettext_lazy("Y, N or Q."))


class Accessibility(Parameters):
    USERS = Several(help_text=gettext_lazy("Whose time is asked for."))
    FROM = forms.CharField(help_text=gettext_lazy("From which day."))
    TO = forms.CharField(help_text=gettext_lazy("To which day."))


def status_of(event: Event, one: Attendance) -> str:
    return "H" if one.user_id == event.organizer_id else STATUSES[Attendance.Answer(one.answer)]


def get_status(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-meeting-status-get.html"""
    found = event_seen(call.values["EVENTID"], call.user)
    mine = found.attendances.filter(user=call.user).first()
    if mine is None:
        raise not_found(_("You are not invited to this event."))
    return status_of(found, mine)


def set_status(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-meeting-status-set.html"""
    found = event_seen(call.values["EVENTID"], call.user)
    answer_event(found, _ANSWERS[call.values["STATUS"]], by=call.user)
    return True


def accessibility(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-accessibility-get.html"""
    since, before = (
        day_said(call.values["FROM"], call.now),
        day_said(call.values["TO"], call.now) + timedelta(days=1),
    )
    since, before = stretch(since, before)
    numbers = [int(one) for one in call.values["USERS"] if one.isdecimal() and len(one) < 19]
    if len(numbers) > MOST_PEOPLE:
        raise ValidationError(_("Ask for %(most)s people at most.") % {"most": MOST_PEOPLE}, code="users")
    people = User.objects.visible_to(call.user).active().filter(pk__in=numbers)
    found: dict[str, list[dict[str, Any]]] = {str(one.pk): [] for one in people}
    taken = Attendance.objects.taken().overlapping(since, before).filter(user__in=people)
    rows = list(taken.select_related("event__calendar").order_by("pk")[:MOST_TIMES])
    seen = Event.objects.visible_to(call.user).filter(pk__in=[one.event_id for one in rows])
    known = set(seen.values_list("pk", flat=True))
    for one in rows:
        for at in occurrences([one.event], since, before):
            found[str(one.user_id)].append(
                {
                    "ID": str(one.event_id) if one.event_id in known else "0",
                    "NAME": one.event.title if one.event_id in known else _("Busy"),
                    "DATE_FROM": said_of(one.event, at.starts_at), "DATE_TO": said_of(one.event, at.ends_at),
                    "ACCESSIBILITY": "busy",
                }
            )  # fmt: skip
    return found


_TAKEN = dict.fromkeys(("ID", "NAME", "DATE_FROM", "DATE_TO", "ACCESSIBILITY"), "string")


def declare() -> None:
    text: Mapping[str, Any] = {"type": "string"}
    busy = {"type": "object", "additionalProperties": listed(**_TAKEN)}
    method("meeting.status.get", gettext_lazy("One's own answer."), OfMeeting, get_status, result=text)
    method("meeting.status.set", gettext_lazy("Answers an invitation."), Answering, set_status, result=TRUE)
    about = gettext_lazy("When people are busy.")
    method("accessibility.get", about, Accessibility, accessibility, result=busy)
