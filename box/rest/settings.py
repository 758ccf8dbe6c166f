"""How often programs may ask."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Setting

# Of a webhook; both as in Bitrix24's cloud.
RATE = Setting(
    "rest.rate",
    default=2,
    section="rest",
    label=_("Requests a second that a webhook may send"),
    help=_("All the time. A batch of fifty calls is one request."),
    field=lambda: forms.IntegerField(min_value=1, max_value=1000),
)
BURST = Setting(
    "rest.burst",
    default=50,
    section="rest",
    label=_("Requests that a webhook may send at once"),
    help=_("After a pause. What comes beyond is told to wait."),
    field=lambda: forms.IntegerField(min_value=1, max_value=10_000),
)
ALL = (RATE, BURST)
