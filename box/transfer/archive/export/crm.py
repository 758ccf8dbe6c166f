"""The CRM: pipelines with their stages, clients of all four kinds, activities."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal

from django.db.models import QuerySet

from box.apps.crm.models import (
    Activity,
    ActivityBinding,
    ContactPoint,
    LineItem,
    Link,
    Observer,
    Pipeline,
    Record,
    Stage,
)
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, walked, word
from box.transfer.archive.export.own_fields import TYPES, own_values, set_of


def pipelines(scope: Scope) -> Iterator[records.Pipeline]:
    if scope.is_part:
        return
    first: set[str] = set()
    rows = Pipeline.objects.standing().in_order().select_related("type").filter(type__slug__in=TYPES)
    for row in sorted(rows, key=lambda one: one.type.slug):
        name = str(row) if row.type.slug in first else ""
        first.add(row.type.slug)
        yield records.Pipeline(
            id=row.pk,
            type=row.type.slug,
            name=name,
            stages=[_stage(one) for one in row.stages.standing().in_order()],
        )


def _stage(row: Stage) -> records.PipelineStage:
    return records.PipelineStage(
        id=row.pk, code=row.code, name=str(row), color=row.color.lower(),
        kind=word(row.kind),
    )  # fmt: skip


def records_in(scope: Scope) -> QuerySet[Record]:
    """None where a group is asked for, or a person: clients are the company's."""
    if scope.is_part:
        return Record.objects.none()
    rows = scope.seen(Record.objects.all()).there().filter(scope.within("created_at"), type__slug__in=TYPES)
    found: QuerySet[Record] = rows
    return found


def clients(scope: Scope, slugs: Collection[str] = TYPES) -> Iterator[records.Client]:
    """Of these types."""
    rows = records_in(scope).select_related("type", "source")
    for slug in (one for one in TYPES if one in slugs):
        for page in walked(rows.filter(type__slug=slug)):
            yield from _clients(scope, slug, page)


def _clients(scope: Scope, slug: str, page: list[Record]) -> Iterator[records.Client]:
    points = grouped(
        ContactPoint.objects.filter(record__in=page).order_by("rank", "id"), lambda one: one.record_id
    )
    lines = grouped(LineItem.objects.filter(record__in=page).in_order(), lambda one: one.record_id)
    links = grouped(
        Link.objects.filter(record__in=page, role=Link.Role.CONTACT).order_by("rank", "id"),
        lambda one: one.record_id,
    )
    observers = grouped(Observer.objects.filter(record__in=page).order_by("id"), lambda one: one.record_id)
    own = own_values(scope, set_of(slug), [row.pk for row in page])
    for row in page:
        watching = [one.user_id for one in observers[row.pk]]
        scope.name(row.responsible_id, row.created_by_id, *watching)
        yield records.Client(
            id=row.pk,
            type=word(slug),
            title=row.title, stage=row.stage_id,
            first_name=row.first_name, patronymic=row.patronymic, last_name=row.last_name,
            position=row.position, born_on=row.born_on, tax_number=row.tax_number, address=row.address,
            comment=row.comment, amount=number(row.amount), currency=row.currency,
            begins_on=row.begins_on, expected_on=row.expected_on,
            source=str(row.source) if row.source else "", source_note=row.source_note,
            company=row.company_id, contact=row.contact_id,
            contacts=[one.to_id for one in links[row.pk]],
            responsible=row.responsible_id, observers=watching,
            created_by=row.created_by_id, created_at=row.created_at,
            reached_by=[
                records.Point(kind=word(one.kind), value=one.value, use=word(one.use))
                for one in points[row.pk]
            ],
            lines=[_line(one) for one in lines[row.pk]],
            has_own_amount=row.has_own_amount,
            own=own.get(row.pk, []),
            external=_external(row),
        )  # fmt: skip


def _external(row: Record | Activity) -> records.External | None:
    told = records.External(code=row.external_id, source=row.external_source, version=row.external_version)
    return told if told != records.External() else None


def _line(row: LineItem) -> records.LineItem:
    return records.LineItem(
        name=row.name, price=number(row.price), quantity=number(row.quantity), unit=row.unit,
        discount_percent=number(row.discount_percent),
        vat_percent=number(row.vat_percent) if row.vat_percent is not None else None,
        is_vat_included=row.is_vat_included,
    )  # fmt: skip


def number(value: Decimal) -> str:
    """As short as it can be said: `12.5`, and not `12.5000`."""
    said = f"{value:f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


def activities_in(scope: Scope) -> QuerySet[Activity]:
    """With clients that are in it; none where a part is asked for."""
    bound = ActivityBinding.objects.filter(record__in=records_in(scope).order_by().values("pk"))
    return Activity.objects.filter(scope.within("created_at"), pk__in=bound.values("activity"))


def activities(scope: Scope) -> Iterator[records.Activity]:
    if scope.is_part:
        return
    for page in walked(activities_in(scope)):
        clients = grouped(
            ActivityBinding.objects.filter(activity__in=page, record__type__slug__in=TYPES)
            .select_related("record__type").order_by("id"),
            lambda one: one.activity_id,
        )  # fmt: skip
        for row in page:
            # A deal's line comes before its client's: what it is about is named first.
            about = sorted(clients[row.pk], key=lambda one: -TYPES.index(one.record.type.slug))
            if not about:
                continue
            scope.name(row.responsible_id, row.created_by_id, row.done_by_id)
            yield records.Activity(
                id=row.pk, clients=[one.record_id for one in about], kind=row.kind,
                direction=word(row.direction), subject=row.subject, number=row.number,
                text=row.text, result=row.result, responsible=row.responsible_id,
                created_by=row.created_by_id, created_at=row.created_at, at=row.at, seconds=row.seconds,
                deadline=row.deadline, done_at=row.done_at, done_by=row.done_by_id,
                external=_external(row),
            )  # fmt: skip
