"""The questions by which a form asks for a rule of recurrence, and the rule that the answers make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.lib.recurrence import LONGEST_INTERVAL, MOST_TIMES, Frequency, Rule, Weekday, parse

# What people choose most; "own" keeps a rule that came from elsewhere, and says it in words.
KINDS = (
    ("", gettext_lazy("does not repeat")),
    ("daily", gettext_lazy("every day or every few days")),
    ("weekdays", pgettext_lazy("repetition", "every weekday")),
    ("weekly", gettext_lazy("every week or every few weeks")),
    ("monthly", gettext_lazy("every month on the same day")),
    ("monthly-nth", gettext_lazy("every month on the same day of the week")),
    ("yearly", gettext_lazy("every year")),
    ("own", gettext_lazy("as it is")),
)
WEEKDAYS = (
    (0, gettext_lazy("Mon")), (1, gettext_lazy("Tue")), (2, gettext_lazy("Wed")), (3, gettext_lazy("Thu")),
    (4, gettext_lazy("Fri")), (5, gettext_lazy("Sat")), (6, gettext_lazy("Sun")),
)  # fmt: skip
_WORKWEEK = tuple(Weekday(day) for day in range(5))


class RepetitionForm(forms.Form):
    """A part of the form of an event; `starts` says what the same day is."""

    repeats = forms.ChoiceField(label=gettext_lazy("Repeats"), choices=KINDS, required=False)
    every = forms.IntegerField(
        label=pgettext_lazy("repetition", "Every so many"),
        min_value=1,
        max_value=LONGEST_INTERVAL,
        required=False,
    )
    on_days = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("repetition", "On"), choices=WEEKDAYS, coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    until = forms.DateField(
        label=pgettext_lazy("repetition", "Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    times = forms.IntegerField(
        label=gettext_lazy("Or so many times"), min_value=1, max_value=MOST_TIMES, required=False
    )
    own_rule = forms.CharField(required=False, widget=forms.HiddenInput, max_length=500)

    def rule_from(self, starts: datetime) -> str:
        """Of a form that is valid. Raises ValidationError for two ends."""
        said = self.cleaned_data
        kind = said["repeats"]
        if not kind:
            return ""
        if kind == "own":
            return str(said["own_rule"])
        if said["until"] and said["times"]:
            raise ValidationError({"times": _("Choose one end: a day, or a number of times.")})
        if said["until"] and said["until"] < starts.date():
            raise ValidationError({"until": _("It ends before it begins.")})
        rule = _RULES[kind](starts.date())
        if kind == "weekly" and said["on_days"]:
            rule = replace(rule, weekdays=tuple(Weekday(day) for day in sorted(said["on_days"])))
        interval = (said["every"] or 1) if kind != "weekdays" else 1
        return str(replace(rule, interval=interval, until=said["until"], count=said["times"]))


def _nth(day: date) -> Weekday:
    """A fifth is the last: not every month has one."""
    nth = (day.day - 1) // 7 + 1
    return Weekday(day.weekday(), -1 if nth == 5 else nth)


_RULES: dict[str, Callable[[date], Rule]] = {
    "daily": lambda day: Rule(frequency=Frequency.DAILY),
    "weekdays": lambda day: Rule(frequency=Frequency.WEEKLY, weekdays=_WORKWEEK),
    "weekly": lambda day: Rule(frequency=Frequency.WEEKLY, weekdays=(Weekday(day.weekday()),)),
    "monthly": lambda day: Rule(frequency=Frequency.MONTHLY, month_days=(day.day,)),
    "monthly-nth": lambda day: Rule(frequency=Frequency.MONTHLY, weekdays=(_nth(day),)),
    "yearly": lambda day: Rule(frequency=Frequency.YEARLY, months=(day.month,), month_days=(day.day,)),
}


def answers_of(text: str, starts: datetime) -> dict[str, object]:
    """How the form is filled in for a rule that there is."""
    if not text:
        return {}
    rule = parse(text)
    until = rule.until.astimezone(starts.tzinfo).date() if isinstance(rule.until, datetime) else rule.until
    answers: dict[str, object] = {
        "own_rule": text, "every": rule.interval, "until": until, "times": rule.count,
        "on_days": [one.day for one in rule.weekdays],
    }  # fmt: skip
    plain = replace(rule, interval=1, until=None, count=None, week_start=0).complete(starts.date())
    for kind, made in _RULES.items():
        same = made(starts.date())
        if kind == "weekly" and plain.frequency is Frequency.WEEKLY and not plain.months:
            same = replace(same, weekdays=plain.weekdays)
        if plain == same:
            return {**answers, "repeats": kind}
    return {**answers, "repeats": "own"}
