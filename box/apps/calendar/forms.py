"""What people send to calendars."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from email.utils import formataddr, getaddresses
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from box.apps.calendar.actions import EventDraft, GuestDraft, Scope
from box.apps.calendar.models import LONGEST_DECISION, LONGEST_TOPIC, Attendance, Calendar, Color, Room
from box.core.registry.company import time_zones
from box.lib.forms import set_choices
from box.lib.moments import refuse_distant
from box.lib.recurrence import local_moment
from box.lib.recurrence_form import RepetitionForm, answers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.functional import _StrOrPromise

    from box.apps.calendar.occurrences import Occurrence

ONE_DAY = timedelta(days=1)
SCOPES = (
    (Scope.THIS, gettext_lazy("only this time")),
    (Scope.FOLLOWING, gettext_lazy("this and all that follow")),
    (Scope.ALL, gettext_lazy("all times")),
)


def _day() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def _hour(label: _StrOrPromise) -> forms.TimeField:
    widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
    missing = gettext_lazy("Say the time, or choose “All day”.")
    return forms.TimeField(label=label, widget=widget, error_messages={"required": missing})


class EventForm(RepetitionForm):
    # A browser would ask for times also of what lasts whole days.
    use_required_attribute = False

    title = forms.CharField(label=pgettext_lazy("event", "What"), max_length=200)
    starts_on = forms.DateField(label=pgettext_lazy("event", "From"), widget=_day())
    starts = _hour(pgettext_lazy("event", "At"))
    ends_on = forms.DateField(label=pgettext_lazy("event", "To"), widget=_day())
    ends = _hour(pgettext_lazy("event", "Till"))
    is_all_day = forms.BooleanField(label=gettext_lazy("All day"), required=False)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), required=False)
    calendar = forms.ModelChoiceField(
        Calendar.objects.none(), label=gettext_lazy("Calendar"), empty_label=None
    )
    room = forms.ModelChoiceField(
        Room.objects.none(), label=gettext_lazy("Room"), required=False, empty_label=gettext_lazy("no room")
    )
    place = forms.CharField(label=pgettext_lazy("event", "Place"), max_length=200, required=False)
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=20_000, required=False,
        widget=forms.Textarea(attrs={"rows": 4, "data-grow": ""}),
    )  # fmt: skip
    guests = forms.CharField(
        label=gettext_lazy("People outside, by e-mail"), max_length=5000, required=False,
        help_text=gettext_lazy(
            "Addresses with commas between them. Each gets a letter that their calendar understands."
        ),
        widget=forms.Textarea(attrs={"rows": 1, "data-grow": "", "autocomplete": "off"}),
    )  # fmt: skip
    is_confidential = forms.BooleanField(
        label=gettext_lazy("Private: others see only that you are busy"), required=False
    )
    is_free = forms.BooleanField(label=gettext_lazy("It takes no time: I stay free"), required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        calendars: Sequence[tuple[int, str]],
        rooms: Sequence[Room],
        initial: dict[str, Any],
    ) -> None:
        super().__init__(data, initial=initial)
        if data and data.get("is_all_day"):
            self.fields["starts"].required = self.fields["ends"].required = False
        choices = self.fields["calendar"]
        assert isinstance(choices, forms.ModelChoiceField)  # noqa: S101 - for the checker
        choices.queryset = Calendar.objects.filter(pk__in=[pk for pk, _name in calendars])
        choices.choices = calendars
        room = self.fields["room"]
        assert isinstance(room, forms.ModelChoiceField)  # noqa: S101 - for the checker
        room.queryset = Room.objects.filter(pk__in=[one.pk for one in rooms])
        room.choices = [("", room.empty_label or ""), *((one.pk, label_of(one)) for one in rooms)]
        # An event keeps the zone that it has, whichever program has given it.
        first = filter(None, (self.initial.get("zone"), timezone.get_current_timezone_name(), "UTC"))
        set_choices(
            self,
            "zone",
            list({**{one: one.replace("_", " ") for one in first}, **dict(time_zones())}.items()),
        )

    def draft(self, invited: Sequence[str]) -> EventDraft:
        """Of a form that is valid. Raises ValidationError for a rule with two ends."""
        said = self.cleaned_data
        starts_at, ends_at = self._times()
        return EventDraft(
            title=said["title"], starts_at=starts_at, ends_at=ends_at, zone=self._zone(),
            is_all_day=said["is_all_day"], rule=self.rule_from(starts_at), description=said["description"],
            place=said["place"], is_confidential=said["is_confidential"], is_free=said["is_free"],
            invited=tuple(invited), room=said["room"], guests=guests_of(said["guests"]),
        )  # fmt: skip

    def _zone(self) -> str:
        return self.cleaned_data["zone"] or timezone.get_current_timezone_name()

    def _times(self) -> tuple[datetime, datetime]:
        said = self.cleaned_data
        if said["is_all_day"]:
            last = said["ends_on"] + ONE_DAY
            return _midnight(said["starts_on"]), _midnight(last)
        zone = ZoneInfo(self._zone())
        starts = local_moment(said["starts_on"], said["starts"], zone)
        return starts, local_moment(said["ends_on"], said["ends"], zone)


def guests_of(text: str) -> tuple[GuestDraft, ...]:
    """`anna@example.com, "Boris" <b@example.com>`, with commas, semicolons or lines between them."""
    text = ",".join(filter(None, (part.strip() for part in re.split(r"[;\n]", text))))
    # An address that is none is for the action to refuse, and so is what this cannot part.
    found = getaddresses([text], strict=False) if text else []
    return tuple(GuestDraft(email or text[:100], name) for name, email in found)


def label_of(room: Room) -> str:
    """With what one chooses by."""
    holds = ngettext("%(num)s person", "%(num)s people", room.capacity or 0) % {"num": room.capacity}
    word = _("has to be approved") if room.needs_approval else ""
    facts = [room.place, holds if room.capacity else "", room.equipment, word]
    return ", ".join([room.name, *filter(None, facts)])


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def initial_of(occurrence: Occurrence) -> dict[str, Any]:
    """How the form is filled in for a time of an event."""
    event = occurrence.event
    zone = event.tz
    starts, ends = occurrence.starts_at.astimezone(zone), occurrence.ends_at.astimezone(zone)
    last = ends.date() - ONE_DAY if event.is_all_day else ends.date()
    return {
        "title": event.title, "place": event.place, "description": event.description,
        "calendar": event.calendar_id, "room": event.room_id, "zone": event.zone,
        "is_all_day": event.is_all_day,
        "is_confidential": event.is_confidential, "is_free": event.is_free,
        "starts_on": starts.date(), "starts": starts.time(), "ends_on": last, "ends": ends.time(),
        "guests": ", ".join(formataddr((one.name, one.email)) for one in event.guests.asked().order_by("pk")),
        **answers_of(event.rule, starts),
    }  # fmt: skip


class TimesForm(forms.Form):
    """Where an event was dropped, or how far it was stretched: as FullCalendar says it."""

    starts = forms.CharField(max_length=40)
    ends = forms.CharField(max_length=40)
    all_day = forms.BooleanField(required=False)
    scope = forms.TypedChoiceField(
        choices=[(one.value, one.value) for one in Scope], coerce=Scope, required=False, empty_value=Scope.ALL
    )
    at = forms.CharField(max_length=40, required=False)

    def clean_starts(self) -> datetime:
        return moment_of(self.cleaned_data["starts"])

    def clean_ends(self) -> datetime:
        return moment_of(self.cleaned_data["ends"])

    def clean_at(self) -> datetime | None:
        return moment_of(self.cleaned_data["at"]) if self.cleaned_data["at"] else None


def moment_of(text: str) -> datetime:
    """A moment with its offset, or a day: that is its midnight in UTC."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise ValidationError(_("This moment is not understood."), code="moment") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    refuse_distant(found)
    return found


class AnswerForm(forms.Form):
    answer = forms.ChoiceField(choices=Attendance.Answer.choices)
    comment = forms.CharField(max_length=300, required=False)
    proposed_at = forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )


REMINDERS = (
    ("", gettext_lazy("do not remind me")),
    (0, gettext_lazy("when it begins")),
    (5, gettext_lazy("5 minutes before")),
    (15, gettext_lazy("15 minutes before")),
    (60, gettext_lazy("an hour before")),
    (24 * 60, gettext_lazy("a day before")),
)


class ReminderForm(forms.Form):
    minutes = forms.TypedChoiceField(choices=REMINDERS, coerce=int, empty_value=None, required=False)


class TopicForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Topic"), max_length=LONGEST_TOPIC)
    planned_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"), min_value=1, max_value=600, required=False
    )


class DecisionForm(forms.Form):
    text = forms.CharField(label=gettext_lazy("What was decided"), max_length=LONGEST_DECISION)
    due_on = forms.DateField(label=gettext_lazy("Until"), required=False)
    topic = forms.IntegerField(required=False, min_value=1)


class CalendarForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, required=False)
    color = forms.ChoiceField(
        label=gettext_lazy("Color"), choices=Color.choices, widget=forms.RadioSelect, initial=Color.SKY
    )
    is_open = forms.BooleanField(
        label=gettext_lazy("Colleagues see what is in it, and not only when you are busy"), required=False
    )


class RoomForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    place = forms.CharField(label=gettext_lazy("Where it is"), max_length=120, required=False)
    capacity = forms.IntegerField(
        label=gettext_lazy("How many it holds"), min_value=1, max_value=10_000, required=False
    )
    equipment = forms.CharField(
        label=gettext_lazy("What is in it"), max_length=200, required=False,
        help_text=gettext_lazy("A screen, a whiteboard, a telephone."),
    )  # fmt: skip
    needs_approval = forms.BooleanField(
        label=gettext_lazy("Each booking waits for the word of whoever keeps the room"), required=False
    )
