"""What lists, boards and cards show of records, in as many queries for fifty as for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING

from babel.numbers import format_decimal, get_currency_symbol
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import normal
from box.apps.crm.duplicates import Ground, Sought, duplicates_of
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Currency, Record
from box.core.lists.custom_fields import Filled, filled
from box.core.registry.company import PHONE_REGION
from box.core.registry.environment import format_number
from box.core.registry.settings import Remembered
from box.lib.pages import number_of

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.apps.crm.duplicates import Duplicate
    from box.apps.crm.models import RecordType
    from box.core.accounts.models import User
    from box.core.fields.models import Field


MOST_POINTS = 50


class Step(StrEnum):
    """How it stands with a record's next step. What is closed needs none."""

    CLOSED = ""
    NONE = "none"
    OVERDUE = "overdue"
    TODAY = "today"
    LATER = "later"


@dataclass(frozen=True)
class RecordRow:
    """A record as a list or a board shows it to one reader. `client` is its contact or company, as far as the
    reader sees them; `amount` is empty where there is none, or none for them."""

    record: Record
    step: Step
    client: Record | None = None
    points: Mapping[str, Sequence[ContactPoint]] = field(default_factory=dict)
    amount: str = ""
    filled: Filled | None = None
    """What it has in the company's own fields, where these were asked for."""

    @property
    def pk(self) -> int:
        return self.record.pk

    def __str__(self) -> str:
        return self.record.title


def rows_of(records: Sequence[Record], reader: User, own: Sequence[Field] = ()) -> list[RecordRow]:
    """Two queries beside that of the records; with fields of the company's `own` one more, and one for each
    kind of objects that these point at."""
    catalog().dress(records)
    now = timezone.now()
    clients = _clients_of(records, reader)
    points = _points_of(records)
    fields = {type_id: fields_for(reader, type_id) for type_id in {record.type_id for record in records}}
    values = filled(own, [record.pk for record in records], reader) if own else {}
    rows = []
    for record in records:
        seen = fields[record.type_id]
        contact = clients.get(record.contact_id or 0) if seen.sees("contacts") else None
        company = clients.get(record.company_id or 0) if seen.sees("company") else None
        sum_of = money(record.amount, record.currency) if record.amount and seen.sees("amount") else ""
        reached = points.get(record.pk, {}) if seen.sees("reached_by") else {}
        rows.append(
            RecordRow(
                record, step_of(record, now), contact or company, reached, sum_of, values.get(record.pk)
            )
        )
    return rows


def step_of(record: Record, now: datetime) -> Step:
    """Contacts and companies are no work by themselves: without a next step they miss nothing."""
    at = record.next_step_at
    if record.closed_at is not None or (at is None and record.stage_id is None):
        return Step.CLOSED
    if at is None:
        return Step.NONE
    if at < now:
        return Step.OVERDUE
    return Step.TODAY if timezone.localdate(at) == timezone.localdate(now) else Step.LATER


def money(amount: Decimal, currency: str) -> str:
    """`1 250 000 ₽` or `12,50 ₽`, as the reader writes numbers."""
    locale = translation.get_language() or "en"
    symbol = get_currency_symbol(currency, locale=locale) if currency else ""
    form = "#,##0" if amount == amount.to_integral_value() else "#,##0.00"
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


def _clients_of(records: Sequence[Record], reader: User) -> dict[int, Record]:
    wanted = {pk for record in records for pk in (record.contact_id, record.company_id) if pk}
    return seen_by_id(wanted, reader)


def seen_by_id(ids: Collection[int], reader: User) -> dict[int, Record]:
    """Of these the ones that are there and the reader sees, with what names them and says how they stand; in
    one query, and none for nothing."""
    if not ids:
        return {}
    rows = Record.objects.visible_to(reader).there().filter(pk__in=ids).only(*_NAMED_BY)
    return {one.pk: one for one in catalog().dress(list(rows))}


_NAMED_BY = (
    "id", "title", "position", "type", "pipeline", "stage", "source", "loss_reason", "amount", "currency",
)  # fmt: skip


def related_rows(ids: Iterable[int], seen: Mapping[int, Record], reader: User) -> list[RecordRow]:
    """Of these those among `seen`, the newest first."""
    rows = []
    for pk in sorted(set(ids) & seen.keys(), reverse=True):
        record = seen[pk]
        sees_amount = fields_for(reader, record.type_id).sees("amount")
        amount = money(record.amount, record.currency) if record.amount and sees_amount else ""
        rows.append(RecordRow(record, Step.CLOSED, amount=amount))
    return rows


def _points_of(records: Sequence[Record]) -> dict[int, dict[str, list[ContactPoint]]]:
    reached = [record.pk for record in records if record.type.has_contact_points]
    found: dict[int, dict[str, list[ContactPoint]]] = defaultdict(lambda: defaultdict(list))
    if reached:
        for point in ContactPoint.objects.filter(record__in=reached).in_order():
            found[point.record_id][point.kind].append(point)
    return found


def _read_base() -> str:
    return Currency.objects.filter(is_base=True).values_list("code", flat=True).first() or ""


_base = Remembered(_read_base)
