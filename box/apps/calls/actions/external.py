"""Calls of exchanges that have no bridge: their own program tells of each, over REST."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calls.access import can_set_up, works_here
from box.apps.calls.actions.logging import finish, tell
from box.apps.calls.models import LoggedCall, Participant
from box.apps.calls.permissions import audience_of
from box.core.accounts.models import User
from box.core.registry.company import PHONE_REGION
from box.lib import phones
from box.lib.moments import refuse_distant

MOST_SHOWN = 50
LONGEST_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class NewCall:
    """As its program tells it: `user` is whose telephone rings, or who calls."""

    number: str
    user: User
    is_incoming: bool
    started_at: datetime
    line: str = ""
    is_shown: bool = True


@transaction.atomic
def register_call(new: NewCall, *, by: User) -> LoggedCall:
    """Two at once between the same numbers are two. Raises ValidationError, and PermissionDenied for somebody
    else's call."""
    _must_tell_of(new.user, by)
    refuse_distant(new.started_at)
    call = LoggedCall.objects.create(
        external_key=f"externalCall.{secrets.token_hex(16)}",
        direction=LoggedCall.Direction.IN if new.is_incoming else LoggedCall.Direction.OUT,
        number=plain_number(new.number)[:80],
        line=new.line[:80],
        started_at=new.started_at,
        user=None if new.is_incoming else new.user,
        audience=audience_of([new.user.pk]),
    )
    if new.is_shown:
        show_call(call, [new.user], by=by, now=new.started_at)
    return call


def plain_number(text: str) -> str:
    """As the world dials it, or the digits that are there."""
    return phones.normal(text, PHONE_REGION.value) or "".join(sign for sign in text if sign.isdigit())


@transaction.atomic
def show_call(call: LoggedCall, people: list[User], *, by: User, now: datetime) -> None:
    """Opens its window at these people, who take part from then on. Showing twice is showing once."""
    locked, people = _going(call), people[:MOST_SHOWN]
    for person in people:
        _must_tell_of(person, by)
        Participant.objects.update_or_create(
            logged=locked,
            leg=f"U{person.pk}",
            defaults={"user": person, "ended_at": None},
            create_defaults={
                "user": person,
                "is_called": locked.direction == LoggedCall.Direction.IN,
                "began_at": now,
            },
        )
    locked.audience = audience_of(locked.participants.values_list("user_id", flat=True))
    locked.save(update_fields=["audience"])
    tell([person.pk for person in people], locked.pk)


@transaction.atomic
def hide_call(call: LoggedCall, people: list[User], *, by: User, now: datetime) -> None:
    locked, people = _going(call), people[:MOST_SHOWN]
    _must_be_in(locked, by)
    for person in people:
        _must_tell_of(person, by)
    locked.participants.filter(user__in=people, ended_at=None).update(ended_at=now)
    tell([person.pk for person in people], locked.pk)


@transaction.atomic
def finish_call(call: LoggedCall, user: User, seconds: int, result: str, *, by: User) -> LoggedCall:
    """`seconds` is how long they talked. Finishing twice is finishing once."""
    _must_tell_of(user, by)
    locked = LoggedCall.objects.select_for_update().get(pk=call.pk)
    _must_be_in(locked, by)
    if locked.ended_at is not None:
        return locked
    is_answered = result == LoggedCall.Result.ANSWERED
    talked = min(max(seconds, 0), LONGEST_SECONDS) if is_answered else 0
    # It has just ended, as far as anybody knows; whoever tells of it late says how long it was.
    now = max(timezone.now(), locked.started_at + timedelta(seconds=talked))
    locked.result, locked.ended_at, locked.talk_seconds = result, now, talked
    locked.answered_at = now - timedelta(seconds=talked) if is_answered else None
    waited = (locked.answered_at or now) - locked.started_at
    locked.wait_seconds = min(round(waited.total_seconds()), LONGEST_SECONDS)
    locked.is_missed = locked.direction == LoggedCall.Direction.IN and not is_answered
    locked.user = user if is_answered or locked.direction == LoggedCall.Direction.OUT else None
    locked.save()
    if is_answered:
        locked.participants.filter(user=user).update(answered_at=locked.answered_at)
    locked.participants.filter(ended_at=None).update(ended_at=now)
    people = list(locked.participants.all())
    finish(locked, [one for one in people if one.is_called])
    tell([one.user_id for one in people], locked.pk)
    return locked


def _going(call: LoggedCall) -> LoggedCall:
    locked = LoggedCall.objects.select_for_update().get(pk=call.pk)
    if locked.ended_at is not None:
        raise ValidationError(_("This call is over."), code="over")
    return locked


def _must_be_in(call: LoggedCall, by: User) -> None:
    """Who sees a call because they lead somebody in it has no say in it."""
    if f"U{by.pk}" not in call.audience and not can_set_up(by):
        raise PermissionDenied(_("Only administrators of telephony tell of others' calls."))


def _must_tell_of(user: User, by: User) -> None:
    if user != by and not can_set_up(by):
        raise PermissionDenied(_("Only administrators of telephony tell of others' calls."))
    if not works_here(user):
        raise ValidationError(_("Nobody who works here has this number."), code="user")
