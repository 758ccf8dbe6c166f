"""The phone that a person's browser is: its line, what it may dial, and that a call outlives the page."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calls.access import works_here
from box.apps.calls.actions.call_control import goal_of, hold_leg, other_leg
from box.apps.calls.settings import RELAYS, RELAYS_SECRET
from box.bridges.telephony.actions import issue_credential
from box.bridges.telephony.credentials import Phone, password, socket_path
from box.bridges.telephony.dialplan import RETURN_CONTEXT
from box.bridges.telephony.models import CallLeg, Command, Extension
from box.bridges.telephony.relays import relays
from box.core.accounts.models import User


def phone_of(user: User) -> Extension | None:
    """The extension that rings in this person's browser."""
    return Extension.objects.in_browser().filter(user=user).first() if works_here(user) else None


@transaction.atomic
def connect_phone(*, by: User, now: datetime) -> Phone:
    """What the browser signs in with; the PBX knows it within a second. Raises ValidationError."""
    extension = _own(by)
    credential = issue_credential(extension, now=now)
    return Phone(
        extension.number,
        password(credential),
        socket_path(extension.pbx.name, now=now),
        credential.expires_at,
        relays(RELAYS.value.split(), RELAYS_SECRET.value, user=f"U{by.pk}", now=now),
    )


def dialled(number: str, *, by: User) -> str:
    """What the browser dials, under the rules of every call from the portal. Raises ValidationError."""
    return goal_of(_own(by), number, by)


@transaction.atomic
def await_return(*, by: User) -> Command | None:
    """The page goes, and its sound with it: whoever this person talks to waits until the next page has the
    line, and is put through again. None where nobody can wait."""
    extension = _own(by)
    own = CallLeg.objects.filter(
        call__pbx=extension.pbx, endpoint=extension.endpoint, ended_at=None, answered_at__isnull=False
    )
    legs = list(own.select_related("call__pbx").order_by("-id")[:2])
    if len(legs) != 1 or not extension.pbx.hold_context or (other := other_leg(legs[0])) is None:
        return None
    return hold_leg(other, RETURN_CONTEXT, extension.number, by)


def _own(user: User) -> Extension:
    extension = phone_of(user)
    if extension is None:
        raise ValidationError(_("No extension of yours rings in the browser."), code="no-phone")
    return extension
