"""What people send about their devices."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class DeviceForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("So that you know it again, such as “My phone”.")
    )
