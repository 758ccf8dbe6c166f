"""What a card shows of papers and of money: the papers of a deal, and what a paper itself has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.access import can_change
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Paper, PaperLink, PaperTemplate, Payment, RecordType, Seller
from box.apps.crm.presenters import money

if TYPE_CHECKING:
    from box.apps.crm.card_parts import CardParts
    from box.apps.crm.models import Record
    from box.core.accounts.models import User

MOST_SHOWN = 30


@dataclass(frozen=True)
class PaperRow:
    """Of a deal."""

    record: Record
    number: str
    amount: str


@dataclass(frozen=True)
class PaymentRow:
    payment: Payment
    amount: str


@dataclass(frozen=True)
class Money:
    """What came in for a record and what went out. `tone` is that of a tag."""

    payments: Sequence[PaymentRow]
    received: str
    spent: str
    state: str
    tone: str


@dataclass(frozen=True)
class PaperCard:
    """`paper` of what is one, `rows` of a deal; `makes` are the types that can be made of it."""

    paper: Paper | None
    deal: Record | None
    links: Sequence[PaperLink]
    rows: Sequence[PaperRow]
    makes: Sequence[RecordType]
    money: Money | None


def paper_card(record: Record, reader: User, parts: CardParts, seen: Mapping[int, Record]) -> PaperCard:
    """`seen`: of a deal's papers, and of a paper's deal, those that the reader sees. Of a paper it asks for
    that and its links, of anything else for nothing."""
    paper = None
    links: list[PaperLink] = []
    if record.type.is_paper:
        paper = Paper.objects.select_related("seller", "template", "sent_by", "pdf").get(record=record)
        links = list(paper.links.open(timezone.now()).select_related("created_by").order_by("pk"))
    rows = _papers_of(reader, parts, seen)
    deal = seen.get(parts.deal_id) if parts.deal_id else None
    return PaperCard(paper, deal, links, rows, _makes(record, reader), _money_of(record, parts.payments))


_MADE_OF: Mapping[int, tuple[int, ...]] = {
    RecordType.Id.DEAL: (RecordType.Id.QUOTE, RecordType.Id.INVOICE),
    RecordType.Id.QUOTE: (RecordType.Id.INVOICE,),
}


def _makes(record: Record, reader: User) -> list[RecordType]:
    if not can_change(reader, record):
        return []
    types = [catalog().types[pk] for pk in _MADE_OF.get(record.type_id, ())]
    return [one for one in types if one.retired_at is None]


def _papers_of(reader: User, parts: CardParts, seen: Mapping[int, Record]) -> list[PaperRow]:
    rows = [(seen[pk], number) for pk, number in parts.paper_numbers.items() if pk in seen]
    return [
        PaperRow(
            one,
            number,
            money(one.amount, one.currency) if fields_for(reader, one.type_id).sees("amount") else "",
        )
        for one, number in rows[:MOST_SHOWN]
    ]


def _money_of(record: Record, payments: Sequence[Payment]) -> Money | None:
    if record.type_id not in {RecordType.Id.DEAL, RecordType.Id.INVOICE}:
        return None
    sums = {
        direction: sum((one.amount for one in payments if one.direction == direction), Decimal(0))
        for direction in Payment.Direction.values
    }
    received, spent = sums[Payment.Direction.IN], sums[Payment.Direction.OUT]
    state, tone = _state(record.amount, received)
    rows = [PaymentRow(one, money(one.amount, record.currency)) for one in payments]
    return Money(
        rows,
        money(received, record.currency),
        money(spent, record.currency) if spent else "",
        state,
        tone,
    )


def _state(amount: Decimal, received: Decimal) -> tuple[str, str]:
    if not received:
        return _("not paid"), ""
    if received < amount:
        return _("paid in part"), "warn"
    return _("paid"), "good"


def sellers() -> list[Seller]:
    return list(Seller.objects.filter(retired_at=None).order_by("pk"))


def templates_of(paper: Paper) -> list[PaperTemplate]:
    return list(PaperTemplate.objects.filter(type=paper.type_id, retired_at=None).order_by("pk"))
