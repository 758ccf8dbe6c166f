"""Schedules, and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.worktime.events import ScheduleChanged
from box.apps.worktime.models import DepartmentSchedule, PersonSchedule, Schedule
from box.core.accounts.models import User
from box.core.events.outbox import emit


@dataclass(frozen=True)
class Plan:
    """A schedule as it is to be. Departments that had another one leave it."""

    name: str
    kind: str
    starts: time | None
    ends: time | None
    minutes: int
    department_ids: tuple[int, ...] = ()


@transaction.atomic
def save_schedule(schedule: Schedule, plan: Plan, *, by: User) -> Schedule:
    """Raises ValidationError for fixed hours without hours."""
    schedule.name, schedule.kind, schedule.minutes = plan.name, plan.kind, plan.minutes
    is_fixed = plan.kind == Schedule.Kind.FIXED
    schedule.starts, schedule.ends = (plan.starts, plan.ends) if is_fixed else (None, None)
    if is_fixed and (plan.starts is None or plan.ends is None or plan.starts == plan.ends):
        raise ValidationError(_("Say when the fixed hours begin and end."), code="hours")
    schedule.save()
    DepartmentSchedule.objects.filter(schedule=schedule).exclude(department__in=plan.department_ids).delete()
    DepartmentSchedule.objects.bulk_create(
        [DepartmentSchedule(schedule=schedule, department_id=pk) for pk in plan.department_ids],
        update_conflicts=True,
        unique_fields=["department"],
        update_fields=["schedule"],
    )
    emit(ScheduleChanged(schedule_id=schedule.pk, by_id=by.pk))
    return schedule


@transaction.atomic
def delete_schedule(schedule: Schedule, *, by: User) -> None:
    """Whoever had it has the schedule of their department, or the portal's, again."""
    emit(ScheduleChanged(schedule_id=schedule.pk, by_id=by.pk))
    schedule.delete()


@transaction.atomic
def give_schedule(person: User, schedule: Schedule | None, *, by: User) -> None:
    """A schedule of the person's own; none gives back that of the department."""
    held = PersonSchedule.objects.filter(person=person)
    changed = schedule.pk if schedule else held.values_list("schedule_id", flat=True).first()
    if schedule is None:
        held.delete()
    else:
        PersonSchedule.objects.update_or_create(person=person, defaults={"schedule": schedule})
    if changed:
        emit(ScheduleChanged(schedule_id=changed, by_id=by.pk))
