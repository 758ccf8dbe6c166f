"""Who is behind a telephone number: see `box.core.registry.capabilities.CallerLookup`.

Asked while it rings: the numbers are looked up by their index first, and what the reader may see of the few
records behind them is decided then, by the rule of all records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from box.apps.crm.cards import card_of
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Record
from box.apps.crm.permissions import Operation, reaches_into
from box.core.registry.capabilities import CallerLookup, Card

if TYPE_CHECKING:
    from box.core.accounts.models import User

# Of all the records that a switchboard's number is written in.
MOST_BEHIND = 20
MOST_SHOWN = 500
# A person is nearer than the company that they work for, and a client than what is yet to become one.
NEAREST = ("contact", "company", "lead")


def reached_by(number: str) -> list[Record]:
    """The clients and leads that this number, in E.164, is of: the nearest first, whoever asks."""
    points = ContactPoint.objects.reaching("phone", number).order_by("record")[:MOST_BEHIND]
    records = Record.objects.filter(pk__in=points.values_list("record", flat=True))
    found = records.filter(type__slug__in=NEAREST).select_related("type", "responsible")
    return sorted(found, key=_nearness)


def cards(numbers: Sequence[str], reader: User) -> Mapping[str, Sequence[Card]]:
    points = ContactPoint.objects.filter(
        kind="phone", normal__in=numbers, record__deleted_at=None, record__type__slug__in=NEAREST
    )
    behind = list(points.order_by("record").values_list("normal", "record")[:MOST_SHOWN])
    if not behind:
        return {}
    records = Record.objects.visible_to(reader).filter(pk__in={pk for _number, pk in behind})
    # Who may not see by what clients are reached is not told whom a number is of.
    types = [
        kind.pk
        for kind in catalog().types.values()
        if kind.slug in NEAREST and fields_for(reader, kind.pk).sees("reached_by")
    ]
    own = records.filter(type__in=types).select_related("responsible")
    seen = {record.pk: record for record in catalog().dress(list(own))}
    found: dict[str, list[Record]] = {}
    for number, pk in behind:
        if pk in seen:
            found.setdefault(number, []).append(seen[pk])
    return {
        number: [card_of(one, one.type.kind) for one in sorted(several, key=_nearness)[:MOST_BEHIND]]
        for number, several in found.items()
    }


def responsible(number: str) -> User | None:
    people = (record.responsible for record in reached_by(number))
    return next((person for person in people if person.is_active), None)


def new(number: str, reader: User) -> str:
    kind = catalog().by_slug.get("lead")
    if kind is None or not reaches_into(reader, Operation.ADD, kind):
        return ""
    return f"{reverse('crm:new', args=['lead'])}?{urlencode({'phone': number})}"


def _nearness(record: Record) -> tuple[int, int]:
    return NEAREST.index(record.type.slug), -record.pk


CALLERS = CallerLookup(cards, responsible, new)
