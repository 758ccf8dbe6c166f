"""What people send to set up a booking page."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.calendar.actions.booking_pages import BOUNDS, MOST_OWN_QUESTIONS, QUESTIONS, PageDraft
from box.apps.calendar.models import BookingPage
from box.core.portal.calendar import DAYS, WEEKDAYS, working_hours
from box.core.registry.company import time_zones
from box.lib.forms import set_choices
from box.lib.questions import questions_in
from box.lib.questions_form import QuestionsForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.core.groups.models import Group


def _number(name: str, label: Any, initial: int, hint: Any = "") -> forms.IntegerField:
    least, most = BOUNDS[name]
    return forms.IntegerField(label=label, min_value=least, max_value=most, initial=initial, help_text=hint)


def _clock() -> forms.TimeInput:
    return forms.TimeInput(format="%H:%M", attrs={"type": "time"})


class BookingPageForm(QuestionsForm):
    kinds, most = QUESTIONS, MOST_OWN_QUESTIONS

    title = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("Visitors see it, such as “Consultation, 30 minutes”.")
    )
    hosts = forms.ChoiceField(
        label=_("Who receives"), choices=BookingPage.Hosts, initial=BookingPage.Hosts.OWNER
    )
    group = forms.TypedChoiceField(
        label=_("Group"), coerce=int, empty_value=None, required=False,
        help_text=_("A group that you moderate. Of its members those are booked who are free."),
    )  # fmt: skip
    place = forms.CharField(
        label=_("Place"), max_length=200, required=False, help_text=_("An address, or a link to a call.")
    )
    description = forms.CharField(
        label=_("What it is about"), max_length=2000, required=False,
        widget=forms.Textarea(attrs={"rows": 3, "data-grow": ""}),
    )  # fmt: skip
    length_minutes = _number("length_minutes", _("It lasts, in minutes"), 30)
    step_minutes = _number("step_minutes", _("One begins every so many minutes"), 30)
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days"), choices=WEEKDAYS, coerce=int, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one day.")},
    )  # fmt: skip
    begins = forms.TimeField(label=_("From"), widget=_clock())
    ends = forms.TimeField(label=_("Until"), widget=_clock())
    zone = forms.ChoiceField(label=_("Time zone"))
    before_minutes = _number("before_minutes", _("Free before it, in minutes"), 0)
    after_minutes = _number("after_minutes", _("Free after it, in minutes"), 0)
    notice_hours = _number("notice_hours", _("Booked so many hours before at the latest"), 4)
    horizon_days = _number("horizon_days", _("Booked so many days ahead at most"), 30)
    kept_days = _number(
        "kept_days", _("Who came is known for so many days"), 180,
        _("Then name, address and answers are erased."),
    )  # fmt: skip
    consent = forms.CharField(
        label=_("What people agree to"), required=False, max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "data-grow": ""}),
        help_text=_("Left empty: nothing is asked. What somebody agreed to is kept word by word."),
    )  # fmt: skip

    def __init__(self, page: BookingPage | None, data: Any = None, *, groups: Sequence[Group]) -> None:
        questions = questions_in(page.questions) if page is not None else []
        super().__init__(data, initial=_initial(page), questions=questions)
        self.groups = {one.pk: one for one in groups}
        set_choices(self, "group", [("", "–"), *((one.pk, one.name) for one in groups)])
        set_choices(self, "zone", time_zones())

    @property
    def draft(self) -> PageDraft:
        """Of a form that is valid."""
        data = self.cleaned_data
        named = {field.name for field in fields(PageDraft)} - {"group", "weekdays", "questions"}
        group = self.groups.get(data["group"]) if data["hosts"] != BookingPage.Hosts.OWNER else None
        return PageDraft(
            group=group, weekdays=tuple(data["weekdays"]), questions=self.questions(),
            **{name: data[name] for name in named},
        )  # fmt: skip

    def say(self, error: ValidationError) -> None:
        """Below the input that it is about, where there is one."""
        known = getattr(error, "error_dict", {})
        is_about = bool(known) and set(known) <= set(self.fields)
        self.add_error(None, error if is_about else ValidationError(error.messages))


def _initial(page: BookingPage | None) -> dict[str, Any]:
    if page is None:
        begins, ends = working_hours()
        zone = timezone.get_current_timezone_name()
        return {"weekdays": DAYS.value, "begins": begins, "ends": ends, "zone": zone}
    named = {field.name for field in fields(PageDraft)} - {"group", "questions"}
    return {"group": page.group_id, **{name: getattr(page, name) for name in named}}
