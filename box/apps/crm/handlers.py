"""What the CRM does when something happens: in it, and elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import batched
from typing import TYPE_CHECKING, Any

from box.apps.calls.events import CallFinished, CallNoted, MissedCallSettled, RecordingKept
from box.apps.crm import notices
from box.apps.crm.actions.activities import (
    TASK,
    complete_activity,
    delete_activity,
    follow_task,
    reopen_activity,
)
from box.apps.crm.actions.audiences import BATCH, renew_audiences_of
from box.apps.crm.actions.calls import note_call, settle_call, show_recording, write_call_down
from box.apps.crm.actions.files import follow_records, tell_of_field
from box.apps.crm.actions.papers import want_pdf
from box.apps.crm.events import (
    ActivityChanged,
    ActivityDone,
    ActivityPlanned,
    AudiencesChanged,
    FormAnswered,
    LeadConverted,
    MergerTakenBack,
    ObserversChanged,
    PaperPdfWanted,
    PaperSent,
    PaymentNoted,
    RecordAdded,
    RecordChanged,
    RecordMoved,
    RecordsBroughtBack,
    RecordsDeleted,
    RecordsMerged,
    ResponsibleChanged,
)
from box.apps.crm.field_rights import SEARCHED, own_field_in, types_in
from box.apps.crm.jobs import make_pdf
from box.apps.crm.models import Activity, Paper, Record
from box.apps.crm.reminders import recount_due, renew_paper_reminders
from box.apps.crm.robots import handlers as robots  # noqa: F401 - declares its own
from box.apps.tasks.events import TaskChanged, TaskCompleted, TaskReturned, TasksDeleted
from box.core.access.events import AccessChanged, FieldRightChanged
from box.core.accounts.models import User
from box.core.events.delivery import event_being_delivered
from box.core.events.outbox import emit, emit_all, on, subscribe
from box.core.notify.actions import notify_all
from box.core.push.actions import send_each
from box.core.registry.capabilities import Ref

if TYPE_CHECKING:
    from box.core.registry.notices import Notice


@on(AccessChanged)
def follow_who_is_responsible(event: AccessChanged) -> None:
    """Whoever reaches a department's records reaches those of the people who are in it now."""
    with_records = Record.objects.filter(responsible__in=event.user_ids).values("responsible").distinct()
    for person in User.objects.filter(pk__in=with_records):
        renew_audiences_of(person)


@on(CallFinished)
def write_down(event: CallFinished) -> None:
    write_call_down(event)


@on(MissedCallSettled)
def complete(event: MissedCallSettled) -> None:
    settle_call(event)


@on(CallNoted)
def note(event: CallNoted) -> None:
    note_call(event)


@on(RecordingKept)
def show(event: RecordingKept) -> None:
    show_recording(event)


# Open pages


def tell_pages(ids: Iterable[int], by_id: int | None, *, also: Iterable[int] = ()) -> None:
    """Whoever sees these records now, and those who have just ceased to: their pages ask for them anew.
    Administrators see all of them, by no code of the records'."""
    administrators = User.objects.active().filter(is_administrator=True).values_list("pk", flat=True)
    more = [f"U{pk}" for pk in {*also, *administrators}]
    rows = Record.objects.filter(pk__in=list(ids)).values_list("pk", "audience")
    send_each("crm", "record", [([*audience, *more], {"id": pk, "by": by_id}) for pk, audience in rows])


def tell_of_change(event: RecordAdded | RecordChanged | RecordMoved) -> None:
    tell_pages([event.record_id], event.by_id)


@on(ResponsibleChanged)
def tell_of_new_responsible(event: ResponsibleChanged) -> None:
    tell_pages([event.record_id], event.by_id, also=[event.former_id])
    _notify([event.user_id], notices.RESPONSIBLE, event.record_id, event.by_id)


@on(ObserversChanged)
def tell_of_observers(event: ObserversChanged) -> None:
    tell_pages([event.record_id], event.by_id, also=event.former_ids)
    _notify(event.user_ids, notices.OBSERVER, event.record_id, event.by_id)


def tell_of_trash(event: RecordsDeleted | RecordsBroughtBack) -> None:
    tell_pages(event.record_ids, event.by_id)


@on(AudiencesChanged)
def tell_of_audiences(event: AudiencesChanged) -> None:
    tell_pages(event.record_ids, None)


@on(LeadConverted)
def tell_of_conversion(event: LeadConverted) -> None:
    tell_pages([event.lead_id], event.by_id)


@on(RecordsMerged)
def tell_of_merger(event: RecordsMerged) -> None:
    tell_pages([event.record_id, *event.merged_ids], event.by_id)


@on(MergerTakenBack)
def tell_of_parting(event: MergerTakenBack) -> None:
    tell_pages([event.record_id, event.parted_id], event.by_id)


@on(FieldRightChanged)
def search_anew(event: FieldRightChanged) -> None:
    """What is hidden from somebody leaves the search, and comes back when it is not: batch by batch, for a
    company may have hundreds of thousands of records."""
    if own_field := own_field_in(event.entity, event.field):
        tell_of_field(own_field)
    if event.field not in SEARCHED:
        return
    for type_id in types_in([event.entity]):
        ids = Record.objects.there().filter(type=type_id).order_by("pk").values_list("pk", flat=True)
        emit_all([AudiencesChanged(record_ids=some) for some in batched(ids.iterator(), BATCH, strict=False)])


# Papers


@on(PaperPdfWanted)
def make_paper(event: PaperPdfWanted) -> None:
    make_pdf(event.record_id)
    tell_pages([event.record_id], event.by_id)


def make_paper_anew(event: RecordChanged) -> None:
    """What the client sees behind a link is what the paper says now."""
    paper = Paper.objects.filter(record=event.record_id, pdf__isnull=False).first()
    if paper is not None:
        want_pdf(paper, by=None)


def tell_of_paper(event: PaperSent | PaymentNoted) -> None:
    tell_pages([event.record_id], event.by_id)


def remind_of_paper(event: RecordAdded | RecordChanged | RecordMoved | ResponsibleChanged) -> None:
    renew_paper_reminders([event.record_id])


def remind_of_papers(event: RecordsDeleted | RecordsBroughtBack) -> None:
    renew_paper_reminders(event.record_ids)


def lead_papers(event: RecordMoved | ResponsibleChanged | ObserversChanged | AudiencesChanged) -> None:
    """Who sees a deal sees its papers: what keeps an audience of its own for them hears of it."""
    ids = event.record_ids if isinstance(event, AudiencesChanged) else (event.record_id,)
    papers = tuple(Paper.objects.filter(deal__in=ids).order_by("pk").values_list("pk", flat=True))
    if papers:
        emit(AudiencesChanged(record_ids=papers))


def follow_audience(event: RecordMoved | ResponsibleChanged | ObserversChanged | AudiencesChanged) -> None:
    """Who sees a record opens its files."""
    follow_records(event.record_ids if isinstance(event, AudiencesChanged) else (event.record_id,))


def follow_merged(event: RecordsMerged | MergerTakenBack) -> None:
    """Comments and forms are now with another record, or with their own again."""
    others = event.merged_ids if isinstance(event, RecordsMerged) else (event.parted_id,)
    follow_records([event.record_id, *others])


@on(FormAnswered)
def tell_of_answer(event: FormAnswered) -> None:
    record = Record.objects.filter(pk=event.record_id).first()
    if record is not None:
        _notify([record.responsible_id], notices.FORM_ANSWERED, record.pk, None)


# Next steps


@on(TaskCompleted)
def complete_step(event: TaskCompleted) -> None:
    """A task that a robot gave for a record is done."""
    step = _step_about(event.task_id)
    if step is not None and step.is_planned:
        complete_activity(step, by=None)


@on(TaskReturned)
def reopen_step(event: TaskReturned) -> None:
    step = _step_about(event.task_id)
    if step is not None:
        reopen_activity(step, by=None)
        follow_task(step, by_id=event.by_id)


def move_step(event: TaskChanged) -> None:
    step = _step_about(event.task_id)
    if step is not None:
        follow_task(step, by_id=event.by_id)


@on(TasksDeleted)
def forget_steps(event: TasksDeleted) -> None:
    for pk in event.task_ids:
        step = _step_about(pk)
        if step is not None and step.is_planned:
            delete_activity(step, by=None)


def _step_about(task_id: int) -> Activity | None:
    return Activity.objects.filter(about=str(Ref(TASK, task_id))).first()


def count_step(event: ActivityPlanned) -> None:
    activity = Activity.objects.select_related("responsible").filter(pk=event.activity_id).first()
    if activity is not None:
        recount_due(activity.responsible)


@on(ActivityPlanned, hears_imports=False)
def tell_of_step(event: ActivityPlanned) -> None:
    activity = Activity.objects.filter(pk=event.activity_id).first()
    if activity is None:
        return
    records = list(activity.bindings.order_by("pk").values_list("record", flat=True))
    tell_pages(records, event.by_id)
    if activity.is_planned and event.by_id not in (None, activity.responsible_id) and records:
        _notify([activity.responsible_id], notices.GIVEN_STEP, records[0], event.by_id)


@on(ActivityDone)
def tell_of_done(event: ActivityDone) -> None:
    activity = Activity.objects.select_related("responsible").filter(pk=event.activity_id).first()
    if activity is not None:
        tell_pages(activity.bindings.values_list("record", flat=True), event.by_id)
        recount_due(activity.responsible)


@on(ActivityChanged)
def tell_of_changed_step(event: ActivityChanged) -> None:
    """What was taken away is nobody's any more: then those are counted who look after its records."""
    tell_pages(event.record_ids, event.by_id)
    activity = Activity.objects.filter(pk=event.activity_id).first()
    people = Record.objects.filter(pk__in=event.record_ids).values("responsible")
    ids = [activity.responsible_id] if activity else []
    for person in User.objects.filter(pk__in=[*ids, *people.values_list("responsible", flat=True)]):
        recount_due(person)


def _notify(user_ids: Iterable[int], notice: Notice, record_id: int, by_id: int | None) -> None:
    """Not about what somebody did for themselves; once for an event, however often it is delivered."""
    record = Record.objects.select_related("type").filter(pk=record_id, deleted_at=None).first()
    people = User.objects.active().filter(pk__in=[pk for pk in user_ids if pk != by_id])
    if record is None:
        return
    actor = User.objects.filter(pk=by_id).first() if by_id else None
    key = f"crm:{event_being_delivered().pk}"
    notify_all(people, notice, about=record.ref, key=key, actor=actor)


_REACTIONS: tuple[tuple[Callable[[Any], None], tuple[type[Any], ...]], ...] = (
    (make_paper_anew, (RecordChanged,)),
    (tell_of_paper, (PaperSent, PaymentNoted)),
    (remind_of_paper, (RecordChanged, RecordMoved, ResponsibleChanged)),
    (remind_of_papers, (RecordsDeleted, RecordsBroughtBack)),
    (follow_audience, (RecordMoved, ResponsibleChanged, ObserversChanged, AudiencesChanged)),
    (follow_merged, (RecordsMerged, MergerTakenBack)),
    (lead_papers, (RecordMoved, ResponsibleChanged, ObserversChanged, AudiencesChanged)),
)
for _react, _events in _REACTIONS:
    for _event in _events:
        subscribe(f"{__name__}.{_react.__name__}:{_event.__name__}", _event, _react)
# A table of 50,000 clients would deliver as many for nothing.
subscribe(
    f"{__name__}.remind_of_paper:RecordAdded",
    RecordAdded,
    remind_of_paper,
    concerns=lambda event: event.is_paper,
)
subscribe(
    f"{__name__}.move_step:TaskChanged",
    TaskChanged,
    move_step,
    concerns=lambda event: any(name == "deadline_at" for name, _before, _now in event.changes),
)
# Of what comes from elsewhere most was done long ago.
subscribe(
    f"{__name__}.count_step:ActivityPlanned",
    ActivityPlanned,
    count_step,
    concerns=lambda event: event.is_planned,
)
_CHANGES: tuple[type[Any], ...] = (RecordAdded, RecordChanged, RecordMoved)
_TURNS: tuple[type[Any], ...] = (RecordsDeleted, RecordsBroughtBack)
for _change in _CHANGES:
    subscribe(f"{__name__}.tell_of_change:{_change.__name__}", _change, tell_of_change, hears_imports=False)
for _turn in _TURNS:
    subscribe(f"{__name__}.tell_of_trash:{_turn.__name__}", _turn, tell_of_trash, hears_imports=False)
