"""What was done with a client, and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.checks import check_fields, id_of
from box.apps.crm.events import ActivityChanged, ActivityDone, ActivityPlanned, StepMoved
from box.apps.crm.models import Activity, ActivityBinding, Link, Record
from box.core.events.outbox import emit, emit_all
from box.core.registry.capabilities import workshops
from box.core.registry.origin import is_importing, moment
from box.core.registry.services import is_on
from box.core.relations.relatable import ref_named
from box.lib.moments import refuse_distant

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_BOUND = 50
TASK = "tasks.task"
_EXTERNAL = ("external_id", "external_source", "external_version")
_GIVEN = frozenset({"kind", "direction", "subject", "text", "result", "about", "number", *_EXTERNAL})


@dataclass(frozen=True, kw_only=True)
class NewActivity:
    """`deadline` makes it a next step that is to be done; without one it says what was. `about` is what it is
    in another app, `str(Ref)`: the same thing is written down once, however often it is told."""

    kind: str
    subject: str
    responsible: User
    direction: str = ""
    text: str = ""
    at: datetime | None = None
    seconds: int | None = None
    deadline: datetime | None = None
    about: str = ""
    number: str = ""
    external_id: str = ""
    external_source: str = ""
    external_version: str = ""


@transaction.atomic
def add_activity(new: NewActivity, records: Sequence[Record], *, by: User | None) -> Activity:
    """On the time lines of these records, and of the clients that they have. Raises ValidationError, and
    PermissionDenied where `by` may not change the first of them."""
    bound = _timelines(records, by)
    activity = checked_activity(new, by=by)
    activity.save()
    ActivityBinding.objects.bulk_create(
        ActivityBinding(activity=activity, record_id=pk, at=activity.at, is_open=activity.is_planned)
        for pk in bound
    )
    if activity.is_planned:
        renew_next_steps(bound)
    emit(ActivityPlanned(activity_id=activity.pk, by_id=id_of(by), is_planned=activity.is_planned))
    return activity


def checked_activity(new: NewActivity, *, by: User | None) -> Activity:
    """As it will be stored. Raises ValidationError for what it cannot hold."""
    subject = " ".join(new.subject.split())
    if not subject:
        raise ValidationError({"subject": _("Say in a few words what it is about.")})
    activity = Activity(
        kind=new.kind, subject=subject, direction=new.direction, text=new.text, responsible=new.responsible,
        created_by=by, at=new.deadline or new.at or moment(), seconds=new.seconds, created_at=moment(),
        deadline=new.deadline, about=new.about, number=new.number,
        **{name: getattr(new, name) for name in _EXTERNAL},
    )  # fmt: skip
    check_fields(activity, _GIVEN)
    refuse_distant(activity.at)
    if new.deadline is not None and not new.responsible.is_active and not is_importing():
        said = _("%(name)s does not work here any more.") % {"name": new.responsible.name}
        raise ValidationError({"responsible": said})
    return activity


@transaction.atomic
def complete_activity(activity: Activity, *, result: str = "", by: User | None) -> Activity:
    """Doing it twice is doing it once."""
    held, bound = _locked(activity, by)
    if held.done_at is not None:
        return held
    held.done_at = held.at = moment()
    held.done_by, held.result = by, result
    check_fields(held, _GIVEN)
    held.save(update_fields=["done_at", "at", "done_by", "result"])
    held.bindings.update(at=held.at, is_open=False)
    renew_next_steps(bound)
    emit(ActivityDone(activity_id=held.pk, by_id=id_of(by)))
    return held


@transaction.atomic
def reopen_activity(activity: Activity, *, by: User | None) -> Activity:
    """Takes back that it is done."""
    held, bound = _locked(activity, by)
    if held.done_at is None or held.deadline is None:
        return held
    held.done_at, held.done_by, held.at = None, None, held.deadline
    held.save(update_fields=["done_at", "done_by", "at"])
    held.bindings.update(at=held.at, is_open=True)
    renew_next_steps(bound)
    emit(ActivityChanged(activity_id=held.pk, record_ids=tuple(bound), by_id=id_of(by)))
    return held


@transaction.atomic
def move_activity(activity: Activity, deadline: datetime, *, by: User | None) -> Activity:
    """To another moment. A task that is behind it moves, too; for whoever may not move that, neither does."""
    held, bound = _locked(activity, by)
    if not held.is_planned:
        raise ValidationError(_("It is done already."), code="done")
    refuse_distant(deadline)
    task_id = task_behind(held)
    if task_id and by is not None and is_on("tasks"):
        workshops["tasks"].move(task_id, deadline, by)
    _put_off(held, deadline, bound, id_of(by))
    return held


@transaction.atomic
def follow_task(activity: Activity, *, by_id: int | None) -> None:
    """To the deadline that the task behind it has by now; without one it stays where it is. `by_id` is who
    has moved that."""
    held, bound = _locked(activity, None)
    deadline = workshops["tasks"].deadline(task_behind(held))
    if held.is_planned and deadline is not None and deadline != held.deadline:
        _put_off(held, deadline, bound, by_id)


def task_behind(activity: Activity) -> int:
    """Its number; 0: none is."""
    ref = ref_named(activity.about)
    return ref.id if ref is not None and ref.kind == TASK else 0


def _put_off(held: Activity, deadline: datetime, bound: Sequence[int], by_id: int | None) -> None:
    before = held.at
    held.deadline = held.at = deadline
    held.save(update_fields=["deadline", "at"])
    held.bindings.update(at=deadline)
    renew_next_steps(bound)
    emit(ActivityChanged(activity_id=held.pk, record_ids=tuple(bound), by_id=by_id))
    if deadline != before:
        moments = {"deadline_before": before.isoformat(), "deadline": deadline.isoformat()}
        emit_all([StepMoved(pk, by_id, held.subject, **moments) for pk in bound])


@transaction.atomic
def delete_activity(activity: Activity, *, by: User | None) -> None:
    """What was written down about a call or a letter stays as long as that does."""
    held, bound = _locked(activity, by)
    if held.about and by is not None:
        raise ValidationError(_("This comes from elsewhere, and goes with what it tells of."), code="about")
    pk = held.pk
    held.delete()
    renew_next_steps(bound)
    emit(ActivityChanged(activity_id=pk, record_ids=tuple(bound), by_id=id_of(by)))


def renew_next_steps(record_ids: Iterable[int]) -> None:
    """A record's next step is the earliest open activity on its time line."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_STEPS, [sorted(set(record_ids))])


_NEXT_STEPS = """
    UPDATE crm_record AS record SET next_step_at = step.at
      FROM (SELECT held.id, (SELECT min(bound.at) FROM crm_activitybinding AS bound
                                 WHERE bound.record_id = held.id AND bound.is_open) AS at
              FROM crm_record AS held WHERE held.id = ANY (%s) ORDER BY held.id FOR UPDATE) AS step
     WHERE record.id = step.id AND record.next_step_at IS DISTINCT FROM step.at
"""


@transaction.atomic
def remove_activities(ids: Sequence[int]) -> None:
    """For good, of what was made by mistake: nothing has been done with it since."""
    bound = list(ActivityBinding.objects.filter(activity__in=ids).values_list("record_id", flat=True))
    Activity.objects.filter(pk__in=ids).delete()
    renew_next_steps(sorted(set(bound)))


def _locked(activity: Activity, by: User | None) -> tuple[Activity, list[int]]:
    """The activity until this transaction ends, and whose time lines it is on. Its records are held first, as
    everywhere."""
    bound = list(activity.bindings.order_by("record_id").values_list("record_id", flat=True))
    records = list(Record.objects.filter(pk__in=bound).select_for_update(of=("self",)).order_by("pk"))
    who = None if is_importing() else by
    if who is not None and not any(access.can_change(who, record) for record in records):
        raise PermissionDenied(_("You may read this, but not change it."))
    return Activity.objects.select_for_update(of=("self",)).get(pk=activity.pk), bound


def _timelines(records: Sequence[Record], by: User | None) -> list[int]:
    given = [record.pk for record in records]
    if not 0 < len(given) <= MOST_BOUND:
        said = _("An activity is about between 1 and %(most)s records.") % {"most": MOST_BOUND}
        raise ValidationError(said, code="records")
    held = {
        record.pk: record
        for record in Record.objects.there()
        .filter(pk__in=given)
        .select_for_update(of=("self",))
        .order_by("pk")
    }
    if held.keys() != set(given):
        raise gone()
    who = None if is_importing() else by
    if who is not None and not access.can_change(who, held[given[0]]):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": held[given[0]]})
    clients = [client for _record, client in clients_of(given)]
    return list(dict.fromkeys([*given, *clients]))[:MOST_BOUND]


def gone() -> ValidationError:
    return ValidationError(_("It is not there any more: reload the page."), code="records")


def clients_of(record_ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Records and the clients that they have, in the clients' order."""
    links = Link.objects.filter(
        record__in=record_ids, role__in=(Link.Role.CONTACT, Link.Role.COMPANY), to__deleted_at=None
    ).order_by("record_id", "rank", "id")
    yield from links.values_list("record_id", "to_id")
