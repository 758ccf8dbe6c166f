"""Records that are probably the same: by telephone, e-mail, tax number, or a name that sounds alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, transaction
from django.db.models import Q

from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Record
from box.lib.sounds import sound_of

if TYPE_CHECKING:
    from box.apps.crm.models.records import RecordQuerySet
    from box.core.accounts.models import User

MOST = 10
# Of the trigrams of two sounds. Petr and Piotr Konstantinov share 0.68, Petr and Anna 0.59.
ALIKE = 0.6


class Ground(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    TAX_NUMBER = "tax_number"
    NAME = "name"


@dataclass(frozen=True)
class Duplicate:
    """`grounds`: the surest first."""

    record: Record
    grounds: tuple[Ground, ...]


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What is known of somebody; numbers and addresses in their normal form."""

    name: str = ""
    phones: Collection[str] = ()
    emails: Collection[str] = ()
    tax_number: str = ""


def duplicates_of(
    sought: Sought, *, types: Collection[int], reader: User | None = None, but: Iterable[int] = ()
) -> list[Duplicate]:
    """Of these types, the surest first; at most `MOST`. `reader` sees only what they may; None: all."""
    there = Record.objects.there().filter(type__in=types).exclude(pk__in=list(but))
    if reader is not None:
        there = there.visible_to(reader)
    grounds: dict[int, list[Ground]] = defaultdict(list)
    reached, taxed = (
        there.filter(type__in=[pk for pk in types if fields_for(reader, pk).sees(name)])
        for name in ("reached_by", "tax_number")
    )
    for ground, ids in _found(there, reached, taxed, sought):
        for pk in ids:
            if ground not in grounds[pk]:
                grounds[pk].append(ground)
    records = Record.objects.select_related("type", "responsible").in_bulk(list(grounds)[:MOST])
    found = [Duplicate(records[pk], tuple(why)) for pk, why in grounds.items() if pk in records]
    return sorted(found, key=lambda one: -len(one.grounds))


def _found(
    there: RecordQuerySet, reached: RecordQuerySet, taxed: RecordQuerySet, sought: Sought
) -> Iterable[tuple[Ground, list[int]]]:
    """By numbers and addresses of those whose `reached` by is seen, by the tax number of the `taxed`."""
    points = Q()
    if sought.phones:
        points |= Q(kind=ContactPoint.Kind.PHONE, normal__in=list(sought.phones))
    if sought.emails:
        points |= Q(kind=ContactPoint.Kind.EMAIL, normal__in=list(sought.emails))
    if points:
        rows = ContactPoint.objects.filter(points, record__in=reached)[: 4 * MOST]
        by_kind: dict[Ground, list[int]] = defaultdict(list)
        for kind, pk in rows.values_list("kind", "record_id"):
            by_kind[Ground(kind)].append(pk)
        yield from by_kind.items()
    if sought.tax_number:
        number = "".join(sought.tax_number.split())
        yield Ground.TAX_NUMBER, list(taxed.filter(tax_number=number).values_list("pk", flat=True)[:MOST])
    if sound := sound_of(sought.name):
        yield Ground.NAME, _alike(there, sound)


@transaction.atomic
def _alike(there: RecordQuerySet, sound: str) -> list[int]:
    """The nearest first."""
    with connection.cursor() as cursor:
        # Else the index lets through half as near ones as well: every Anna for an Anna Ivanova.
        cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', %s, true)", [str(ALIKE)])
    near = there.filter(sound__trigram_similar=sound)
    return list(
        near.order_by(TrigramSimilarity("sound", sound).desc(), "-pk").values_list("pk", flat=True)[:MOST]
    )
