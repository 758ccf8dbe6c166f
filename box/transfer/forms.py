"""The forms of the console's pages of migrations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.transfer.cloud import BadWebhook, Cloud
from box.transfer.pace import Limits

IMPATIENT = 2
"""So often somebody who waits has a portal asked."""


class ConnectForm(forms.Form):
    webhook = forms.CharField(
        label=gettext_lazy("Address of the inbound webhook"),
        max_length=500,
        widget=forms.TextInput(
            {
                "placeholder": "https://company.bitrix24.com/rest/1/…/",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    per_second = forms.FloatField(
        label=gettext_lazy("Requests a second that your plan allows"),
        help_text=gettext_lazy("2 on most plans, 5 on the largest."),
        min_value=0.1,
        max_value=1000,
        initial=2,
    )
    burst = forms.IntegerField(
        label=gettext_lazy("Requests at once that it allows"),
        help_text=gettext_lazy("50 on most plans, 250 on the largest."),
        min_value=5,
        max_value=100_000,
        initial=50,
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "webhook" in data and not self.errors:
            try:
                limits = Limits(burst=data["burst"], per_second=data["per_second"])
                data["cloud"] = Cloud(data["webhook"].strip(), limits, attempts=IMPATIENT)
            except BadWebhook as error:
                raise ValidationError({"webhook": str(error)}) from None
        return data


class MatchForm(forms.Form):
    """By hand: whom somebody of the portal is here."""

    person = forms.CharField(
        label=gettext_lazy("E-mail or login of a colleague; nothing: will be added"),
        max_length=254,
        required=False,
    )

    def clean_person(self) -> User | None:
        name = self.cleaned_data["person"].strip().lower()
        if not name:
            return None
        found: User | None = User.objects.themselves().called([name]).get(name)
        if found is None:
            raise ValidationError(_("Nobody here has the e-mail or login “%(name)s”.") % {"name": name})
        return found
