"""What people do with their telephones from the portal: call, pass on, hang up. The bridge does it, once."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calls.access import can_call_outside, works_here
from box.apps.calls.actions.logging import tell
from box.apps.calls.models import LoggedCall, Participant
from box.bridges.telephony.actions import ask_pbx
from box.bridges.telephony.dialplan import RETURN_CONTEXT
from box.bridges.telephony.models import CallLeg, Command, Extension
from box.bridges.telephony.originate import Caller, NotAllowed, hang_up, redirect, request, transfer
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
    held = call.participants.filter(user=by).exclude(holds_leg="")
    undo = [[one, "", other] for one, other in held.values_list("leg", "holds_leg")]
    action = "Atxfer" if is_attended else "BlindTransfer"
    command = ask_pbx(leg.call.pbx, action, headers, by=by, undo=undo)
    # Whom they held is on the line, and goes.
    held.update(holds_leg="")
    return command


@transaction.atomic
def hold_call(call: LoggedCall, *, by: User) -> Command:
    """Whoever this person talks to hears music, until they are taken back or five minutes are over. A desk
    telephone cannot be told to hold: its own part of the call ends, and it rings again. Raises
    ValidationError."""
    leg = _own_leg(call, by)
    if leg.answered_at is None:
        raise ValidationError(_("Answer the call first."), code="ringing")
    other = other_leg(leg)
    if other is None:
        raise ValidationError(_("Only somebody whom you alone talk to can be put on hold."), code="several")
    pbx = leg.call.pbx
    own = Extension.objects.filter(pbx=pbx, endpoint=leg.endpoint).values_list("number", flat=True).first()
    part = call.participants.get(leg=leg.uniqueid)
    undo = [[part.leg, other.uniqueid, part.holds_leg]]
    command = hold_leg(other, pbx.hold_context, own or "", by, undo=undo)
    call.participants.filter(pk=part.pk).update(holds_leg=other.uniqueid)
    return command


@transaction.atomic
def take_back(call: LoggedCall, *, by: User) -> Command:
    """The person's telephone rings, and whoever was on hold is there. Raises ValidationError."""
    held = call.participants.filter(user=by).exclude(holds_leg="").order_by("-id").first()
    legs = CallLeg.objects.filter(call=call.call_id, ended_at=None).select_related("call__pbx")
    leg = legs.filter(uniqueid=held.holds_leg).first() if held else None
    if held is None or leg is None:
        raise ValidationError(_("This call is over."), code="over")
    undo = [[held.leg, "", held.holds_leg]]
    command = hold_leg(leg, RETURN_CONTEXT, _own_extension(by).number, by, undo=undo)
    call.participants.filter(pk=held.pk).update(holds_leg="")
    return command


@transaction.atomic
def undo_refused(command: Command, *, is_certain: bool) -> None:
    """Who holds whom is again as it was before the PBX refused it: rows of a leg, whom it was noted to hold,
    whom it had held. Whoever may be on hold, for an answer was lost, can be taken back."""
    changed = 0
    for leg, noted, before in command.undo:
        if is_certain or before:
            rows = Participant.objects.filter(user=command.by_id, leg=leg, logged__call__pbx=command.pbx_id)
            changed += rows.filter(holds_leg=noted).update(holds_leg=before)
    if changed:
        tell([command.by_id])


def other_leg(leg: CallLeg) -> CallLeg | None:
    """Whoever is on the line with this one; None where it is nobody, or several."""
    others = CallLeg.objects.filter(call=leg.call_id, ended_at=None).exclude(pk=leg.pk)
    found = list(others.exclude(is_called=True, answered_at=None).select_related("call__pbx")[:2])
    return found[0] if len(found) == 1 else None


def hold_leg(
    leg: CallLeg, context: str, number: str, by: User, *, undo: Sequence[Sequence[str]] = ()
) -> Command:
    try:
        return ask_pbx(leg.call.pbx, "Redirect", redirect(leg.uniqueid, context, number), by=by, undo=undo)
    except NotAllowed as refused:
        raise ValidationError(str(refused), code="not-allowed") from refused


def goal_of(extension: Extension, number: str, user: User) -> str:
    """What is dialled for a number, where this person may call it. Raises ValidationError."""
    rules = extension.pbx.originate_rules
    try:
        return request(_caller(extension, user), _goal(extension, number), rules)["Exten"]
    except NotAllowed as refused:
        raise ValidationError(str(refused), code="not-allowed") from refused


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
    written = "".join(number.split())
    numbering = extension.pbx.numbering
    if numbering.is_extension(written):
        return written
    return phones.normal(written, extension.pbx.region) or (numbering.e164(written) or written)
