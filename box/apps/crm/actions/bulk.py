"""Hundreds of records at once, in as many statements as for one: what imports and migrations write.

The same rules as in `box.apps.crm.actions.records`; what one record may not be says so and stops no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.audiences import audience_of
from box.apps.crm.actions.checks import all_currencies, tidy
from box.apps.crm.actions.locks import locked_people
from box.apps.crm.actions.records import (
    MOST_CONTACT_POINTS,
    MOST_LINKS,
    PLAIN,
    NewRecord,
    as_text,
    bounded,
    first_rank,
    stage_for,
)
from box.apps.crm.contact_points import Point, cleaned
from box.apps.crm.custom_fields import set_of
from box.apps.crm.events import RecordAdded, RecordChanged, RecordsDeleted
from box.apps.crm.field_rights import check_changeable
from box.apps.crm.models import ContactPoint, Link, Observer, Record, StageTotal, StageVisit
from box.apps.crm.permissions import Operation
from box.core.discussion.actions import files_below, open_threads
from box.core.discussion.models import Thread
from box.core.events.outbox import emit, emit_all
from box.core.fields.values import forget_values
from box.core.files.actions import delete_files
from box.core.registry.company import PHONE_REGION
from box.core.registry.origin import is_importing
from box.lib.bulk import copy_models, copy_rows, update_models
from box.lib.ranks import between, spread

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from box.apps.crm.contact_points import Reach
    from box.apps.crm.models import Currency, Stage
    from box.core.accounts.models import User

# Clients have rows of their own beside the column.
_OWN = tuple(name for name in PLAIN if name not in {"company", "contact"})


@dataclass(frozen=True)
class Addition:
    """A record, and by whom and when it is made."""

    new: NewRecord
    by: User | None
    made_at: datetime


@dataclass(frozen=True)
class _Checked:
    """May be written."""

    record: Record
    of: Addition
    points: Sequence[Point]


@transaction.atomic
def add_records(new: Sequence[NewRecord], *, by: User | None) -> list[Record | ValidationError]:
    """In their order what became of each. The first of them is the first in its stage."""
    now = timezone.now()
    found = _checked([Addition(one, by, now) for one in new], by)
    checked = [one for one in found if isinstance(one, _Checked)]
    _rank([one.record for one in checked])
    _write(checked)
    return [one if isinstance(one, ValidationError) else one.record for one in found]


@transaction.atomic
def take_over_records(made: Sequence[Addition]) -> list[Record]:
    """Within `importing`, as `add_record` would make them one after the other: the last of them is the first
    in its stage. All of them are there then, or ValidationError says what one cannot be."""
    checked = []
    # It was allowed where it was done.
    for one in _checked([replace(one, new=replace(one.new, stage=stage_for(one.new))) for one in made], None):
        if isinstance(one, ValidationError):
            raise one
        checked.append(one)
    _rank([one.record for one in reversed(checked)])
    _write(checked, taken_over=[one.made_at for one in made])
    return [one.record for one in checked]


def _checked(given: Sequence[Addition], by: User | None) -> list[_Checked | ValidationError]:
    """In their order, by what `by` may do."""
    new = [one.new for one in given]
    people = locked_people({person.pk for one in new for person in (one.responsible, *one.observers)})
    currencies, region = all_currencies(), PHONE_REGION.value
    seen = _visible_clients(new, by)
    may: dict[tuple[int, int, int | None], str] = {}
    refused: dict[tuple[int, tuple[str, ...]], str] = {}
    found: list[_Checked | ValidationError] = []
    for addition in given:
        one, at = addition.new, addition.made_at
        responsible, maker = people[one.responsible.pk], addition.by.pk if addition.by else None
        record = Record(
            type=one.type, pipeline_id=one.stage.pipeline_id if one.stage else None, stage=one.stage,
            stage_since=at, responsible=responsible, created_by_id=maker, created_at=at,
            changed_by_id=maker, changed_at=at, has_own_amount=one.has_own_amount,
            closed_at=at if one.stage and not one.stage.is_open else None,
            **{name: value for name in PLAIN if (value := getattr(one, name)) is not None},
        )  # fmt: skip
        try:
            key = responsible.pk, one.type.pk, one.stage.pk if one.stage else None
            if key not in may:
                may[key] = _refusal(one, responsible, by)
            if may[key]:
                raise ValidationError(may[key])
            given_fields = one.type.pk, tuple(one.given)
            if given_fields not in refused:
                refused[given_fields] = _refused_field(by, *given_fields)
            if refused[given_fields]:
                raise ValidationError(refused[given_fields])
            tidy(record, currencies)
            points = _cleaned(one.reached_by, region)
            if {client.pk for client in _clients(one)} - seen:
                raise ValidationError(_("The client is not there any more: choose another one."))
            if one.contacts:
                record.contact = one.contact or one.contacts[0]
                bounded({record.contact.pk, *(client.pk for client in one.contacts)}, MOST_LINKS, "contacts")
        except ValidationError as error:
            found.append(error)
            continue
        record.audience = audience_of(record, responsible, {person.pk for person in one.observers})
        found.append(_Checked(record, addition, points))
    return found


def _refused_field(by: User | None, type_id: int, names: Iterable[str]) -> str:
    """Why `by` may not change one of these fields; empty where they may change all."""
    try:
        check_changeable(by, type_id, names)
    except PermissionDenied as error:
        return str(error)
    return ""


def _refusal(one: NewRecord, responsible: User, by: User | None) -> str:
    """Why no such record is made for this person; empty where it is."""
    if not responsible.is_active and not is_importing():
        return _("%(name)s does not work here any more.") % {"name": responsible.name}
    try:
        access.check_may_hold(by, Operation.ADD, responsible, one.type, one.stage)
    except PermissionDenied as error:
        return str(error)
    return ""


def _write(checked: Sequence[_Checked], *, taken_over: Sequence[datetime] = ()) -> None:
    records = [one.record for one in checked]
    threads = open_threads(record.type.kind for record in records)
    for record, thread in zip(records, threads, strict=True):
        record.thread_id = thread
    copy_models(records)
    visits = [(one.pk, one.stage_id, one.created_at, one.created_by_id) for one in records if one.stage_id]
    copy_rows(StageVisit, ("record", "stage", "entered_at", "by"), visits)
    observers = [
        (one.record.pk, pk)
        for one in checked
        for pk in sorted({person.pk for person in one.of.new.observers})
    ]
    copy_rows(Observer, ("record", "user"), observers)
    links = [link for one in checked for link in _links(one.record, one.of.new.contacts)]
    copy_rows(Link, ("record", "to", "role", "rank"), links)
    _copy_points(row for one in checked for row in _rows(one.record, one.points))
    emit_all(
        [RecordAdded(one.pk, by_id=one.created_by_id, is_paper=one.type.is_paper) for one in records],
        taken_over=taken_over,
    )


def _rank(records: Sequence[Record]) -> None:
    """Above all that is in their stages, in their order."""
    by_stage: dict[Stage | None, list[Record]] = defaultdict(list)
    for record in records:
        by_stage[record.stage].append(record)
    for stage, own in by_stage.items():
        rank = first_rank(stage)
        for record in reversed(own):
            record.rank = rank
            # What has no stage stands in no column.
            rank = between(None, rank) if stage else rank


def _links(record: Record, contacts: Sequence[Record]) -> Iterable[tuple[int, int, str, str]]:
    people = {one.pk: one for one in (record.contact, *contacts) if one is not None}
    for to, rank in zip(people, spread(len(people)), strict=True):
        yield record.pk, to, Link.Role.CONTACT, rank
    if record.company_id is not None:
        yield record.pk, record.company_id, Link.Role.COMPANY, _ONLY


# The rank of what has nothing beside it, as the column has it.
_ONLY = "i"


def _rows(record: Record, points: Sequence[Point]) -> Iterable[tuple[int, str, str, str, str, str]]:
    for point, rank in zip(points, spread(len(points)), strict=True):
        yield record.pk, point.kind, point.use, point.value, point.normal, rank


def _copy_points(rows: Iterable[tuple[int, str, str, str, str, str]]) -> None:
    copy_rows(ContactPoint, ("record", "kind", "use", "value", "normal", "rank"), rows)


def _cleaned(given: Sequence[Reach], region: str) -> list[Point]:
    """Each once. Raises ValidationError."""
    if len(given) > MOST_CONTACT_POINTS:
        raise ValidationError(_("At most %(most)s numbers and addresses.") % {"most": MOST_CONTACT_POINTS})
    points = (cleaned(one, region=region) for one in given)
    return list({_key(point): point for point in points}.values())


def _clients(one: NewRecord) -> list[Record]:
    return [client for client in (one.company, one.contact, *one.contacts) if client is not None]


def _visible_clients(new: Sequence[NewRecord], by: User | None) -> set[int]:
    wanted = {client.pk for one in new for client in _clients(one)}
    if not wanted:
        return set()
    there = Record.objects.there().filter(id__in_array=list(wanted))
    return set((there if by is None else there.visible_to(by)).values_list("pk", flat=True))


@dataclass(frozen=True)
class Change:
    """Fields that are set, and numbers and addresses that come to those that are there."""

    fields: Mapping[str, Any]
    reached_by: Sequence[Reach] = ()


@dataclass(frozen=True)
class Before:
    """Of a record that was changed: by name the fields that were different, and what it is reached by since,
    by kind and normal form."""

    fields: Mapping[str, Any]
    points: Sequence[tuple[str, str]] = ()


@transaction.atomic
def change_records(changes: Mapping[int, Change], *, by: User | None) -> dict[int, Before | ValidationError]:
    """By record what it was before, where something has changed. Clients, the responsible person and the
    stage are not changed here."""
    held = _held(changes)
    there = _points_of(held)
    currencies, region = all_currencies(), PHONE_REGION.value
    outcome: dict[int, Before | ValidationError] = {}
    rows: list[tuple[int, str, str, str, str, str]] = []
    for pk, change in changes.items():
        try:
            record = held.get(pk)
            if record is None or (by is not None and not access.can_change(by, record)):
                raise ValidationError(_("It is there already, and you may not change it."))
            points = [one for one in _cleaned(change.reached_by, region) if _key(one) not in there[pk]]
            if len(there[pk]) + len(points) > MOST_CONTACT_POINTS:
                said = _("At most %(most)s numbers and addresses.")
                raise ValidationError(said % {"most": MOST_CONTACT_POINTS})
            named = [*change.fields, *(["reached_by"] if points else [])]
            if refused := _refused_field(by, record.type_id, named):
                raise ValidationError(refused)
            was = _set(record, change.fields, currencies)
        except ValidationError as error:
            outcome[pk] = error
            continue
        if was or points:
            outcome[pk] = Before(was, tuple(_key(one) for one in points))
            rows += _rows(record, points)
    changed = {pk: one for pk, one in outcome.items() if isinstance(one, Before)}
    _save([held[pk] for pk in changed], {name for one in changed.values() for name in one.fields}, by)
    _copy_points(rows)
    emit_all([_event(held[pk], one, by) for pk, one in changed.items()])
    return outcome


def _held(ids: Iterable[int]) -> dict[int, Record]:
    rows = Record.objects.there().filter(id__in_array=list(ids)).select_related("type", "stage", "source")
    return {record.pk: record for record in rows.select_for_update(of=("self",)).order_by("pk")}


def _points_of(held: Mapping[int, Record]) -> Mapping[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = defaultdict(set)
    rows = ContactPoint.objects.filter(record__id__in_array=list(held))
    for pk, kind, normal in rows.values_list("record_id", "kind", "normal"):
        found[pk].add((kind, normal))
    return found


def _key(point: Point) -> tuple[str, str]:
    return point.kind, point.normal


def _set(record: Record, fields: Mapping[str, Any], currencies: Mapping[str, Currency]) -> dict[str, Any]:
    """What was different before."""
    before = {name: getattr(record, name) for name in _OWN}
    for name, value in fields.items():
        setattr(record, name, value)
    tidy(record, currencies)
    return {name: value for name, value in before.items() if getattr(record, name) != value}


def _event(record: Record, before: Before, by: User | None) -> RecordChanged:
    words = [(name, as_text(was), as_text(getattr(record, name))) for name, was in before.fields.items()]
    if before.points:
        words.append(("reached_by", "", ""))
    return RecordChanged(record_id=record.pk, by_id=by.pk if by else None, changes=tuple(words))


@transaction.atomic
def take_back_changes(before: Mapping[int, Before], *, by: User | None) -> None:
    """Makes records what they were."""
    held, currencies = _held(before), all_currencies()
    different: set[str] = set()
    for pk, record in held.items():
        different |= _set(record, before[pk].fields, currencies).keys()
        for kind, normal in before[pk].points:
            record.contact_points.filter(kind=kind, normal=normal).delete()
    _save(list(held.values()), different, by)
    emit_all([RecordChanged(record_id=pk, by_id=by.pk if by else None) for pk in held])


@transaction.atomic
def remove_records(ids: Sequence[int], *, by: User | None) -> None:
    """For good, with what was said below, of what was made by mistake and not worked with since."""
    emit(RecordsDeleted(record_ids=tuple(ids), by_id=by.pk if by else None))
    rows = list(Record.objects.filter(pk__in=ids).values_list("thread", "responsible", "type"))
    threads, people = [thread for thread, _person, _type in rows], {person for _thread, person, _type in rows}
    for type_id in {of_type for _thread, _person, of_type in rows}:
        forget_values(set_of(type_id), ids)
    said = [pk for thread in threads for pk in files_below(thread)]
    Record.objects.filter(pk__in=ids).update(company=None, contact=None)
    Record.objects.filter(pk__in=ids).delete()
    # Sums of nothing would say that these people had once something to do with it.
    StageTotal.objects.filter(responsible__in=people, count=0).delete()
    Thread.objects.filter(pk__in=threads).delete()
    delete_files(said)


def _save(records: Sequence[Record], different: Collection[str], by: User | None) -> None:
    """Of all of them the fields that are different in one."""
    now = timezone.now()
    for record in records:
        record.changed_by, record.changed_at = by, now
    update_models(records, {*different, "sound", "base_amount", "changed_by", "changed_at"})
