"""The log follows the bridge: a call's row is made anew of what the bridge knows, however often that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.utils import timezone

from box.apps.calls.actions.misses import recount_misses, settle_earlier
from box.apps.calls.events import CallFinished, CallNoted, MissedCallSettled
from box.apps.calls.models import LONGEST_NOTE, LoggedCall, Participant, Recording
from box.apps.calls.permissions import audience_of
from box.apps.calls.settings import CALL_BACK_WITHIN, MAKES_LEADS
from box.bridges.telephony.models import Call, CallLeg, Extension
from box.core.events.outbox import emit
from box.core.push.actions import send

WHOLE_AFTER = timedelta(seconds=20)
"""A recording is whole some seconds after the call's end; a slow disk or a conversion takes longer."""


@transaction.atomic
def follow_call(pbx: str, key: str) -> LoggedCall | None:
    """Brings the log to what the bridge knows of this call. None where it became a part of another, or is not
    there."""
    found = Call.objects.select_related("pbx").select_for_update(of=("self",))
    call = found.filter(pbx__name=pbx, key=key).first()
    if call is None:
        return None
    if call.merged_into_id is not None:
        _forget_part(call)
        return None
    legs = list(CallLeg.objects.filter(call=call).order_by("started_at", "id"))
    before = LoggedCall.objects.filter(call=call).first()
    people = _people(call, legs, before)
    logged = _saved(call, legs, people, before)
    _give_back_who_was_taken(people.values())
    if call.ended_at is not None and before is not None and before.ended_at is None:
        awaited = logged.recordings.filter(state=Recording.State.AWAITED)
        awaited.update(due_at=timezone.now() + WHOLE_AFTER)
    tell([one.user_id for one in people.values()], logged.pk)
    if call.ended_at is not None and _is_news(before, logged):
        finish(logged, [one for one in people.values() if one.is_called])
    if before is not None and before.is_missed and not logged.is_missed:
        # It was answered, and that was heard late.
        recount_misses(one.user_id for one in people.values())
        emit(MissedCallSettled(call_id=logged.pk, by_id=logged.user_id))
    return logged


def _forget_part(call: Call) -> None:
    """What was logged of it is told of the call that it became a part of, and what was written and recorded
    is that one's."""
    part = LoggedCall.objects.filter(call=call).first()
    if part is None:
        return
    people = list(part.participants.values_list("user_id", flat=True))
    whole = whole_of(call)
    if whole is not None:
        known = whole.recordings.values("file")
        part.recordings.exclude(file__in=known).update(logged=whole)
        notes = [one for one in (whole.note, part.note) if one]
        whole.note, whole.is_held = "\n\n".join(notes)[:LONGEST_NOTE], whole.is_held or part.is_held
        whole.save(update_fields=["note", "is_held"])
        if part.note:
            emit(CallNoted(call_id=whole.pk, by_id=None, note=whole.note))
    part.delete()
    tell(people)


def whole_of(call: Call) -> LoggedCall | None:
    """What the log has of this call, or of the one that it became a part of."""
    # It ends: what a call becomes a part of is older.
    while call.merged_into is not None:
        call = call.merged_into
    return LoggedCall.objects.filter(call=call).first() or follow_call(call.pbx.name, call.key)


def _give_back_who_was_taken(people: Iterable[Participant]) -> None:
    """Whoever holds somebody, and has answered with another part of the call since, has them back."""
    seen = list(people)
    for one in seen:
        if one.holds_leg and any(
            other.user_id == one.user_id and other.answered_at and other.began_at > one.began_at
            for other in seen
        ):
            Participant.objects.filter(logged=one.logged, leg=one.leg).update(holds_leg="")


def _people(call: Call, legs: Sequence[CallLeg], before: LoggedCall | None) -> dict[str, Participant]:
    """By leg who takes part. Who sat at an extension when it rang did, whoever sits there later."""
    known = {one.leg: one for one in before.participants.all()} if before else {}
    new = {leg.endpoint for leg in legs if leg.uniqueid not in known}
    sits = dict(
        Extension.objects.filter(pbx=call.pbx, endpoint__in=new, user__isnull=False).values_list(
            "endpoint", "user_id"
        )
    )
    found = {}
    for leg in legs:
        one = known.get(leg.uniqueid)
        if one is None:
            user_id = sits.get(leg.endpoint)
            if user_id is None:
                continue
            one = Participant(leg=leg.uniqueid, user_id=user_id)
        one.is_called, one.began_at = leg.is_called, leg.started_at
        one.answered_at, one.ended_at = leg.answered_at, leg.ended_at
        found[leg.uniqueid] = one
    return found


def _saved(
    call: Call, legs: Sequence[CallLeg], people: Mapping[str, Participant], before: LoggedCall | None
) -> LoggedCall:
    values = _values(call, legs, people)
    if before is None:
        logged = LoggedCall.objects.create(call=call, **values)
    else:
        logged = LoggedCall.objects.get(pk=before.pk)
        for name, value in values.items():
            setattr(logged, name, value)
        logged.save(update_fields=list(values))
    for one in people.values():
        one.logged = logged
    logged.participants.exclude(leg__in=people).delete()
    Participant.objects.bulk_create(
        people.values(),
        update_conflicts=True,
        unique_fields=["logged", "leg"],
        update_fields=["is_called", "began_at", "answered_at", "ended_at"],
    )
    return logged


def _values(call: Call, legs: Sequence[CallLeg], people: Mapping[str, Participant]) -> dict[str, Any]:
    answered_at = call.answered_at
    picked_up = [(one.answered_at, one) for one in people.values() if one.is_called and one.answered_at]
    first = min(picked_up, key=itemgetter(0), default=(None, None))[1]
    called = next((one for one in people.values() if not one.is_called), None)
    whose = first if call.direction == Call.Direction.IN else called or first
    return {
        "direction": call.direction,
        "result": call.result,
        "number": call.number or (call.called if call.direction == Call.Direction.INTERNAL else ""),
        "caller_name": call.caller_name,
        "line": call.called if call.direction == Call.Direction.IN else "",
        "queue": call.queue,
        "started_at": call.started_at,
        "answered_at": answered_at,
        "ended_at": call.ended_at,
        "wait_seconds": _seconds(call.started_at, answered_at or call.ended_at),
        "talk_seconds": _seconds(answered_at, call.ended_at),
        "user_id": whose.user_id if whose else None,
        "is_missed": _is_missed(call, legs),
        "audience": audience_of(one.user_id for one in people.values()),
    }


def _is_missed(call: Call, legs: Sequence[CallLeg]) -> bool:
    """Somebody outside wanted to speak with the company, and nobody did. A menu or an announcement that
    nobody was to follow is no missed call."""
    if call.ended_at is None or call.direction != Call.Direction.IN or call.answered_at is not None:
        return False
    if call.result in (Call.Result.NO_ANSWER, Call.Result.BUSY, Call.Result.FAILED):
        return True
    return bool(call.queue) or any(leg.is_called for leg in legs)


def _seconds(begin: datetime | None, end: datetime | None) -> int:
    return max(0, round((end - begin).total_seconds())) if begin and end else 0


_TOLD = ("result", "ended_at", "is_missed", "user_id", "number")


def _is_news(before: LoggedCall | None, now: LoggedCall) -> bool:
    return before is None or any(getattr(before, name) != getattr(now, name) for name in _TOLD)


def finish(logged: LoggedCall, rang: Sequence[Participant]) -> None:
    """What follows from a call's end: who is to be called back, and that rooms with clients hear of it. In
    the transaction that ends it; doing it again tells the same again."""
    ids = sorted({one.user_id for one in rang})
    if logged.is_missed:
        recount_misses(ids)
    elif logged.answered_at is not None:
        settle_earlier(logged)
    if not logged.is_outside or logged.ended_at is None:
        return
    back_by = logged.ended_at + timedelta(minutes=CALL_BACK_WITHIN.value)
    emit(
        CallFinished(
            call_id=logged.pk,
            number=logged.number,
            direction=logged.direction,
            is_missed=logged.is_missed,
            started_at=logged.started_at,
            ended_at=logged.ended_at,
            wait_seconds=logged.wait_seconds,
            talk_seconds=logged.talk_seconds,
            user_id=logged.user_id,
            rang_ids=tuple(ids),
            call_back_by=back_by if logged.is_missed else None,
            begins_lead=_begins_lead(logged),
        )
    )


def _begins_lead(logged: LoggedCall) -> bool:
    if logged.direction != LoggedCall.Direction.IN or not logged.number.startswith("+"):
        return False
    return MAKES_LEADS.value == "every" or (MAKES_LEADS.value == "missed" and logged.is_missed)


def tell(people: Iterable[int], call_id: int | None = None) -> None:
    """These people's pages look at what their telephones do now."""
    if codes := [f"U{pk}" for pk in sorted(set(people))]:
        send("calls", "now", audience=codes, payload={"call": call_id})
