"""When runs are done."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy


class ScheduleForm(forms.Form):
    interval_minutes = forms.TypedChoiceField(
        label=gettext_lazy("Synchronise"),
        coerce=int,
        choices=[
            (5, gettext_lazy("every 5 minutes")),
            (15, gettext_lazy("every 15 minutes")),
            (60, gettext_lazy("every hour")),
            (360, gettext_lazy("every 6 hours")),
            (1440, gettext_lazy("once a day")),
            (0, gettext_lazy("only on demand")),
        ],
    )
