"""The hash chain: each record's seal covers the record and the seal before it.

It is an HMAC with a key of the box, so that whoever can write to the database alone cannot make one. Records
are sealed by one job in batches, in the order in which it finds them; those of the last minute are not yet.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.db import connection, transaction

from box.core.audit.models import Anchor, AuditRecord

BATCH = 1000
_LOCK = "box.core.audit sealing"
_ONLY = 1


@dataclass(frozen=True)
class Head:
    """The end of the chain: who keeps it elsewhere can prove later what came before it."""

    position: int
    seal: str

    def __str__(self) -> str:
        return f"{self.position}:{self.seal}"


@dataclass(frozen=True)
class Damage:
    """A record that is not what was sealed, or is not there."""

    position: int
    record_id: int | None
    what: str

    def __str__(self) -> str:
        return self.what


def seal_batch() -> int:
    """Seals what is not sealed yet, at most one batch; returns how many. One process at a time does it."""
    with transaction.atomic():
        if not _is_ours():
            return 0
        rows = list(AuditRecord.objects.filter(position=None).order_by("id")[:BATCH])
        head = current_head()
        for row in rows:
            row.position = head.position + 1
            row.seal = seal_of(row, head.seal)
            head = Head(row.position, row.seal)
        AuditRecord.objects.bulk_update(rows, ["position", "seal"])
        return len(rows)


def current_head() -> Head:
    last = AuditRecord.objects.sealed().order_by("-position").only("position", "seal").first()
    return Head(last.position or 0, last.seal) if last else _start()


def seal_of(record: AuditRecord, before: str) -> str:
    content = json.dumps(record.sealed_content(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(_key(), f"{before}\n{content}".encode(), sha256).hexdigest()


def damages(*, known: Head | None = None) -> Iterator[Damage]:
    """Walks the whole chain and names what is wrong with it. `known` is a head that was kept elsewhere."""
    head, found_known = _start(), known is None
    for row in AuditRecord.objects.sealed().order_by("position").iterator(chunk_size=2000):
        position = row.position or 0
        if known and known.position == position:
            found_known = known.seal == row.seal
        if position != head.position + 1:
            yield _missing(head.position + 1, position - 1)
        elif row.seal != seal_of(row, head.seal):
            yield Damage(position, row.pk, f"Record {row.pk} (number {position} of the chain) was changed.")
        # From here on by what is there: one changed record is named, not all that follow it.
        head = Head(position, row.seal)
    if known and known.position > head.position:
        yield _missing(head.position + 1, known.position)
    elif known and not found_known and known.position > _start().position:
        what = f"The chain up to number {known.position} is not the one that was noted."
        yield Damage(known.position, None, what)


def _missing(first: int, last: int) -> Damage:
    if first == last:
        return Damage(first, None, f"The record with number {first} of the chain was removed.")
    return Damage(first, None, f"The records with the numbers {first} to {last} of the chain were removed.")


@transaction.atomic
def forget_until(position: int, seal: str) -> None:
    """The chain begins behind this record from now on."""
    Anchor.objects.update_or_create(pk=_ONLY, defaults={"position": position, "seal": seal})
    AuditRecord.objects.filter(position__lte=position).delete()


def _start() -> Head:
    anchor = Anchor.objects.filter(pk=_ONLY).first()
    return Head(anchor.position, anchor.seal) if anchor else Head(0, "")


def _is_ours() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [_LOCK])
        return bool(cursor.fetchone()[0])


@cache
def _key() -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), b"korobka audit chain", sha256).digest()
