"""What lists, boards and cards show of records, in as many queries for fifty as for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from babel.numbers import format_decimal, get_currency_symbol
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db.models import TextField
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import normal
from box.apps.crm.duplicates import Ground, Sought, duplicates_of
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Currency, Record
from box.apps.crm.permissions import Operation, codes_to_read, permitter
from box.apps.crm.pricing import digits_of
from box.core.access.audiences import is_ruled_by_codes
from box.core.accounts.faces import faces_asked, faces_in
from box.core.lists.custom_fields import Filled, filled
from box.core.registry.company import PHONE_REGION
from box.core.registry.environment import format_number, url
from box.core.registry.settings import Remembered
from box.lib.pages import number_of
from box.lib.prepared import Param, Prepared, PreparedModels, at_once

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict

    from box.apps.crm.duplicates import Duplicate
    from box.apps.crm.models import RecordType
    from box.core.accounts.models import Face, User
    from box.core.fields.models import Field
    from box.lib.prepared import Rows


MOST_POINTS = 50


class Step(StrEnum):
    """How it stands with a record's next step. What is closed needs none."""

    CLOSED = ""
    NONE = "none"
    OVERDUE = "overdue"
    TODAY = "today"
    LATER = "later"


class StageShown(NamedTuple):
    name: str
    color: str
    kind: str

    def __str__(self) -> str:
        return self.name


class ClientShown(NamedTuple):
    title: str
    url: str


class Point(NamedTuple):
    """A number or an address: as it was written, and as programs dial it."""

    value: str
    normal: str


class RecordRow(NamedTuple):
    """A record as a list or a board shows it to one reader: a value, so that what is said of it is
    remembered. What is hidden from them, or is not there, is empty."""

    pk: int
    title: str
    url: str
    step: Step
    responsible: Face
    changed_at: datetime
    created_at: datetime
    number: str = ""
    """Of a paper."""
    stage: StageShown | None = None
    next_step_at: datetime | None = None
    amount: Decimal = Decimal(0)
    currency: str = ""
    client: ClientShown | None = None
    """Its contact or company."""
    phones: tuple[Point, ...] = ()
    emails: tuple[Point, ...] = ()
    expected_on: date | None = None
    source: str = ""
    tax_number: str = ""
    address: str = ""
    may_change: bool = False
    """Whether the reader may change something of it; of which fields, their role says."""
    filled: Filled | None = None
    """What it has in the company's own fields, where these were asked for."""

    @property
    def sum(self) -> str:
        return money(self.amount, self.currency) if self.amount else ""

    def __str__(self) -> str:
        return self.title


def as_row(records: QuerySet[Record, Record], *, is_paper: bool) -> QuerySet[Record, Record]:
    """With just what `rows_of` needs of them: they are wide."""
    if is_paper:
        return records.select_related("paper").only(*_ROW, "paper__number")
    return records.only(*_ROW)


_ROW = (
    "id", "audience", "type", "stage", "rank", "source", "title", "amount", "currency", "contact", "company",
    "tax_number", "address", "expected_on", "responsible", "next_step_at", "closed_at", "deleted_at",
    "changed_at", "created_at",
)  # fmt: skip


def rows_of(records: Sequence[Record], reader: User, own: Sequence[Field] = ()) -> list[RecordRow]:
    """One query beside that of the records, or two for administrators; with fields of the company's `own` one
    more, and one for each kind of objects that these point at."""
    around = _Around(records, reader, own)
    return [around.row(record) for record in records]


class _Around:
    """What rows are made of beside their records, each asked for once."""

    def __init__(self, records: Sequence[Record], reader: User, own: Sequence[Field]) -> None:
        self.catalog, self.today = catalog(), _Today(timezone.now())
        self.seen = {one: _seen_of(reader, one) for one in {record.type_id for record in records}}
        self.is_permitted = permitter(reader, Operation.CHANGE)
        self.faces, self.clients, self.points = _named_by(records, reader)
        self.values = filled(own, [record.pk for record in records], reader) if own else {}
        self.stages: dict[int | None, StageShown | None] = {None: None}
        self.sources: dict[int | None, str] = {None: ""}

    def row(self, record: Record) -> RecordRow:
        pk, type_id = record.pk, record.type_id
        seen, kind = self.seen[type_id], self.catalog.types[type_id]
        points = self.points.get(pk, {}) if "reached_by" in seen else {}
        sees_amount = "amount" in seen
        return RecordRow(
            pk=pk,
            title=record.title,
            url=url("crm:record", kind.slug, pk),
            step=self.today.step_of(record),
            responsible=self.faces[record.responsible_id],
            changed_at=record.changed_at,
            created_at=record.created_at,
            number=record.paper.number if kind.is_paper else "",
            stage=self._stage(record.stage_id),
            next_step_at=record.next_step_at,
            amount=record.amount if sees_amount else Decimal(0),
            currency=record.currency if sees_amount else "",
            client=self._client(record, seen),
            phones=points.get(ContactPoint.Kind.PHONE, ()),
            emails=points.get(ContactPoint.Kind.EMAIL, ()),
            expected_on=record.expected_on if "expected_on" in seen else None,
            source=self._source(record.source_id) if "source" in seen else "",
            tax_number=record.tax_number if "tax_number" in seen else "",
            address=record.address if "address" in seen else "",
            may_change=record.deleted_at is None and self.is_permitted(record.audience),
            filled=self.values.get(pk),
        )

    def _client(self, record: Record, seen: frozenset[str]) -> ClientShown | None:
        contact = self.clients.get(record.contact_id or 0) if "contacts" in seen else None
        return contact or (self.clients.get(record.company_id or 0) if "company" in seen else None)

    def _stage(self, pk: int | None) -> StageShown | None:
        if pk not in self.stages:
            stage = self.catalog.stages[pk]  # type: ignore[index]
            self.stages[pk] = StageShown(str(stage), stage.color, stage.kind)
        return self.stages[pk]

    def _source(self, pk: int | None) -> str:
        if pk not in self.sources:
            self.sources[pk] = str(self.catalog.sources[pk])  # type: ignore[index]
        return self.sources[pk]


_HIDEABLE = (
    "reached_by", "amount", "contacts", "company", "expected_on", "source", "tax_number", "address",
)  # fmt: skip


def _seen_of(reader: User, type_id: int) -> frozenset[str]:
    """What of a row of this type is not hidden from the reader: asked once, and not for each of the rows."""
    fields = fields_for(reader, type_id)
    return frozenset(name for name in _HIDEABLE if fields.sees(name))


type Points = Mapping[int, Mapping[str, tuple[Point, ...]]]


def _named_by(
    records: Sequence[Record], reader: User
) -> tuple[Mapping[int, Face], Mapping[int, ClientShown], Points]:
    """Whose they are, their clients as far as the reader sees them, and by what they are reached."""
    types = catalog().types
    clients = {pk for record in records for pk in (record.contact_id, record.company_id) if pk}
    reached = [record.pk for record in records if types[record.type_id].has_contact_points]
    is_ruled = is_ruled_by_codes(reader)
    people, seen, points = at_once(
        faces_asked(record.responsible_id for record in records),
        _CLIENTS.asked(clients=sorted(clients) if is_ruled else [], codes=sorted(codes_to_read(reader))),
        _POINTS.asked(records=reached),
    )
    if not is_ruled:
        seen = [[one.pk, one.title, one.type_id] for one in seen_by_id(clients, reader).values()]
    shown = {pk: ClientShown(title, url("crm:record", types[kind].slug, pk)) for pk, title, kind in seen}
    return faces_in(people), shown, _points_by_record(points)


_CLIENTS = Prepared(
    lambda: (
        Record.objects.there()
        .filter(id__in_array=Param("clients"))
        .reachable_by_many(Param("codes", ArrayField(TextField())))
        .values_list("id", "title", "type_id")
    )
)
_POINTS = Prepared(
    lambda: (
        ContactPoint.objects.filter(record__id__in_array=Param("records"))
        .in_order()
        .values_list("record_id", "kind", "value", "normal")
    )
)


def _points_by_record(rows: Rows) -> Points:
    found: dict[int, dict[str, tuple[Point, ...]]] = defaultdict(dict)
    for record_id, kind, *point in rows:
        found[record_id][kind] = (*found[record_id].get(kind, ()), Point(*point))
    return found


class _Today:
    """By the reader's clock."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        self.tomorrow = midnight + timedelta(days=1)

    def step_of(self, record: Record) -> Step:
        """Contacts and companies are no work by themselves: without a next step they miss nothing."""
        at = record.next_step_at
        if record.closed_at is not None or (at is None and record.stage_id is None):
            return Step.CLOSED
        if at is None:
            return Step.NONE
        if at < self.now:
            return Step.OVERDUE
        return Step.TODAY if at < self.tomorrow else Step.LATER


def step_of(record: Record, now: datetime) -> Step:
    return _Today(now).step_of(record)


def money(amount: Decimal, currency: str) -> str:
    """`1 250 000 ₽` or `12,50 ₽`, as the reader writes numbers, and `12.500` of what has thousandths."""
    locale = translation.get_language() or "en"
    symbol = get_currency_symbol(currency, locale=locale) if currency else ""
    digits = max(digits_of(currency), 2)
    form = "#,##0" if amount == amount.to_integral_value() else f"#,##0.{'0' * digits}"
    return f"{format_decimal(amount, format=form, locale=locale)}\u00a0{symbol}".strip()


def quantity(number: Decimal) -> str:
    """`2`, `0,5`: without zeros behind it."""
    return format_number(number.normalize() + 0, is_exact=True)


@dataclass(frozen=True)
class Alike:
    """Probably the same, and why."""

    record: Record
    why: str


def alike_shown(found: Iterable[Duplicate]) -> list[Alike]:
    said = {
        Ground.PHONE: _("same telephone"),
        Ground.EMAIL: _("same e-mail"),
        Ground.TAX_NUMBER: _("same tax number"),
        Ground.NAME: _("sounds alike"),
    }
    return [Alike(one.record, ", ".join(said[ground] for ground in one.grounds)) for one in found]


def alike_of(
    record: Record, types: Collection[int], *, reader: User, but: Collection[int] = ()
) -> list[Alike]:
    """Of these types what is probably the same client as this record's."""
    points: dict[str, list[str]] = defaultdict(list)
    for point in record.contact_points.all():
        points[point.kind].append(point.normal)
    sought = Sought(
        name=record.title, phones=points["phone"], emails=points["email"], tax_number=record.tax_number
    )
    return alike_shown(duplicates_of(sought, types=types, reader=reader, but=but))


def sought_in(given: QueryDict) -> Sought:
    """Of a form that is being filled in; what is no number yet is looked for by nobody."""
    names = (given.get(name, "") for name in ("first_name", "patronymic", "last_name", "title"))
    points: dict[str, list[str]] = defaultdict(list)
    rows = zip(given.getlist("point-kind")[:MOST_POINTS], given.getlist("point-value"), strict=False)
    for kind, value in rows:
        with suppress(ValidationError):
            points[kind].append(normal(kind, value, region=PHONE_REGION.value))
    return Sought(
        name=" ".join(filter(None, names))[:255],
        phones=points["phone"],
        emails=points["email"],
        tax_number=given.get("tax_number", "")[:30],
    )


def blank_record(kind: RecordType, given: QueryDict, user: User) -> Record:
    """One that is not there yet, as a form shows it: with what was given, and what is usual."""
    record = Record(type=kind, responsible=user, currency=base_currency())
    for name in (
        "title",
        "first_name",
        "patronymic",
        "last_name",
        "position",
        "tax_number",
        "address",
        "comment",
    ):
        setattr(record, name, given.get(name, "")[:400])
    for name in ("begins_on", "expected_on", "born_on"):
        with suppress(ValueError):
            setattr(record, name, date.fromisoformat(given.get(name, "")))
    with suppress(InvalidOperation):
        record.amount = Decimal("".join(given.get("amount", "0").split()).replace(",", ".")[:20])
    seen = Record.objects.visible_to(user).there()
    for name in ("company", "contact"):
        if pk := number_of(given, name):
            setattr(record, name, seen.filter(pk=pk).first())
    source = number_of(given, "source")
    record.source_id = source if source in catalog().sources else None
    record.given_points = _given_points(given)  # type: ignore[attr-defined]
    return record


def _given_points(given: QueryDict) -> list[ContactPoint]:
    kinds, uses = given.getlist("point-kind"), given.getlist("point-use")
    rows = zip(kinds, uses, given.getlist("point-value")[:MOST_POINTS], strict=False)
    found = [ContactPoint(kind=kind, use=use, value=value[:254]) for kind, use, value in rows if value]
    phone, email = given.get("phone", ""), given.get("email", "")
    more = (("phone", phone), ("email", email))
    return [
        *found,
        *(ContactPoint(kind=kind, use="work", value=value[:254]) for kind, value in more if value),
    ]


def base_currency() -> str:
    """In which amounts are added up."""
    return _base.value


def seen_by_id(ids: Collection[int], reader: User) -> dict[int, Record]:
    """Of these the ones that are there and the reader sees, with what names them and says how they stand; in
    one query, and none for nothing."""
    if not ids:
        return {}
    if is_ruled_by_codes(reader):
        rows = _SEEN.rows(ids=sorted(ids), codes=sorted(codes_to_read(reader)))
    else:
        rows = list(Record.objects.visible_to(reader).there().filter(pk__in=ids).only(*_NAMED_BY))
    return {one.pk: one for one in catalog().dress(rows)}


_NAMED_BY = (
    "id", "title", "position", "type", "pipeline", "stage", "source", "loss_reason", "amount", "currency",
)  # fmt: skip


_SEEN = PreparedModels(
    lambda: (
        Record.objects.there()
        .filter(id__in_array=Param("ids"))
        .reachable_by_many(Param("codes", ArrayField(TextField())))
        .only(*_NAMED_BY)
    )
)


@dataclass(frozen=True)
class Related:
    """A record that another one has to do with; `amount` is empty where there is none, or none for the
    reader."""

    record: Record
    amount: str


def related_rows(ids: Iterable[int], seen: Mapping[int, Record], reader: User) -> list[Related]:
    """Of these those among `seen`, the newest first."""
    rows = []
    for pk in sorted(set(ids) & seen.keys(), reverse=True):
        record = seen[pk]
        sees_amount = fields_for(reader, record.type_id).sees("amount")
        rows.append(
            Related(record, money(record.amount, record.currency) if record.amount and sees_amount else "")
        )
    return rows


def _read_base() -> str:
    return Currency.objects.filter(is_base=True).values_list("code", flat=True).first() or ""


_base = Remembered(_read_base)
