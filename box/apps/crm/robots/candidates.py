"""What is known of the people to whom a robot may hand a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import Count

from box.apps.crm.models import Record
from box.apps.crm.routing import Candidate
from box.core.accounts.models import User
from box.core.people.models import Absence
from box.core.portal.calendar import is_open
from box.core.registry.capabilities import at_work
from box.core.registry.company import company_day

if TYPE_CHECKING:
    from datetime import datetime

    from box.apps.crm.models import Robot


def candidates_of(robot: Robot, ids: Sequence[int], type_id: int, now: datetime) -> Mapping[int, Candidate]:
    """Of those who still work here. At work is who is not away, in the hours of their own schedule, else in
    the company's; in as many queries for one as for a hundred."""
    active = set(User.objects.active().filter(pk__in=ids).values_list("pk", flat=True))
    away = set(Absence.objects.on(company_day(now)).filter(user__in=ids).values_list("user", flat=True))
    in_work = Record.objects.there().of_type(type_id).in_work().filter(responsible__in=ids)
    loads = dict(in_work.order_by().values_list("responsible").annotate(Count("pk")))
    turns = dict(robot.turns.values_list("user", "given_at"))
    usual = is_open(now)
    scheduled = {pk: works for known in at_work for pk, works in known(sorted(active), now).items()}
    return {
        pk: Candidate(pk, loads.get(pk, 0), scheduled.get(pk, usual) and pk not in away, turns.get(pk))
        for pk in active
    }
