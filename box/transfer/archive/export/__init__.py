"""The portal, or a part of it, written as an open archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import batched, chain
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from box.core.files import recall
from box.core.files.models import Blob
from box.core.files.store import NotFound
from box.lib.pipes import Sink
from box.transfer.archive import records
from box.transfer.archive.container import Manifest, Writer
from box.transfer.archive.export.base import PAGE, Scope
from box.transfer.archive.export.calendar import bookings, events
from box.transfer.archive.export.company import absences, departments, groups, people
from box.transfer.archive.export.crm import activities, clients, pipelines
from box.transfer.archive.export.drives import drives
from box.transfer.archive.export.feed import comments, posts
from box.transfer.archive.export.own_fields import fields
from box.transfer.archive.export.relations import relations
from box.transfer.archive.export.tasks import tasks
from box.transfer.archive.records import FORMAT, KINDS, VERSION, Record

if TYPE_CHECKING:
    from array import array

__all__ = ["EXPORTERS", "Scope", "write_archive"]

EXPORTERS: Mapping[str, Callable[[Scope], Iterator[Record]]] = {
    "departments": departments,
    "people": people,
    "groups": groups,
    "fields": fields,
    "posts": posts,
    "tasks": tasks,
    "drives": drives,
    "pipelines": pipelines,
    "clients": clients,
    "activities": activities,
    "comments": comments,
    "bookings": bookings,
    "events": events,
    "absences": absences,
    "relations": relations,
}
README_TEXT = """\
This is an open archive of Korobka, version {version}, of {source}.

manifest.json says what is in it, with a SHA-256 of each file. Each *.jsonl holds the things of a kind, one a
line, in JSON; schemas/ describes them as JSON Schema. Bytes of files lie in blobs/ under their SHA-256.
The whole description stands in the documentation for administrators: "The open archive".
"""


def write_archive(
    out: Sink, scope: Scope, each: Callable[[str, int], object] = lambda kind, number: None
) -> Manifest:
    """Writes from front to back, in bounded memory. `each` hears of every page of things.

    What others refer to is written last: whatever comes into being meanwhile is there when it is named.
    """
    writer = Writer(out, at=timezone.now())
    try:
        return _written(writer, scope, each)
    except BaseException:
        writer.abandon()
        raise


def _written(writer: Writer, scope: Scope, each: Callable[[str, int], object]) -> Manifest:
    wanted = scope.filters.kinds or list(KINDS)
    for kind in reversed(list(KINDS)):
        if kind in wanted:
            writer.add_kind(kind, _counted(kind, EXPORTERS[kind](scope), each))
            _add_blobs(writer, scope)
    manifest = Manifest(
        format=FORMAT,
        version=VERSION,
        source=settings.KOROBKA["hostname"],
        product=f"Korobka {settings.VERSION}",
        created_at=timezone.now(),
        filters=scope.filters,
        files=writer.members[::-1],
        blobs=writer.blobs,
        blobs_size=writer.blobs_size,
        missing=scope.lost,
    )
    writer.finish(manifest, README_TEXT.format(version=VERSION, source=manifest.source))
    return manifest


def _counted[R: records.Record](
    kind: str, found: Iterator[R], each: Callable[[str, int], object]
) -> Iterator[R]:
    for number, record in enumerate(found, 1):
        yield record
        if number % PAGE == 0:
            each(kind, number)
    each(kind, 0)


def _add_blobs(writer: Writer, scope: Scope) -> None:
    """The bytes that the kind just written has named; what the store has lost is named in the manifest."""
    keys: array[int] = scope.blobs
    for some in batched(dict.fromkeys(keys), PAGE, strict=False):
        for blob in Blob.objects.in_bulk(some).values():
            digest = blob.sha256 or scope.digests.get(blob.pk, "")
            if not digest or writer.has_blob(digest):
                continue
            chunks = recall.read(blob)
            try:
                first = next(chunks, b"")
            except NotFound:
                scope.lost.append(digest)
                continue
            writer.add_blob(records.Blob(sha256=digest, size=blob.size), chain([first], chunks))
    del keys[:]
