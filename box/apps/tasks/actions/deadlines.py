"""What the clock causes: deadlines that pass, and the morning's word of what is due."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from box.apps.tasks.counters import recount_all
from box.apps.tasks.models import OPEN, ChecklistItem, Participant, Task
from box.apps.tasks.notices import OVERDUE, TODAY
from box.apps.tasks.states import State
from box.core.accounts.models import User
from box.core.notify.actions import notify_all
from box.core.push.actions import send
from box.core.registry.capabilities import Ref
from box.core.registry.company import company_zone
from box.lib.moments import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

BATCH = 100
DAY = "tasks.day"
"""A day of tasks as an object: its number is the day's."""
MORNING, NOON = time(8), time(12)


@transaction.atomic
def tell_overdue(now: datetime) -> int:
    """Says of the next tasks that they are overdue, to those who can do something about it, and returns of
    how many. Each is said once for each deadline; two who do this at once take different ones."""
    late = Task.objects.overdue(now).filter(is_overdue_told=False).order_by("deadline_at")
    tasks = list(late.select_for_update(of=("self",), skip_locked=True, no_key=True)[:BATCH])
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(is_overdue_told=True)
    people: set[int] = set()
    for task in tasks:
        concerned = _concerned(task)
        key = f"tasks.overdue:{task.pk}:{task.deadline_at:%Y%m%d%H%M}"
        notify_all(User.objects.active().filter(pk__in=concerned), OVERDUE, about=task.ref, key=key)
        send("tasks", "changed", audience=task.audience, payload={"id": task.pk, "by": None})
        people |= concerned
    recount_all(User.objects.filter(pk__in=people))
    return len(tasks)


def _concerned(task: Task) -> set[int]:
    """Whoever gave it, whoever does it and helps; of what is done only whoever accepts it."""
    if task.state == State.IN_REVIEW:
        return {task.created_by_id}
    role = Participant.Role.ACCOMPLICE
    helping = task.participants.filter(role=role).values_list("user", flat=True)
    return {task.responsible_id, task.created_by_id, *helping}


def tell_of_day(now: datetime) -> int:
    """One word a morning to everybody who has a task, or a line of a checklist, due today or late already;
    returns to how many.
    It is morning where the person lives; a box that was off until noon says nothing any more."""
    count = 0
    for zone, people in _by_zone():
        local = now.astimezone(zone)
        if not MORNING <= local.time() < NOON:
            continue
        day = local.date()
        evening = datetime.combine(day + timedelta(days=1), time(), zone)
        busy = Task.objects.filter(OPEN, Q(deadline_at__lt=evening), responsible__in=people)
        ids = busy.exclude(state=State.IN_REVIEW).values("responsible").distinct()
        told = list(User.objects.active().filter(Q(pk__in=ids) | Q(pk__in=_with_lines(people, day))))
        notify_all(told, TODAY, about=Ref(DAY, day.toordinal()), key=f"tasks.today:{day.isoformat()}")
        count += len(told)
    return count


def _with_lines(people: Collection[int], day: date) -> QuerySet[ChecklistItem, int]:
    """Who of these has lines of checklists to tick off by then."""
    lines = ChecklistItem.objects.due_by(day).of_people(people).order_by()
    whose: QuerySet[ChecklistItem, int] = lines.values_list(
        Coalesce("assignee", "task__responsible"), flat=True
    )
    return whose


def _by_zone() -> Iterable[tuple[ZoneInfo, list[int]]]:
    """Those who have open tasks or lines of them, by where they live."""
    doing = Task.objects.filter(OPEN).exclude(deadline_at=None).order_by().values("responsible").distinct()
    lines = ChecklistItem.objects.due_by(LATEST.date()).order_by()
    whose = lines.values(whose=Coalesce("assignee", "task__responsible"))
    zones: dict[str, list[int]] = {}
    active = User.objects.active().filter(Q(pk__in=doing) | Q(pk__in=whose))
    rows = active.values_list("pk", "time_zone")
    for pk, name in rows:
        zones.setdefault(name, []).append(pk)
    return [(ZoneInfo(name) if name else company_zone(), people) for name, people in zones.items()]
