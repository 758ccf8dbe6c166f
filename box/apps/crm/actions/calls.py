"""Calls on the time lines of clients: what was, and what is to be returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from box.apps.calls.events import CallFinished, CallNoted, MissedCallSettled, RecordingKept
from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.callers import reached_by
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach
from box.apps.crm.events import ActivityChanged
from box.apps.crm.field_rights import hidden_from_some
from box.apps.crm.models import Activity
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.company import LANGUAGE, PHONE_REGION
from box.lib import phones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.apps.crm.models import Record

MOST_TIME_LINES = 10
LONGEST_NUMBER = 50


def about(call_id: int) -> str:
    """As an activity keeps what it tells of: a `Ref` of the calls' room."""
    return f"calls.call:{call_id}"


@transaction.atomic
def write_call_down(call: CallFinished) -> Activity | None:
    """Once, however often it is told. None where nobody of the clients has this number."""
    known = Activity.objects.filter(about=about(call.call_id)).first()
    if known is not None or not call.number:
        return known
    if call.begins_lead:
        # Whoever calls twice in a row becomes one lead.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"lead {call.number}"])
    records = reached_by(call.number)[:MOST_TIME_LINES]
    if not records and call.begins_lead and (lead := _lead_of(call)) is not None:
        records = [lead]
    if not records:
        return None
    # It is read by everybody: in the company's language.
    with translation.override(LANGUAGE.value):
        return add_activity(_activity(call, records), records, by=None)


def _lead_of(call: CallFinished) -> Record | None:
    """A new one, for whoever answered, or whose telephone rang first; None where none of them works here any
    more."""
    kind = catalog().by_slug.get("lead")
    asked = [pk for pk in (call.user_id, *call.rang_ids) if pk]
    people = User.objects.in_bulk(asked)
    who = next((people[pk] for pk in asked if pk in people and people[pk].is_active), None)
    if kind is None or who is None:
        return None
    number = phones.shown(call.number, PHONE_REGION.value)
    # Titles are for whoever sees the lead.
    if hidden_from_some(kind.pk, {"reached_by"}):
        with translation.override(LANGUAGE.value):
            number = _("Incoming call")
    reached = (Reach("phone", call.number),)
    return add_record(NewRecord(type=kind, responsible=who, title=number, reached_by=reached), by=None)


def _activity(call: CallFinished, records: Sequence[Record]) -> NewActivity:
    number = phones.shown(call.number, PHONE_REGION.value)
    responsible = records[0].responsible
    ids = {pk for pk in (call.user_id, *call.rang_ids) if pk}
    people = {person.pk: person for person in User.objects.filter(pk__in=ids)}
    if call.is_missed:
        # A next step must be somebody's who works here: of whose telephone rang, if need be.
        who = next((one for one in (responsible, *people.values()) if one.is_active), None)
        said = _("Call back")
        deadline = call.call_back_by if who else None
    else:
        who = people.get(call.user_id or 0)
        is_in = call.direction == "in"
        said = _("Incoming call") if is_in else _("Outgoing call")
        deadline = None
    return NewActivity(
        kind="call",
        direction=call.direction,
        subject=said,
        responsible=who or responsible,
        text=", ".join(person.name for person in people.values()),
        at=call.started_at,
        seconds=call.talk_seconds,
        about=about(call.call_id),
        number=number[:LONGEST_NUMBER],
        deadline=deadline,
    )


@transaction.atomic
def settle_call(settled: MissedCallSettled) -> None:
    """Somebody has spoken with the client: the next step is done."""
    activity = Activity.objects.filter(about=about(settled.call_id)).first()
    if activity is not None and activity.is_planned:
        complete_activity(activity, by=None)


@transaction.atomic
def note_call(noted: CallNoted) -> None:
    """What was agreed stands on the time line."""
    activity = Activity.objects.filter(about=about(noted.call_id)).first()
    if activity is None or activity.result == noted.note:
        return
    activity.result = noted.note
    activity.save(update_fields=["result"])
    _tell(activity, noted.by_id)


@transaction.atomic
def show_recording(kept: RecordingKept) -> None:
    """Open cards look for it."""
    activity = Activity.objects.filter(about=about(kept.call_id)).first()
    if activity is not None:
        _tell(activity, None)


def _tell(activity: Activity, by_id: int | None) -> None:
    ids = tuple(activity.bindings.values_list("record_id", flat=True))
    emit(ActivityChanged(activity_id=activity.pk, record_ids=ids, by_id=by_id))
