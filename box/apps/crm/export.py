"""Leads, deals and clients as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm import access
from box.apps.crm.actions.activities import renew_next_steps
from box.apps.crm.actions.audiences import renew_audience
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.files import follow_records
from box.apps.crm.actions.locks import locked_records
from box.apps.crm.actions.records import PLAIN, bring_back_records, change_record
from box.apps.crm.custom_fields import set_of
from box.apps.crm.events import RecordChanged, RecordsBroughtBack
from box.apps.crm.models import (
    Activity,
    ActivityBinding,
    ContactPoint,
    FormAnswer,
    FormFile,
    LineItem,
    Link,
    Paper,
    Payment,
    Record,
)
from box.apps.crm.models.types import ANY_RECORD
from box.apps.crm.permissions import Operation
from box.core.accounts.models import User
from box.core.discussion.export import pack_thread
from box.core.events.outbox import emit
from box.core.fields.kinds import kind_of
from box.core.fields.models import Field, Value
from box.core.fields.values import rows_of, values_of
from box.core.files.export import pack_files
from box.core.files.models import Blob, File
from box.core.registry.capabilities import Keepsake, Kept, Rows, keepsakes
from box.core.registry.rows import packed, put_in, stands
from box.core.registry.rows import values_of as columns_of

# What somebody may have taken away from a record that is still there.
_PARTS = (Blob, File, ContactPoint, Link, Payment, Activity, ActivityBinding, Value)
# What is still there may have been written anew since, under another number.
_SAME: Mapping[type[models.Model], tuple[str, ...]] = {
    ContactPoint: ("record_id", "kind", "normal"),
    Link: ("record_id", "role", "to_id"),
    Payment: ("id",),
    Activity: ("id",),
}
_CLIENTS = ("company", "contact")


def declare() -> None:
    label = gettext_lazy("Leads, deals and clients")
    keepsakes.add(ANY_RECORD, Keepsake(label, 30, find, pack, is_there, is_same, put_back, find_own))


def find(text: str, reader: User) -> Iterator[Kept]:
    """By what they are called, of what this person sees."""
    return _kept(text, reader, Q())


def find_own(text: str, reader: User) -> Iterator[Kept]:
    return _kept(text, reader, Q(responsible=reader))


def _kept(text: str, reader: User, which: Q) -> Iterator[Kept]:
    found = Record.objects.visible_to(reader).there().filter(which, title__icontains=text)
    for record in found.select_related("type").newest_first():
        yield Kept(record.pk, record.title, str(record.type), record.changed_at)


def pack(pk: int) -> Rows:
    """It with its numbers, lines, payments, activities and files, with what was said below, and with what
    had to do with it."""
    record = Record.objects.select_related("thread").get(pk=pk)
    activities = Activity.objects.filter(bindings__record=record).order_by("pk")
    answers = FormAnswer.objects.filter(record=record).order_by("pk")
    own = rows_of(set_of(record.type_id), [pk])
    sent = list(FormFile.objects.filter(answer__in=answers).order_by("pk"))
    held = {one.file_id for one in own if one.file_id} | {one.file_id for one in sent}
    files = File.objects.filter(pk__in=held).select_related("blob__preview", "blob__thumbnail")
    return [
        *pack_files(list(files.order_by("pk"))),
        *packed(record.thread, record),
        *packed(*Paper.objects.filter(record=record), *record.contact_points.order_by("pk")),
        *packed(*record.links.order_by("pk"), *record.linked_from.order_by("pk")),
        *packed(*record.observers.order_by("pk"), *record.visits.order_by("pk")),
        *packed(*record.lines.order_by("pk"), *record.payments.order_by("pk")),
        *packed(*activities, *ActivityBinding.objects.filter(activity__in=activities).order_by("pk")),
        *packed(*answers, *sent, *own),
        *pack_thread(record.thread),
    ]


def is_there(rows: Rows) -> bool:
    return stands(rows, Record.objects.there())


def is_same(rows: Rows) -> bool:
    """What stands in its fields, and that nothing was taken away; not in which stage it is by now, nor
    whose."""
    record = Record.objects.there().filter(pk=columns_of(rows, Record)["id"]).first()
    return (
        record is not None
        and not _changes(rows, record)
        and not _own_changes(rows, record)
        and not any(_is_missing(rows, kind, by) for kind, by in _SAME.items())
    )


@transaction.atomic
def put_back(rows: Rows, by: User) -> str:
    """Out of the trash, with the words and sums that it had and what was taken away from it; one that is gone
    for good, whole. In which stage a record is by now, whose it is, and what came to it since, stays.

    Raises ValidationError where this person may not change it, or where it has become part of another.
    """
    record = Record.objects.select_related("merged_into").filter(pk=columns_of(rows, Record)["id"]).first()
    try:
        if record is None:
            return _whole(rows, by).get_absolute_url()
        if record.merged_into is not None:
            said = _("It was made one with “%(name)s”: part them on its page first.")
            raise ValidationError(said % {"name": record.merged_into})
        bring_back_records([record], by=by)
        change_record(record, _changes(rows, record, by), by=by)
        set_values(record, _own_changes(rows, record), by=by)
    except PermissionDenied as refused:
        raise ValidationError(str(refused)) from None
    put_in(_of(rows, *_PARTS))
    if not record.lines.exists():
        put_in(_of(rows, LineItem))
    renew_next_steps([record.pk])
    follow_records([record.pk])
    emit(RecordChanged(record_id=record.pk, by_id=by.pk))
    return record.get_absolute_url()


def _whole(rows: Rows, by: User) -> Record:
    put_in(rows)
    pk = columns_of(rows, Record)["id"]
    there = Record.objects.filter(pk=pk).select_related("type", "responsible").first()
    if there is None:
        raise ValidationError(_("A part of this is gone for good, and it cannot be put back without it."))
    record = locked_records([there])[pk]
    access.check_may_hold(by, Operation.ADD, record.responsible, record.type, record.stage)
    renew_audience(record)
    record.deleted_at = record.deleted_by = None
    record.save(update_fields=["audience", "deleted_at", "deleted_by"])
    renew_next_steps([pk])
    follow_records([pk])
    emit(RecordsBroughtBack(record_ids=(pk,), by_id=by.pk))
    return record


def _changes(rows: Rows, record: Record, by: User | None = None) -> dict[str, Any]:
    """What the record's own columns held, where they hold something else; but for a client that is gone, or
    that this person does not see."""
    values, found = columns_of(rows, Record), {}
    for name in PLAIN:
        column = Record._meta.get_field(name)
        assert isinstance(column, models.Field)  # noqa: S101 - PLAIN names columns
        was = column.to_python(values.get(column.attname))
        if column.attname not in values or was == getattr(record, column.attname):
            continue
        if column.remote_field is None:
            found[name] = was
            continue
        clients = Record.objects.there() if by is None else Record.objects.there().visible_to(by)
        others = clients if name in _CLIENTS else column.remote_field.model._base_manager.all()
        if (one := others.filter(pk=was).first()) is not None or was is None:
            found[name] = one
    return found


def _own_changes(rows: Rows, record: Record) -> Mapping[Field, list[Any]]:
    """The same of the company's own fields that stand; files are put in with their rows."""
    had: dict[int, list[Value]] = defaultdict(list)
    for row in _of(rows, Value):
        columns = {one.attname: one for one in Value._meta.concrete_fields}
        known = {name: columns[name].to_python(it) for name, it in row["values"].items() if name in columns}
        had[known["field_id"]].append(Value(**known))
    has = values_of(set_of(record.type_id), record.pk)
    fields = [one for one in set_of(record.type_id).fields if one.kind != Field.Kind.FILE and one.pk in had]
    found = {
        field: [kind_of(field).value(one) for one in sorted(had[field.pk], key=lambda one: one.place)]
        for field in fields
    }
    return {field: values for field, values in found.items() if tuple(values) != has.get(field, ())}


def _of(rows: Rows, *kinds: type[models.Model]) -> list[Mapping[str, Any]]:
    labels = {kind._meta.label_lower for kind in kinds}
    return [row for row in rows if row["model"] in labels]


def _is_missing(rows: Rows, kind: type[models.Model], by: tuple[str, ...]) -> bool:
    """Whether one of these rows, known by these columns, is there no more."""
    wanted = {tuple(row["values"][name] for name in by) for row in _of(rows, kind)}
    among = {f"{by[0]}__in": {key[0] for key in wanted}}
    return not wanted <= set(kind._base_manager.filter(**among).values_list(*by))
