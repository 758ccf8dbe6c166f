"""Calls that nobody answered: they wait until the client was called back."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from box.apps.calls.events import MissedCallSettled
from box.apps.calls.models import LoggedCall, Participant
from box.core.accounts.models import User
from box.core.events.outbox import emit, emit_all
from box.core.notify.counters import COUNT_CAP, recount

MOST_AT_ONCE = 100


@transaction.atomic
def settle_miss(call: LoggedCall, *, by: User) -> None:
    """It is done, whether or not anybody called. Doing it twice is doing it once."""
    if not LoggedCall.objects.filter(pk=call.pk, is_missed=True, settled_at=None).update(
        settled_at=timezone.now(), settled_by=by
    ):
        return
    emit(MissedCallSettled(call_id=call.pk, by_id=by.pk))
    recount_misses(_rang([call.pk]))


@transaction.atomic
def reopen_miss(call: LoggedCall, *, by: User) -> None:
    """Takes that back."""
    if LoggedCall.objects.filter(pk=call.pk, is_missed=True, settled_at__isnull=False).update(
        settled_at=None, settled_by=None
    ):
        recount_misses(_rang([call.pk]))


def settle_earlier(answered: LoggedCall) -> None:
    """Whoever has been spoken with is called back no more. Within the transaction that logs the call."""
    if not answered.is_outside or not answered.number:
        return
    missed = LoggedCall.objects.unreturned().filter(
        number=answered.number, started_at__lt=answered.started_at
    )
    ids = list(missed.order_by("id").values_list("pk", flat=True)[:MOST_AT_ONCE])
    if not ids:
        return
    LoggedCall.objects.filter(pk__in=ids).update(
        settled_at=answered.ended_at or timezone.now(), settled_by=answered.user_id
    )
    emit_all([MissedCallSettled(call_id=pk, by_id=answered.user_id) for pk in ids])
    recount_misses(_rang(ids))


def recount_misses(user_ids: Iterable[int]) -> None:
    """The number in the menu, of each whose telephone rang."""
    now = timezone.now()
    for user in User.objects.filter(pk__in=set(user_ids)).order_by("pk"):
        waiting = LoggedCall.objects.waiting_for(user, now=now)
        recount(user, "calls", lambda rows=waiting: rows.order_by()[: COUNT_CAP + 1].count())  # type: ignore[misc]


def _rang(call_ids: Iterable[int]) -> list[int]:
    rang = Participant.objects.filter(logged__in=list(call_ids), is_called=True)
    return list(rang.values_list("user_id", flat=True).distinct())
