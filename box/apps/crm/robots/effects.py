"""What robots can do with a record. Each effect reads its settings once, where somebody makes the robot, and
does one thing, in the transaction of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.records import change_record, move_record
from box.apps.crm.conditions import Group
from box.apps.crm.models import Activity, Robot, RobotCall, RobotRun, RobotTurn, Source, Stage
from box.apps.crm.models.types import ANY_RECORD
from box.apps.crm.notices import ROBOT_REMINDS
from box.apps.crm.robots.candidates import candidates_of
from box.apps.crm.robots.letters import NotWritten, read_letter, write_letter
from box.apps.crm.robots.webhooks import new_token
from box.apps.crm.routing import Rule, Way, decide
from box.core.accounts.models import User
from box.core.notify.actions import notify
from box.core.registry.capabilities import Ref, Work, workshops
from box.core.registry.company import company_day
from box.core.registry.environment import full_url
from box.core.registry.services import is_on

if TYPE_CHECKING:
    from box.apps.crm.models import Record, RecordType

Effect = Robot.Effect
FILLED = ("comment", "source", "source_note", "expected_on")
"""Fields that a robot may fill in."""
LATEST_DAYS = 365
LONGEST_SUBJECT = 255
MOST_CANDIDATES = 100
MOST_OPEN = 100_000
LONGEST_ADDRESS = 2000
_PLANNED = frozenset({Activity.Kind.CALL, Activity.Kind.EMAIL, Activity.Kind.MEETING, Activity.Kind.TASK})


class Left(Exception):
    """The robot leaves this record alone, with why."""


@dataclass(frozen=True)
class Does:
    """`read` makes what is stored of what a form has sent; raises ValidationError. `act` does it."""

    read: Callable[[Mapping[str, Any], RecordType], dict[str, Any]]
    act: Callable[[RobotRun, Record, Mapping[str, Any], datetime], object]


def _person(sent: Mapping[str, Any]) -> int | None:
    """None: whoever is responsible."""
    pk = sent.get("user_id") or None
    if pk is not None and not User.objects.filter(pk=pk, is_extranet=False).exists():
        raise ValidationError(_("Choose a colleague who works here."))
    return pk


def _of(settings: Mapping[str, Any], record: Record) -> User:
    if not settings.get("user_id"):
        return record.responsible
    person: User = User.objects.get(pk=settings["user_id"])
    return person


def _read_activity(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    if sent.get("kind") not in _PLANNED:
        raise ValidationError(_("Choose what is planned, and in how many days: at most a year."))
    return {"kind": sent["kind"], **_read_task(sent, kind)}


def _read_task(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    subject, days = " ".join(str(sent.get("text", "")).split()), int(sent.get("in_days") or 0)
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise ValidationError(_("Say in a few words what it is about."))
    if not 0 <= days <= LATEST_DAYS:
        raise ValidationError(_("Choose what is planned, and in how many days: at most a year."))
    return {"subject": subject, "days": days, "user_id": _person(sent)}


def _plan(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime, about: str = "") -> None:
    deadline = now + timedelta(days=settings["days"])
    new = NewActivity(
        kind=settings.get("kind", Activity.Kind.TASK),
        subject=settings["subject"],
        responsible=_of(settings, record),
        deadline=deadline,
        about=about,
    )
    add_activity(new, [record], by=None)


def _give_task(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    """In the name of whoever looks after the record. It is the next step here until it is done there (see
    `box.apps.crm.handlers`). What the record is called is told to nobody who does not see it."""
    if "tasks" not in workshops or not is_on("tasks"):
        raise Left(_("Tasks are switched off in this portal."))
    work = Work(
        title=settings["subject"],
        text=full_url("crm:record", record.type.slug, record.pk),
        responsible=_of(settings, record),
        deadline_at=now + timedelta(days=settings["days"]),
        about=Ref(ANY_RECORD, record.pk),
    )
    _plan(run, record, settings, now, str(workshops["tasks"].give(work, record.responsible)))


def _read_notice(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    return {"user_id": _person(sent)}


def _notify(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    notify(_of(settings, record), ROBOT_REMINDS, about=record.ref, key=f"crm.robot:{run.pk}")


def _read_field(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    name, text = str(sent.get("field", "")), str(sent.get("text", "")).strip()
    if name not in FILLED:
        raise ValidationError(_("Choose the field that is filled in."))
    if name == "source" and not Source.objects.filter(code=text, retired_at=None).exists():
        raise ValidationError(_("There is no source %(name)s.") % {"name": text[:40]})
    if name == "expected_on":
        days = int(sent.get("in_days") or 0)
        if not 0 <= days <= LATEST_DAYS:
            raise ValidationError(_("Choose what is planned, and in how many days: at most a year."))
        return {"field": name, "days": days}
    if len(text) > 400:
        raise ValidationError(_("At most %(most)s characters.") % {"most": 400})
    return {"field": name, "text": text}


def _fill(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    value: Any = settings.get("text", "")
    if settings["field"] == "source":
        value = Source.objects.get(code=value)
    elif settings["field"] == "expected_on":
        value = company_day(now) + timedelta(days=settings["days"])
    change_record(record, {settings["field"]: value}, by=None)


def _read_responsible(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    pk = _person(sent)
    if pk is None:
        raise ValidationError(_("Choose a colleague who works here."))
    return {"user_id": pk}


def _hand_over(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    change_record(record, {"responsible": _of(settings, record)}, by=None)


def _read_stage(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    standing = Stage.objects.standing().filter(pipeline__type=kind)
    if not standing.filter(pk=sent.get("stage_id") or 0).exists():
        raise ValidationError(_("Choose the stage into which it goes."))
    return {"stage_id": sent["stage_id"]}


def _move(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    move_record(record, Stage.objects.select_related("pipeline").get(pk=settings["stage_id"]), by=None)


# One of several


def _read_route(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    ids = list(dict.fromkeys(sent.get("people") or ()))
    employees = User.objects.filter(pk__in=ids, is_extranet=False).count()
    if not ids or len(ids) > MOST_CANDIDATES or employees != len(ids):
        said = _("Choose between 1 and %(most)s colleagues who work here.") % {"most": MOST_CANDIDATES}
        raise ValidationError({"people": said})
    if sent.get("way") not in set(Way):
        raise ValidationError({"way": _("Choose how it is handed out.")})
    most_open = sent.get("most_open")
    if most_open is not None and not 1 <= most_open <= MOST_OPEN:
        raise ValidationError({"most_open": _("Between 1 and %(most)s.") % {"most": MOST_OPEN}})
    return {
        "people": ids,
        "way": str(sent["way"]),
        "most_open": most_open,
        "waits_for_work": bool(sent.get("waits_for_work")),
    }


def _route(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    """The first robot that has somebody for it decides. It is held: two leads at once go to two people."""
    robot = Robot.objects.select_for_update().get(pk=run.robot_id)
    before = RobotRun.objects.filter(record=record, key=run.key, robot__effect=Effect.ROUTE)
    if before.filter(status=RobotRun.Status.DONE).exclude(pk=run.pk).exists():
        raise Left(_("Another robot has handed it out."))
    rule = Rule(
        id=robot.pk,
        condition=Group(()),
        candidates=tuple(settings["people"]),
        way=Way(settings["way"]),
        most_open=settings["most_open"],
        waits_for_work=settings["waits_for_work"],
    )
    chosen = decide([rule], {}, candidates_of(robot, settings["people"], record.type_id, now)).user_id
    if chosen is None:
        raise Left(_("Nobody could take it: they are not at work, or have enough."))
    change_record(record, {"responsible": User.objects.get(pk=chosen)}, by=None)
    RobotTurn.objects.update_or_create(robot=robot, user_id=chosen, defaults={"given_at": now})


# An address outside


def _read_webhook(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    address = str(sent.get("address", "")).strip()
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        said = _("Write an address that begins with https:// or http://.")
        raise ValidationError({"address": said}) from None
    if len(address) > LONGEST_ADDRESS:
        raise ValidationError({"address": _("At most %(most)s characters.") % {"most": LONGEST_ADDRESS}})
    return {"address": address, "token": sent.get("token") or new_token()}


def _tell(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    """It is sent once this transaction has ended: see `box.apps.crm.robots.webhooks`."""
    RobotCall.objects.create(run=run, address=settings["address"], created_at=now, due_at=now)


def _read_letter(sent: Mapping[str, Any], kind: RecordType) -> dict[str, Any]:
    return read_letter(sent, _person(sent))


def _write(run: RobotRun, record: Record, settings: Mapping[str, Any], now: datetime) -> None:
    try:
        write_letter(run, record, settings, _of(settings, record), now)
    except NotWritten as error:
        raise Left(str(error)) from None


EFFECTS: Mapping[str, Does] = {
    Effect.ACTIVITY: Does(_read_activity, _plan),
    Effect.NOTICE: Does(_read_notice, _notify),
    Effect.FIELD: Does(_read_field, _fill),
    Effect.RESPONSIBLE: Does(_read_responsible, _hand_over),
    Effect.STAGE: Does(_read_stage, _move),
    Effect.ROUTE: Does(_read_route, _route),
    Effect.WEBHOOK: Does(_read_webhook, _tell),
    Effect.LETTER: Does(_read_letter, _write),
    Effect.TASK: Does(_read_task, _give_task),
}
