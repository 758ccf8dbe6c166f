"""Links by which invited people join: signed, good once and for some days, and stored nowhere.

A link names the person and the moment of the invitation. Joining, and inviting again, change that moment, so
that every link made before is void.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User
from box.core.registry.settings import Setting

if TYPE_CHECKING:
    from datetime import datetime

SALT = "accounts.invitation"
MOST_DAYS = 90

INVITATION_DAYS = Setting(
    "company.invitation_days",
    default=7,
    section="company",
    label=_("Days for which an invitation is good"),
    field=lambda: forms.IntegerField(min_value=1, max_value=MOST_DAYS),
)


def token_of(person: User) -> str:
    """The person must have been invited."""
    return signing.dumps([person.pk, _moment(person.invited_at)], salt=SALT)


def invited_by(token: str) -> User | None:
    """Whom the link is for; None for a forged, expired, used or replaced one, and for who may not come in."""
    try:
        pk, moment = signing.loads(token, salt=SALT, max_age=timedelta(days=INVITATION_DAYS.value))
    except signing.BadSignature:
        return None
    person: User | None = User.objects.active().filter(pk=pk).exclude(invited_at=None).first()
    return person if person is not None and _moment(person.invited_at) == moment else None


def _moment(invited_at: datetime | None) -> str:
    return invited_at.isoformat() if invited_at else ""
