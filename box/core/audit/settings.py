"""What an administrator chooses about the audit log."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Setting
from box.lib.syslog import is_address


def _known_address(text: str) -> None:
    if not is_address(text):
        raise ValidationError(_("Write udp://host:514, tcp://host:601 or unix:/dev/log."))


KEEP_DAYS = Setting(
    "audit.keep_days",
    default=1096,
    section="audit",
    label=_("Days for which the audit log is kept"),
    field=lambda: forms.IntegerField(min_value=30, max_value=36_500),
)
SYSLOG = Setting(
    "audit.syslog",
    default="",
    section="audit",
    label=_("Syslog server"),
    help=_("Every record is sent there as well: udp://host:514, tcp://host:601 or unix:/dev/log."),
    field=lambda: forms.CharField(required=False, max_length=300, validators=[_known_address]),
)
