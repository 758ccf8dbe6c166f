"""What people send about their working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from box.apps.worktime.actions import Plan, Truth
from box.apps.worktime.models import Report, Schedule
from box.core.structure.models import Department
from box.lib.forms import set_choices

TIME = {"type": "time"}


class CorrectionForm(forms.Form):
    """How a day really was. An end before the beginning is after midnight."""

    starts = forms.TimeField(label=_("Began at"), widget=forms.TimeInput(attrs=TIME, format="%H:%M"))
    ends = forms.TimeField(label=_("Ended at"), widget=forms.TimeInput(attrs=TIME, format="%H:%M"))
    pause = forms.IntegerField(label=_("Minutes of break"), min_value=0, max_value=1440, initial=60)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Your manager reads it."),
    )

    def truth(self, on: date, zone: ZoneInfo) -> Truth:
        given: dict[str, Any] = self.cleaned_data
        last = on + timedelta(days=1) if given["ends"] <= given["starts"] else on
        return Truth(
            # In UTC, for two moments of one zone are compared by what its clocks say.
            starts_at=datetime.combine(on, given["starts"], tzinfo=zone).astimezone(UTC),
            ends_at=datetime.combine(last, given["ends"], tzinfo=zone).astimezone(UTC),
            pause=timedelta(minutes=given["pause"]),
            reason=given["reason"],
        )


class ReportForm(forms.ModelForm[Report]):
    """A report of the period that holds `starts_on`."""

    class Meta:
        model = Report
        fields = ("period", "starts_on", "plan", "text")
        labels = {"starts_on": _("A day of the period")}
        widgets = {
            "starts_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "plan": forms.Textarea(attrs={"rows": 4, "data-grow": True}),
            "text": forms.Textarea(attrs={"rows": 6, "data-grow": True}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # Which period it is of, is settled with its first word.
            del self.fields["period"], self.fields["starts_on"]


class ConfirmationForm(forms.ModelForm[Report]):
    class Meta:
        model = Report
        fields = ("score", "remark")
        widgets = {"remark": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django's own word for none is English in every language.
        set_choices(self, "score", [("", _("without a score")), *Report.Score.choices])


class ScheduleForm(forms.ModelForm[Schedule]):
    departments = forms.ModelMultipleChoiceField(
        Department.objects.by_name(),
        label=_("Departments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("And those below them that have no schedule of their own."),
    )

    class Meta:
        model = Schedule
        fields = ("name", "kind", "starts", "ends", "minutes")
        widgets = {
            "starts": forms.TimeInput(attrs=TIME, format="%H:%M"),
            "ends": forms.TimeInput(attrs=TIME, format="%H:%M"),
        }

    def plan(self) -> Plan:
        given: dict[str, Any] = self.cleaned_data
        departments = tuple(department.pk for department in given.pop("departments"))
        return Plan(**given, department_ids=departments)


class DecisionForm(forms.Form):
    """Yes or no, and why."""

    decision = forms.ChoiceField(choices=[("approve", ""), ("refuse", "")])
    remark = forms.CharField(max_length=1000, required=False)
