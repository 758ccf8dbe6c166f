"""Many activities at once, as they were elsewhere: some statements, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from box.apps.crm.actions.activities import (
    MOST_BOUND,
    NewActivity,
    checked_activity,
    clients_of,
    gone,
    renew_next_steps,
)
from box.apps.crm.events import ActivityPlanned
from box.apps.crm.models import ActivityBinding, Record
from box.core.events.outbox import emit_all
from box.core.registry.origin import importing
from box.lib.bulk import copy_models, copy_rows

if TYPE_CHECKING:
    from box.core.accounts.models import User


@dataclass(frozen=True)
class PastActivity:
    """On whose time line it stands, and by whom and when it was written down."""

    new: NewActivity
    record_id: int
    by: User
    made_at: datetime


@transaction.atomic
def take_over_activities(past: Sequence[PastActivity]) -> list[int]:
    """Their ids, in their order. All of them are there then, or ValidationError says what one cannot hold, or
    that a record is gone."""
    record_ids = sorted({one.record_id for one in past})
    there = Record.objects.there().filter(pk__in=record_ids).select_for_update(of=("self",)).order_by("pk")
    if list(there.values_list("pk", flat=True)) != record_ids:
        raise gone()
    clients: dict[int, list[int]] = defaultdict(list)
    for record_id, client_id in clients_of(record_ids):
        clients[record_id].append(client_id)
    activities = []
    for one in past:
        with importing(at=one.made_at):
            activities.append(checked_activity(one.new, by=one.by))
    copy_models(activities)
    bindings = [
        (activity.pk, record_id, activity.at, activity.is_planned)
        for activity, one in zip(activities, past, strict=True)
        for record_id in list(dict.fromkeys([one.record_id, *clients[one.record_id]]))[:MOST_BOUND]
    ]
    copy_rows(ActivityBinding, ("activity", "record", "at", "is_open"), bindings)
    if steps := {record_id for _activity, record_id, _at, is_open in bindings if is_open}:
        renew_next_steps(steps)
    emit_all(
        [ActivityPlanned(one.pk, one.created_by_id, is_planned=one.is_planned) for one in activities],
        taken_over=[one.made_at for one in past],
    )
    return [one.pk for one in activities]
