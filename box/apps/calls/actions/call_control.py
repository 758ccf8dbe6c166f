"""What people do with their telephones from the portal: call, pass on, hang up. The bridge does it, once."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calls.access import can_call_outside, works_here
from box.apps.calls.models import LoggedCall
from box.bridges.telephony.actions import ask_pbx
from box.bridges.telephony.models import CallLeg, Command, Extension
from box.bridges.telephony.originate import Caller, NotAllowed, hang_up, request, transfer
from box.core.accounts.models import User
from box.lib import phones


def extension_of(user: User) -> Extension | None:
    """The one that rings when this person calls from the portal."""
    return Extension.objects.in_use().filter(user=user).first()


@transaction.atomic
def dial(number: str, *, by: User) -> Command:
    """The person's own telephone rings first, then the number. Raises ValidationError."""
    extension = _own_extension(by)
    try:
        headers = request(_caller(extension, by), _goal(extension, number), extension.pbx.originate_rules)
    except NotAllowed as refused:
        raise ValidationError(str(refused), code="not-allowed") from refused
    return ask_pbx(extension.pbx, "Originate", headers, by=by)


@transaction.atomic
def end_call(call: LoggedCall, *, by: User) -> Command:
    """Of the person's own part. Raises ValidationError where they have none any more."""
    leg = _own_leg(call, by)
    try:
        return ask_pbx(leg.call.pbx, "Hangup", hang_up(leg.uniqueid), by=by)
    except NotAllowed as refused:
        raise ValidationError(str(refused), code="not-allowed") from refused


@transaction.atomic
def pass_on(call: LoggedCall, number: str, *, is_attended: bool, by: User) -> Command:
    """To an extension or a number. Attended: whoever it goes to is spoken with first, and hanging up passes
    it on. Raises ValidationError."""
    leg = _own_leg(call, by)
    extension = _own_extension(by)
    if leg.answered_at is None:
        raise ValidationError(_("Answer the call first."), code="ringing")
    try:
        headers = transfer(
            _caller(extension, by), leg.uniqueid, _goal(extension, number), extension.pbx.originate_rules
        )
    except NotAllowed as refused:
        raise ValidationError(str(refused), code="not-allowed") from refused
    return ask_pbx(leg.call.pbx, "Atxfer" if is_attended else "BlindTransfer", headers, by=by)


def _own_extension(user: User) -> Extension:
    extension = extension_of(user)
    if extension is None:
        raise ValidationError(
            _("You have no extension yet: an administrator gives you one in the settings of telephony."),
            code="no-extension",
        )
    return extension


def _own_leg(call: LoggedCall, user: User) -> CallLeg:
    legs = CallLeg.objects.filter(call=call.call_id, ended_at=None).select_related("call__pbx")
    mine = call.participants.filter(user=user, ended_at=None).values("leg")
    leg = legs.filter(uniqueid__in=mine).order_by("id").last() if call.call_id else None
    if leg is None:
        raise ValidationError(_("This call is over."), code="over")
    return leg


def _caller(extension: Extension, user: User) -> Caller:
    return Caller(
        user.name,
        extension.endpoint,
        extension.number,
        is_working=works_here(user),
        may_call_outside=can_call_outside(user),
    )


def _goal(extension: Extension, number: str) -> str:
    """An extension as it is; of everything else its E.164."""
    written = "".join(number.split())[: phones.LONGEST]
    numbering = extension.pbx.numbering
    if numbering.is_extension(written):
        return written
    return phones.normal(written, extension.pbx.region) or (numbering.e164(written) or written)
