"""What people decide about PBXs, and what the bridge writes of calls."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.bridges.telephony import calls as machine
from box.bridges.telephony import credentials, events, state
from box.bridges.telephony.events import CallEvent as Happened
from box.bridges.telephony.models import (
    Call,
    CallEvent,
    CallLeg,
    Command,
    Credential,
    Extension,
    Pbx,
    QueueMember,
)
from box.core.events.outbox import emit, emit_all

if TYPE_CHECKING:
    from box.core.accounts.models import User

COMMAND_LIVES = timedelta(seconds=10)
"""Who has waited longer has called in another way."""
MOST_COMMANDS = 20
MOST_MEMBERS = 5_000
MOST_CREDENTIALS = 100
EXTENSION = re.compile(r"[0-9]{1,15}")


@transaction.atomic
def save_pbx(pbx: Pbx, *, by: User | None) -> None:
    """Adds it, or keeps what was changed. Raises ValidationError."""
    pbx.changed_at = timezone.now()
    pbx.full_clean(exclude=["cursors", "trunk_rules", "connected_at", "heard_at"])
    pbx.save()
    emit(events.PbxChanged(pbx_id=pbx.pk, by_id=by.pk if by else None))


@transaction.atomic
def remove_pbx(pbx: Pbx, *, by: User) -> None:
    """With its extensions. Raises ValidationError where calls of it are kept: those stay."""
    if Call.objects.filter(pbx=pbx).exists():
        raise ValidationError(
            _("Calls of “%(name)s” are kept: turn it off instead, and they stay.") % {"name": pbx.name},
            code="calls",
        )
    pbx.delete()
    emit(events.PbxRemoved(name=pbx.name, by_id=by.pk))


@transaction.atomic
def set_extensions(
    pbx: Pbx,
    wanted: Sequence[tuple[str, User | None]],
    *,
    in_browser: Collection[str] = (),
    by: User | None,
) -> int:
    """Gives these numbers to these people, and to nobody else; the others stay as they are. Returns how many
    were changed. A number given to nobody is a phone that no one sits at, such as a meeting room's. Those
    `in_browser` have no telephone: they ring in the portal."""
    held = {one.number: one for one in pbx.extensions.select_for_update()}
    changed = []
    for number, user in wanted:
        if not EXTENSION.fullmatch(number):
            said = _("“%(number)s” is no extension: it has 1 to 15 digits.") % {"number": number[:40]}
            raise ValidationError(said, code="number")
        row = held.get(number)
        row = row or Extension(pbx=pbx, number=number, endpoint=f"PJSIP/{number}")
        is_browser = number in in_browser
        if row.pk is None or (row.user_id, row.is_browser) != (user.pk if user else None, is_browser):
            row.user, row.is_browser = user, is_browser
            changed.append(row)
    for row in changed:
        row.save()
    if changed:
        _end_credentials(pbx, [row.number for row in changed])
        emit(events.ExtensionsChanged(pbx_id=pbx.pk, by_id=by.pk if by else None))
    return len(changed)


@transaction.atomic
def remove_extension(extension: Extension, *, by: User) -> None:
    extension.delete()
    _end_credentials(extension.pbx, [extension.number])
    emit(events.ExtensionsChanged(pbx_id=extension.pbx_id, by_id=by.pk))


def _end_credentials(pbx: Pbx, numbers: Sequence[str]) -> None:
    """Whoever had these phones has them no more: the bridge makes their passwords worthless."""
    Credential.objects.filter(pbx=pbx, number__in=numbers).update(expires_at=timezone.now())


@transaction.atomic
def issue_credential(extension: Extension, *, now: datetime) -> Credential:
    """The one that is good already, so that all browsers of a person sign in alike, or a new one in the
    second half of its time."""
    held = Credential.objects.filter(pbx=extension.pbx, number=extension.number).select_for_update().first()
    if held is not None and held.expires_at > now + credentials.LIVES / 2:
        return held
    fresh = {"key": secrets.token_hex(32), "expires_at": now + credentials.LIVES, "placed_at": None}
    return Credential.objects.update_or_create(pbx=extension.pbx, number=extension.number, defaults=fresh)[0]


@transaction.atomic
def take_credentials(pbx: Pbx, *, now: datetime) -> list[tuple[str, str]]:
    """Numbers and passwords that the PBX is to be told now."""
    waiting = list(Credential.objects.waiting(pbx).select_for_update()[:MOST_CREDENTIALS])
    Credential.objects.filter(pk__in=[one.pk for one in waiting]).update(placed_at=now)
    return [(one.number, credentials.password(one)) for one in waiting]


@transaction.atomic
def stale_credentials(pbx: Pbx, *, now: datetime) -> list[Credential]:
    """Those that are good no longer, for the PBX to be told others; nobody is given them any more. They are
    known until each is forgotten by itself: the line may break before."""
    stale = list(Credential.objects.stale(pbx, now=now).select_for_update(of=("self",))[:MOST_CREDENTIALS])
    Credential.objects.filter(pk__in=[one.pk for one in stale]).update(expires_at=now)
    return stale


def forget_credential(credential: Credential) -> None:
    """Unless another has been issued for its phone meanwhile."""
    Credential.objects.filter(pk=credential.pk, key=credential.key).delete()


def place_credentials_again(pbx: Pbx) -> None:
    """A PBX that was away may have lost them."""
    Credential.objects.filter(pbx=pbx).update(placed_at=None)


@transaction.atomic
def ask_pbx(
    pbx: Pbx, action: str, headers: Mapping[str, str], *, by: User, undo: Sequence[Any] = ()
) -> Command:
    """Leaves it for the bridge, which does it within half a second, or never: then `undo` says to whoever
    hears of `CommandRefused` what is to be taken back."""
    return Command.objects.create(pbx=pbx, action=action, headers=dict(headers), by=by, undo=list(undo))


@transaction.atomic
def take_commands(pbx: Pbx, *, now: datetime) -> list[Command]:
    """What is to be done now: taken, so that nobody does it again. What somebody asked for who does not work
    here any more is not done."""
    overdue = Command.objects.overdue(pbx, since=now - COMMAND_LIVES).select_for_update(of=("self",))
    for late in overdue[:MOST_COMMANDS]:
        Command.objects.filter(pk=late.pk).update(taken_at=now)
        refuse_command(late, "")
    waiting = Command.objects.waiting(pbx, since=now - COMMAND_LIVES).select_for_update(of=("self",))
    taken = list(waiting.select_related("by")[:MOST_COMMANDS])
    Command.objects.filter(pk__in=[one.pk for one in taken]).update(taken_at=now)
    return [one for one in taken if one.by.is_active]


@transaction.atomic
def refuse_command(command: Command, reason: str, *, is_certain: bool = True) -> None:
    Command.objects.filter(pk=command.pk).update(trouble=reason)
    emit(
        events.CommandRefused(
            command_id=command.pk, by_id=command.by_id, reason=reason, is_certain=is_certain
        )
    )


def forget_commands(pbx: Pbx, *, now: datetime) -> None:
    """The oldest of what is a day old."""
    Command.objects.filter(pbx=pbx, asked_at__lt=now - timedelta(days=1)).delete()


@transaction.atomic
def keep_queues(pbx: Pbx, queues: Mapping[str, Mapping[str, Any]]) -> bool:
    """Who is in which queue, and who takes a break, as `Session.queues` says it: what is not there any more
    goes. Returns whether anything has changed."""
    told = {
        (queue[:80], str(endpoint)[:80]): str(member.get("Paused", "0")) == "1"
        for queue, found in queues.items()
        for endpoint, member in found.get("members", {}).items()
    }
    told = dict(list(told.items())[:MOST_MEMBERS])
    rows = QueueMember.objects.filter(pbx=pbx).select_for_update()
    known = {(one.queue, one.endpoint): one for one in rows}
    if {key: one.is_paused for key, one in known.items()} == told:
        return False
    QueueMember.objects.filter(pk__in=[one.pk for key, one in known.items() if key not in told]).delete()
    QueueMember.objects.bulk_create(
        [QueueMember(pbx=pbx, queue=queue, endpoint=one, is_paused=told[queue, one]) for queue, one in told],
        update_conflicts=True,
        unique_fields=["pbx", "queue", "endpoint"],
        update_fields=["is_paused"],
    )
    return True


def tell_state(
    pbx: Pbx,
    *,
    trouble: str = "",
    connected_at: datetime | None = None,
    heard_at: datetime | None = None,
    version: str | None = None,
) -> None:
    """What the bridge knows of the connection, for whoever asks how it is."""
    known = {"connected_at": connected_at, "heard_at": heard_at, "version": version}
    news = {name: value for name, value in known.items() if value is not None}
    Pbx.objects.filter(pk=pbx.pk).update(trouble=trouble, **news)


@transaction.atomic
def keep_calls(
    pbx: Pbx, known: machine.Calls, happened: Sequence[Happened], *, cursors: dict[str, str] | None = None
) -> None:
    """Stores what has become of the calls, what happened to them, and how far the logs are read: all or
    nothing.

    Events go to the portal's handlers in the same transaction: whoever has the call has heard of it once.
    """
    keys = {one.call for one in happened}
    if cursors is not None and cursors != pbx.cursors:
        pbx.cursors = dict(cursors)
        Pbx.objects.filter(pk=pbx.pk).update(cursors=pbx.cursors)
        # What a log has said is not read again, so it is stored also where nothing is told of it.
        keys |= known.changed
    _store(pbx, known, happened, keys)


@transaction.atomic
def keep_rest(pbx: Pbx, known: machine.Calls) -> None:
    """Before these are forgotten: what was heard of them and told to nobody, such as that a Local channel was
    answered, which decides what the call comes to. A PBX without logs does not say it again."""
    if Pbx.objects.filter(pk=pbx.pk).exists():
        _store(pbx, known, [], set(known.changed))


def _store(pbx: Pbx, known: machine.Calls, happened: Sequence[Happened], keys: set[str]) -> None:
    touched = {call.key: call for key in keys if (call := known.call(key)) is not None}
    known.changed -= keys
    if not touched:
        return
    merged = {one.call: one.into for one in happened if isinstance(one, events.CallMerged)}
    rows = _save_calls(pbx, touched.values())
    _save_legs(rows, touched.values())
    _save_merged(pbx, merged, known, rows)
    _save_timeline(rows, happened, known)
    emit_all(happened)


def _save_calls(pbx: Pbx, calls: Iterable[machine.Call]) -> dict[str, Call]:
    numbering = pbx.numbering
    rows = [
        Call(
            pbx=pbx,
            key=call.key,
            direction=numbering.direction(call),
            number=numbering.outside(call) or "",
            endpoint=call.endpoint[:80],
            caller=call.caller,
            caller_name=call.caller_name,
            called=call.called,
            queue=call.queue,
            started_at=call.started_at,
            answered_at=call.answered_at,
            ended_at=call.ended_at,
            result="" if call.is_open else call.result.value,
            is_estimated=call.is_estimated,
            state=state.dump(call),
        )
        for call in calls
    ]
    written = [
        field.name for field in Call._meta.fields if field.name not in ("id", "pbx", "key", "merged_into")
    ]
    Call.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["pbx", "key"], update_fields=written, batch_size=500
    )
    return {row.key: row for row in Call.objects.filter(pbx=pbx, key__in=[row.key for row in rows])}


def _save_legs(rows: dict[str, Call], calls: Iterable[machine.Call]) -> None:
    legs = [
        CallLeg(
            call=rows[call.key],
            uniqueid=leg.uniqueid,
            endpoint=leg.endpoint[:80],
            number=leg.number,
            is_called=leg.is_called,
            started_at=leg.started_at,
            answered_at=leg.answered_at,
            ended_at=leg.ended_at,
            cause=leg.cause,
        )
        for call in calls
        for leg in call.legs.values()
        # A Local channel is nobody's phone.
        if not leg.is_local
    ]
    written = ["endpoint", "number", "is_called", "started_at", "answered_at", "ended_at", "cause"]
    CallLeg.objects.bulk_create(
        legs, update_conflicts=True, unique_fields=["call", "uniqueid"], update_fields=written, batch_size=500
    )


def _save_merged(pbx: Pbx, merged: dict[str, str], known: machine.Calls, rows: dict[str, Call]) -> None:
    """What was told of a call that became a part of another is told of that one."""
    for key, into in merged.items():
        if (whole := known.call(into)) is None:
            continue
        goal = rows[whole.key]
        row, _is_new = Call.objects.get_or_create(pbx=pbx, key=key, defaults={"started_at": whole.started_at})
        CallEvent.objects.filter(call=row).update(call=goal)
        CallLeg.objects.filter(call=row).delete()
        Call.objects.filter(merged_into=row).update(merged_into=goal)
        row.merged_into, row.ended_at, row.state = goal, row.ended_at or goal.started_at, {}
        row.save(update_fields=["merged_into", "ended_at", "state"])


def _save_timeline(rows: dict[str, Call], happened: Sequence[Happened], known: machine.Calls) -> None:
    lines = [(one, rows[call.key]) for one in happened if (call := known.call(one.call)) is not None]
    # Who answered did not let it ring in vain, whichever was heard of first.
    answered = {one.leg for one, _row in lines if isinstance(one, events.CallAnswered)}
    # A call has one end: the last that was told.
    ends = {row.pk: one for one, row in lines if isinstance(one, events.CallEnded | events.CallReopened)}
    CallEvent.objects.filter(
        Q(kind=events.CallRingingEnded.__name__, leg__in=answered)
        | Q(kind=events.CallEnded.__name__, call__in=ends),
        call__in={row.pk for _one, row in lines},
    ).delete()
    CallEvent.objects.bulk_create(
        [_line(one, row) for one, row in lines if _counts(one, answered, ends.get(row.pk))], batch_size=1000
    )


def _counts(one: Happened, answered: set[str], end: Happened | None) -> bool:
    match one:
        case events.CallRingingEnded():
            return one.leg not in answered
        case events.CallEnded():
            return one is end
    return True


def _line(one: Happened, row: Call) -> CallEvent:
    return CallEvent(
        call=row,
        kind=type(one).__name__,
        at=one.at,
        leg=getattr(one, "leg", ""),
        endpoint=getattr(one, "endpoint", getattr(one, "by", ""))[:80],
        text=str(next((said for name in _TEXTS if (said := getattr(one, name, ""))), ""))[:1000],
    )


_TEXTS = ("queue", "to", "room", "file", "reason", "result", "into")


def restore(pbx: Pbx, *, now: datetime) -> machine.Calls:
    """The state machine as the bridge before has left it."""
    known = machine.Calls(pbx.name)
    rows = Call.objects.filter(pbx=pbx).whole().since(now - machine.REMEMBERED).order_by("ended_at")
    known.restore(state.load(row.key, row.state) for row in rows if row.state)
    return known
