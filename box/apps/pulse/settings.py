"""What an administrator chooses about Pulse."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Setting

RATING = Setting(
    "pulse.rating",
    default=False,
    section="pulse",
    label=_("Show who is most active"),
    help=_("A list of people by what they did in the last thirty days. Ask your colleagues first."),
)
TARGET = Setting(
    "pulse.target",
    default=80,
    section="pulse",
    label=_("Target: percent of people who use the portal in a week"),
    help=_("To be reached within three months; Pulse shows the way there."),
    field=lambda: forms.IntegerField(min_value=1, max_value=100),
)
ALL = (RATING, TARGET)
