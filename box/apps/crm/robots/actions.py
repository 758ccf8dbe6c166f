"""Robots are made, changed and called, and do what they do."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.actions.checks import check_fields
from box.apps.crm.conditions import read
from box.apps.crm.events import DictionaryChanged
from box.apps.crm.models import Record, Robot, RobotRun, Stage
from box.apps.crm.robots.effects import EFFECTS, Left
from box.apps.crm.robots.values import FIELDS, values_of
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.portal.calendar import next_open
from box.core.registry.company import company_day
from box.core.registry.settings import as_of, raise_version, read_version

if TYPE_CHECKING:
    from box.apps.crm.models import RecordType

log = logging.getLogger(__name__)

MOST_ROBOTS = 200
# Of one robot for one record within an hour: robots that call each other come to it in seconds.
MOST_AGAIN = 5
LONGEST_DELAY = 24 * 90
AT_ONCE = 500
Trigger, Status = Robot.Trigger, RobotRun.Status


@dataclass(frozen=True, kw_only=True)
class RobotDraft:
    """`settings` as a form has sent them, by the names that its effect reads."""

    name: str
    trigger: str
    effect: str
    stage: Stage | None = None
    days: int = 0
    date_field: str = ""
    delay_hours: int = 0
    in_hours: bool = False
    condition: Any = None
    settings: Mapping[str, Any] | None = None


@transaction.atomic
def save_robot(robot: Robot | None, kind: RecordType, draft: RobotDraft, *, by: User | None) -> Robot:
    """A new one, or one that there is. Raises ValidationError."""
    held = Robot.objects.select_for_update(of=("self",)).get(pk=robot.pk) if robot else Robot(type=kind)
    is_new = held.pk is None
    if is_new and Robot.objects.standing().count() >= MOST_ROBOTS:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST_ROBOTS}, code="most")
    held.name = " ".join(draft.name.split())
    if not held.name:
        raise ValidationError({"name": _("Give the name.")})
    if draft.trigger not in Trigger or draft.effect not in EFFECTS:
        raise ValidationError(_("Choose when it works, and what it does."))
    if draft.stage is not None and draft.stage.pipeline.type_id != kind.pk:
        raise ValidationError({"stage": _("There is no such stage here: reload the page.")})
    if draft.trigger == Trigger.STAGE and draft.stage is None:
        raise ValidationError({"stage": _("Choose the stage.")})
    if draft.trigger == Trigger.DATE and draft.date_field not in Robot.DateField:
        raise ValidationError({"date_field": _("Choose the date.")})
    if draft.trigger == Trigger.IDLE and not 1 <= draft.days <= 365:
        raise ValidationError({"days": _("Between 1 and 365 days.")})
    if not -365 <= draft.days <= 365 or not 0 <= draft.delay_hours <= LONGEST_DELAY:
        raise ValidationError({"days": _("At most a year, and at most ninety days of waiting.")})
    condition = draft.condition or {"all": []}
    read(condition, FIELDS)
    held.trigger, held.stage, held.days, held.date_field = (
        draft.trigger,
        draft.stage,
        draft.days,
        draft.date_field,
    )
    held.delay_hours, held.in_hours = draft.delay_hours, draft.in_hours
    held.condition, held.effect = condition, draft.effect
    # The token that a receiver knows stays.
    kept = {"token": held.settings.get("token")} if held.settings.get("token") else {}
    held.settings = EFFECTS[draft.effect].read({**kept, **(draft.settings or {})}, kind)
    check_fields(held, ["name", "date_field"])
    held.save()
    _changed(held, "added" if is_new else "changed", by)
    return held


@transaction.atomic
def switch_robot(robot: Robot, is_on: bool, *, by: User | None) -> None:
    if Robot.objects.standing().filter(pk=robot.pk).exclude(is_on=is_on).update(is_on=is_on):
        _changed(robot, "restored" if is_on else "retired", by)


@transaction.atomic
def remove_robot(robot: Robot, *, by: User | None) -> None:
    """What waits for it waits no more; what it has done stays in the log of its records."""
    if Robot.objects.standing().filter(pk=robot.pk).update(retired_at=timezone.now(), is_on=False):
        _changed(robot, "removed", by)


def _changed(robot: Robot, change: str, by: User | None) -> None:
    raise_version()
    emit(DictionaryChanged(dictionary="robot", change=change, name=robot.name, by_id=by.pk if by else None))


# Being called


@transaction.atomic
def call_robots(robots: Iterable[Robot], records: Iterable[Record], key: str, now: datetime) -> int:
    """Each to each record, once under this key; how many were called.

    Who was called to a record again and again within an hour stays away, and says so: two robots that call
    each other would never end.
    """
    rows = []
    known = list(records)
    for robot in robots:
        tired = _tired(robot, known, now)
        due_at = now + timedelta(hours=robot.delay_hours)
        if robot.in_hours:
            due_at = next_open(due_at)
        for record in known:
            run = RobotRun(robot=robot, record=record, key=key, created_at=now, due_at=due_at)
            if record.pk in tired:
                run.status, run.finished_at = Status.LEFT, now
                run.said = _(
                    "It was called %(count)s times within an hour: perhaps robots call each other."
                ) % {"count": MOST_AGAIN}
            rows.append(run)
    RobotRun.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return len(rows)


def _tired(robot: Robot, records: Iterable[Record], now: datetime) -> set[int]:
    called: dict[int, int] = {}
    runs = RobotRun.objects.within_an_hour(now).filter(robot=robot, record__in=list(records))
    for pk in runs.values_list("record_id", flat=True):
        called[pk] = called.get(pk, 0) + 1
    return {pk for pk, count in called.items() if count >= MOST_AGAIN}


def call_for_addition(record: Record, now: datetime) -> int:
    robots = Robot.objects.at_work().filter(type=record.type_id, trigger=Trigger.ADDED)
    return call_robots(robots, [record], "added", now)


def call_for_stage(record: Record, now: datetime) -> int:
    """Once a visit, whichever event tells of it: who is added comes into a stage, too."""
    visit = record.visits.filter(left_at=None).first()
    if visit is None:
        return 0
    robots = Robot.objects.at_work().filter(trigger=Trigger.STAGE, stage=visit.stage_id)
    return call_robots(robots, [record], f"visit:{visit.pk}", now)


def call_by_time(now: datetime) -> int:
    """Those that wait for days without a plan, and for dates: once a state of a record, once a date."""
    count = 0
    for robot in Robot.objects.at_work().filter(trigger__in=(Trigger.IDLE, Trigger.DATE)):
        records = Record.objects.there().of_type(robot.type_id).in_work()
        if robot.stage_id:
            records = records.filter(stage=robot.stage_id)
        if robot.trigger == Trigger.DATE:
            day = company_day(now) - timedelta(days=robot.days)
            found, key = records.filter(**{robot.date_field: day}), f"date:{day}"
            called = RobotRun.objects.filter(robot=robot, record=OuterRef("pk"), key=key)
            fresh = found.exclude(Exists(called))
            count += call_robots([robot], fresh.order_by("pk")[:AT_ONCE], key, now)
            continue
        since = now - timedelta(days=robot.days)
        idle = records.without_next_step().filter(changed_at__lt=since, stage_since__lt=since)
        # Again only after somebody has done something with it.
        called = RobotRun.objects.filter(
            robot=robot, record=OuterRef("pk"), created_at__gt=OuterRef("changed_at"), key__startswith="idle:"
        )
        for record in idle.exclude(Exists(called)).order_by("pk")[:AT_ONCE]:
            count += call_robots([robot], [record], f"idle:{record.changed_at.isoformat()}", now)
    return count


# Doing it


def run_due(now: datetime) -> int:
    """What is due, one after the other, each in a transaction of its own; how many were done or left."""
    count = 0
    while _run_one(now):
        count += 1
    return count


@transaction.atomic
def _run_one(now: datetime) -> bool:
    with as_of(read_version()):
        waiting = RobotRun.objects.due(now).select_for_update(skip_locked=True, of=("self",))
        run = waiting.select_related("robot__type", "robot__stage").order_by("due_at", "id").first()
        if run is None:
            return False
        run.status, run.said = _outcome(run, now)
        run.finished_at = now
        run.save(update_fields=["status", "said", "finished_at"])
    return True


def _outcome(run: RobotRun, now: datetime) -> tuple[str, str]:
    robot = run.robot
    related = ("type", "stage__pipeline", "source", "responsible")
    record = Record.objects.there().select_related(*related).filter(pk=run.record_id).first()
    if record is None:
        return Status.LEFT, _("The record is gone.")
    try:
        if reason := _left(robot, record):
            return Status.LEFT, reason
        with transaction.atomic():
            EFFECTS[robot.effect].act(run, record, robot.settings, now)
    except Left as left:
        return Status.LEFT, str(left)
    except (ValidationError, PermissionDenied, Stage.DoesNotExist, User.DoesNotExist) as error:
        said = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        return Status.FAILED, said[:400]
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # It would be the first that is due again and again, and all others would wait behind it.
        log.exception("The robot %s broke off at the record %s.", robot.pk, record.pk)
        return Status.FAILED, _("It broke off: the log of the jobs says why.")
    return Status.DONE, ""


def _left(robot: Robot, record: Record) -> str:
    """Why the robot leaves this record alone; empty where it does not."""
    if robot.retired_at is not None or not robot.is_on:
        return _("The robot was switched off meanwhile.")
    if robot.trigger == Trigger.STAGE and record.stage_id != robot.stage_id:
        return _("It is in another stage by now.")
    if record.closed_at is not None and (robot.stage is None or robot.stage.is_open):
        return _("It was closed meanwhile.")
    if not read(robot.condition, FIELDS).holds(values_of(record)):
        return _("The condition does not hold.")
    return ""
