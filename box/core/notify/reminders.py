"""Telling people something at a moment, such as before a meeting or a deadline.

    set_reminders(event.ref, REMINDER, {anna.pk: at_nine, boris.pk: at_ten})

A room says all that is to be told by one notice of one object, each time that this changes; what is not said
any more is not told. Where people choose by themselves, `set_own_reminder` says it of one of them. It is told
once, by the notice's own topic: in the portal, by letter, by push.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from box.core.accounts.models import User
from box.core.notify.actions import notify
from box.core.notify.models import Reminder
from box.core.registry.capabilities import Ref, reminded
from box.core.registry.notices import Notice, notices

BATCH = 500
# After an outage nobody is reminded of what was yesterday.
LATEST = timedelta(hours=12)


@transaction.atomic
def set_reminders(about: Ref, notice: Notice, moments: Mapping[int, datetime]) -> None:
    """Who is to be told when, by the person's id; in two queries, and without those that were set before."""
    Reminder.objects.filter(about_kind=about.kind, about_id=about.id, kind=notice.kind).delete()
    Reminder.objects.bulk_create(
        [
            Reminder(user_id=pk, kind=notice.kind, about_kind=about.kind, about_id=about.id, due_at=at)
            for pk, at in moments.items()
        ],
        # Whoever sets the same at once says the same.
        ignore_conflicts=True,
    )


@transaction.atomic
def set_own_reminder(about: Ref, notice: Notice, person: User, at: datetime | None) -> None:
    """Of this person alone, whoever else is to be told; None: not at all."""
    own_reminders(about, notice, person).delete()
    if at is not None:
        row = Reminder(user=person, kind=notice.kind, about_kind=about.kind, about_id=about.id, due_at=at)
        Reminder.objects.bulk_create([row], ignore_conflicts=True)


def own_reminders(about: Ref, notice: Notice, person: User) -> QuerySet[Reminder, Reminder]:
    """One at most."""
    return Reminder.objects.filter(about_kind=about.kind, about_id=about.id, kind=notice.kind, user=person)


def tell_due(now: datetime) -> int:
    """Tells all that is due; returns how many people were told something."""
    count = 0
    while told := _tell_some(now):
        count += told
    return count


@transaction.atomic
def _tell_some(now: datetime) -> int:
    """Rows of a job that dies are found again by the next: they go in the transaction that tells."""
    due = Reminder.objects.select_for_update(skip_locked=True).filter(due_at__lte=now)
    rows = list(due.order_by("due_at", "pk")[:BATCH])
    Reminder.objects.filter(pk__in=[row.pk for row in rows]).delete()
    people = User.objects.active().in_bulk([row.user_id for row in rows])
    known = dict(notices.items())
    touched: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        touched[row.about_kind].add(row.about_id)
        # None for a notice that a later version no longer has.
        person, notice = people.get(row.user_id), known.get(row.kind)
        if person is not None and notice is not None and row.due_at > now - LATEST:
            about = Ref(row.about_kind, row.about_id)
            notify(
                person, notice, about=about, key=f"{row.kind}:{row.about_id}:{int(row.due_at.timestamp())}"
            )
    for kind, ids in touched.items():
        if kind in reminded:
            reminded[kind](sorted(ids), now)
    return len(rows)
