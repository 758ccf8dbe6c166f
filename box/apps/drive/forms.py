"""What people send to drives."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.drive.actions.sharing import LONGEST_PASSWORD
from box.core.files.names import MAX_LENGTH

LINKS_LIVE_DAYS = 30
"""What the form suggests."""


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=MAX_LENGTH, widget=forms.TextInput(attrs={"autofocus": True})
    )


class LinkForm(forms.Form):
    """Who has the link needs no account: so there is an end to it, unless somebody takes that away."""

    expires_on = forms.DateField(
        label=_("Until and including"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text=_("Tell it by another way than the link."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    @classmethod
    def blank(cls) -> LinkForm:
        last_day = timezone.localdate() + timedelta(days=LINKS_LIVE_DAYS)
        return cls(initial={"expires_on": last_day})

    @property
    def expires_at(self) -> datetime | None:
        """The beginning of the day after the last one, in the person's time zone."""
        last_day = self.cleaned_data["expires_on"]
        if last_day is None:
            return None
        return timezone.make_aware(datetime.combine(last_day + timedelta(days=1), time()))


class PasswordForm(forms.Form):
    """Asked of an outsider."""

    password = forms.CharField(
        label=_("Password of the link"),
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
