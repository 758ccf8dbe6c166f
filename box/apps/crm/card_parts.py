"""What hangs on a record, as its card shows it: in one query for all of it, whoever reads it.

What of it a reader may see is decided by whoever shows it: here are ids of clients and papers, and no names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, DateTimeField, F, QuerySet, TextField
from django.db.models.functions import Cast

from box.apps.crm.models import (
    ContactPoint,
    LineItem,
    Link,
    Merger,
    Observer,
    Paper,
    Payment,
    Record,
    Robot,
    RobotRun,
)
from box.apps.crm.models.mergers import KEPT_FOR
from box.core.accounts.models import User
from box.lib.prepared import Param, Prepared, Rows, at_once

MOST_RELATED = 20
MOST_PAPERS = 100
MOST_RUNS = 10
# Of those who may not be seen some are read too, so that a page is still full without them.
_MOST_READ = 5 * MOST_RELATED

type Points = Mapping[int, Sequence[ContactPoint]]


@dataclass(frozen=True)
class CardParts:
    """Ids are in the order in which a card shows what they name."""

    contact_ids: Sequence[int]
    related_ids: Sequence[int]
    """What it came of, what came of it, and of a client what there is with them."""
    is_converted: bool
    paper_numbers: Mapping[int, str]
    """Of a deal, by the ids of its papers."""
    deal_id: int | None
    """Of a paper."""
    points: Points
    """Of the record itself, and the telephones of its contacts."""
    observers: Sequence[User]
    lines: Sequence[LineItem]
    payments: Sequence[Payment]
    runs: Sequence[RobotRun]
    """What robots did with it and will do, what waits first."""
    is_merged: bool
    """Whether something became a part of it that can be parted again."""

    def client_ids(self, record: Record) -> set[int]:
        return {*self.contact_ids, *([record.company_id] if record.company_id else [])}


def parts_of(record: Record, *, now: datetime) -> CardParts:
    given = {"record": record.pk, "since": now - KEPT_FOR}
    (contacts, origins, back, converted, papers, deals, points, observers, lines, payments, runs, mergers) = (
        at_once(*(one.asked(**given) for one in _QUESTIONS))
    )
    return CardParts(
        contact_ids=[pk for (pk,) in contacts],
        related_ids=[pk for (pk,) in (*origins, *back)],
        is_converted=bool(converted),
        paper_numbers={pk: number for pk, number in papers},  # noqa: C416 - rows are lists
        deal_id=next((pk for (pk,) in deals), None),
        points=_points(points),
        observers=[_person(*row) for row in observers],
        lines=[_line(*row) for row in lines],
        payments=[_payment(*row) for row in payments],
        runs=[_run(*row) for row in runs],
        is_merged=bool(mergers),
    )


_RECORD = Param("record", BigIntegerField())


def _exact(name: str) -> Cast:
    """JSON's numbers become floats, which sums of money are not."""
    return Cast(name, TextField())


def _reached() -> QuerySet[ContactPoint, Any]:
    """Its own, and the telephones of its contacts. By OR all points that there are would be read."""
    contacts = Link.objects.filter(record=_RECORD, role=Link.Role.CONTACT).values("to")
    own = ContactPoint.objects.filter(record=_RECORD).values("pk")
    phones = ContactPoint.objects.filter(kind=ContactPoint.Kind.PHONE, record__in=contacts).values("pk")
    found = ContactPoint.objects.filter(pk__in=own.union(phones))
    return found.in_order().values_list("record_id", "kind", "use", "value", "normal")


def _runs() -> QuerySet[RobotRun, Any]:
    latest = RobotRun.objects.filter(record=_RECORD).order_by(F("finished_at").desc(nulls_first=True), "-id")
    return latest.values_list("robot__name", "status", "said", "due_at", "finished_at")[:MOST_RUNS]


_CONTACTS = Prepared(
    lambda: (
        Link.objects.filter(record=_RECORD, role=Link.Role.CONTACT).order_by("rank", "id").values_list("to")
    )
)
_ORIGINS = Prepared(
    lambda: Link.objects.filter(record=_RECORD, role=Link.Role.ORIGIN).values_list("to")[:MOST_RELATED]
)
_BACK = Prepared(
    lambda: Link.objects.filter(to=_RECORD).order_by("-record").values_list("record")[:_MOST_READ]
)
_CONVERTED = Prepared(
    lambda: Link.objects.filter(to=_RECORD, role=Link.Role.ORIGIN).values_list("record")[:1]
)
_PAPERS = Prepared(
    lambda: (
        Paper.objects.filter(deal=_RECORD).order_by("-record").values_list("record", "number")[:MOST_PAPERS]
    )
)
_DEAL = Prepared(lambda: Paper.objects.filter(record=_RECORD, deal__isnull=False).values_list("deal"))
_POINTS = Prepared(_reached)
_OBSERVERS = Prepared(
    lambda: (
        Observer.objects.filter(record=_RECORD)
        .order_by("id")
        .values_list("user_id", "user__login", "user__first_name", "user__last_name", "user__photo")
    )
)
_LINES = Prepared(
    lambda: (
        LineItem.objects.filter(record=_RECORD)
        .in_order()
        .values_list(
            *("product_id", "name", "unit", _exact("quantity"), _exact("price"), _exact("discount_percent")),
            *(_exact("vat_percent"), "is_vat_included"),
        )
    )
)
_PAYMENTS = Prepared(
    lambda: (
        Payment.objects.filter(record=_RECORD)
        .newest_first()
        .values_list("pk", "direction", _exact("amount"), "on", "note")
    )
)
_RUNS = Prepared(_runs)
_MERGERS = Prepared(
    lambda: Merger.objects.filter(
        kept=_RECORD, taken_back_at=None, at__gt=Param("since", DateTimeField())
    ).values_list("pk")[:1]
)
_QUESTIONS = (
    _CONTACTS, _ORIGINS, _BACK, _CONVERTED, _PAPERS, _DEAL, _POINTS, _OBSERVERS, _LINES, _PAYMENTS, _RUNS,
    _MERGERS,
)  # fmt: skip


def _points(rows: Rows) -> Points:
    found: dict[int, list[ContactPoint]] = defaultdict(list)
    for record_id, kind, use, value, normal in rows:
        found[record_id].append(
            ContactPoint(record_id=record_id, kind=kind, use=use, value=value, normal=normal)
        )
    return found


def _person(pk: int, login: str, first_name: str, last_name: str, photo_id: int | None) -> User:
    return User(pk=pk, login=login, first_name=first_name, last_name=last_name, photo_id=photo_id)


def _line(product_id: int | None, name: str, unit: str, *facts: Any) -> LineItem:
    quantity, price, discount, vat, is_vat_included = facts
    return LineItem(
        product_id=product_id, name=name, unit=unit, quantity=Decimal(quantity), price=Decimal(price),
        discount_percent=Decimal(discount), vat_percent=None if vat is None else Decimal(vat),
        is_vat_included=is_vat_included,
    )  # fmt: skip


def _payment(pk: int, direction: str, amount: str, on: str, note: str) -> Payment:
    return Payment(pk=pk, direction=direction, amount=Decimal(amount), on=date.fromisoformat(on), note=note)


def _run(name: str, status: str, said: str, due_at: str, finished_at: str | None) -> RobotRun:
    return RobotRun(
        robot=Robot(name=name), status=status, said=said, due_at=datetime.fromisoformat(due_at),
        finished_at=datetime.fromisoformat(finished_at) if finished_at else None,
    )  # fmt: skip
