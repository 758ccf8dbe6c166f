"""Keeping the index: what an event has touched is read again and written, or taken out."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import batched

from django.db import transaction
from django.utils import timezone

from box.core.events.delivery import MANY
from box.core.registry.capabilities import Searchable, Touched, searchables
from box.core.registry.demo import Company
from box.core.registry.services import is_on
from box.core.search.models import LONGEST_BODY, Document, Rebuild
from box.lib.bulk import analyze
from box.lib.prepared import Asked, Prepared, PreparedInsert

BATCH = 500
DONE = -1

_LOCKS = 0x5EA2C4
MOST_LOCKS = MANY
"""Objects that are locked one by one, as many as are handed over together; PostgreSQL has some thousand
places for all."""

type Progress = Callable[[str, int, int], None]
"""Told of each step: the kind, how many of it are written, and how many there are."""


def refresh(kind: str, *touched: Touched) -> None:
    """Writes what these objects are now. Done twice, or by two at once, it does no more."""
    ids = {pk for one in touched for pk in one.ids}
    if within := {one.within for one in touched} - {None}:
        there = Document.objects.filter(kind=kind, within_id__in=within)
        ids.update(there.values_list("object_id", flat=True))
    for batch in batched(sorted(ids), BATCH, strict=False):
        _write(kind, batch)


def rebuild(tell: Progress = lambda kind, done, total: None) -> None:
    """Writes the whole index anew, while it is searched: each row is replaced where it is, and at the end of
    a kind those go that no object stands behind. Stopped anywhere, it goes on from there when called again.
    """
    run = Rebuild.objects.filter(finished_at=None).order_by("id").last() or Rebuild.objects.create()
    for kind, searchable in searchables.items():
        _rebuild_kind(run, kind, searchable, tell)
    Document.objects.exclude(kind__in=[kind for kind, _ in searchables.items()]).delete()
    run.finished_at = timezone.now()
    run.save(update_fields=["finished_at"])
    analyze(Document)


def index_demo(company: Company) -> None:
    """What was written in bulk has told of no events."""
    company.tell("the search index")
    rebuild()


def _rebuild_kind(run: Rebuild, kind: str, searchable: Searchable, tell: Progress) -> None:
    total, done = searchable.rows().count(), 0
    reached = run.reached.get(kind, 0)
    if reached:
        done = total if reached == DONE else searchable.rows().filter(pk__lte=reached).count()
    tell(kind, done, total)
    while reached != DONE:
        above = searchable.rows().filter(pk__gt=reached).order_by("pk")
        ids = list(above.values_list("pk", flat=True)[:BATCH])
        with transaction.atomic():
            _write(kind, ids)
            reached = ids[-1] if len(ids) == BATCH else DONE
            run.reached[kind] = reached
            run.save(update_fields=["reached"])
        done += len(ids)
        tell(kind, done, max(total, done))
    _forget_unseen(kind, run.pk)


def _forget_unseen(kind: str, generation: int) -> None:
    unseen = Document.objects.filter(kind=kind, generation__lt=generation).order_by("pk")
    while ids := list(unseen.values_list("pk", flat=True)[:BATCH]):
        # Those whose object came back, or was late, while we looked.
        Document.objects.filter(pk__in=ids, generation__lt=generation).delete()


_NEWEST_REBUILD = Prepared(lambda: Rebuild.objects.order_by("-pk").values_list("pk")[:1])


def _generation() -> int:
    """That of the newest rebuild: what is written while it runs is not for it to take out."""
    newest = _NEWEST_REBUILD.rows()
    return int(newest[0][0]) if newest else 0


# Without a savepoint: what called it is undone with it.
@transaction.atomic(savepoint=False)
def _write(kind: str, ids: Sequence[int]) -> None:
    _keep_others_off(kind, ids)
    generation = _generation()
    found = {one.id: one for one in searchables[kind].read(ids)}
    gone = set(ids) - found.keys()
    if gone:
        Document.objects.filter(kind=kind, object_id__in=gone).delete()
    _DOCUMENTS.write(
        (
            *(kind, one.id, one.within, one.title, one.body[:LONGEST_BODY], one.url, one.at, generation),
            *(list(one.audience), one.is_private),
        )
        for one in found.values()
    )


_DOCUMENTS = PreparedInsert(
    Document,
    (
        *("kind", "object_id", "within_id", "title", "body", "url", "at", "generation"),
        *("audience", "is_private"),
    ),
    replaces=("kind", "object_id"),
)


_LOCK_SOME = """
SELECT pg_advisory_xact_lock_shared(%s, %s)
UNION ALL SELECT pg_advisory_xact_lock(one) FROM unnest(%s::bigint[]) one
"""
_LOCK_KIND = "SELECT pg_advisory_xact_lock(%s, %s)"


def _keep_others_off(kind: str, ids: Sequence[int]) -> None:
    """Until the end of the transaction: whoever reads an object and writes what it read keeps others from
    writing something older after it.

    A few objects hold a lock each, in the order of the locks, so that what happens to others of their kind is
    handed over meanwhile. Many hold one for all, which is the kind's.
    """
    of_kind = _LOCKS, zlib.crc32(kind.encode()) & 0x7FFFFFFF
    if len(ids) > MOST_LOCKS:
        Asked(_LOCK_KIND, of_kind, is_repeated=True).rows()
    else:
        Asked(_LOCK_SOME, (*of_kind, sorted(_key_of(kind, one) for one in ids)), is_repeated=True).rows()


def _key_of(kind: str, object_id: int) -> int:
    """63 bits. Two that meet in one wait for each other, and no more."""
    digest = hashlib.blake2b(f"search {kind} {object_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def kinds() -> Iterable[tuple[str, Searchable]]:
    """Of services that are on, in the order in which they are offered as filters."""
    serving = [(kind, one) for kind, one in searchables.items() if is_on(kind.partition(".")[0])]
    return sorted(serving, key=lambda item: item[1].order)
