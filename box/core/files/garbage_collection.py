"""Removing what nobody needs any more, from the database and from the store.

Killed at any line, the sweep leaves nothing its next run doesn't find; and it takes nothing that is needed:
- an upload is marked as given up, cleared from the store, and then its row goes; no marked one is completed;
- of a blob the row goes first, if the database finds no reference to it, and then the object;
- of objects without a row only old ones go: the row of an upload is older than its object, and our own
  pictures get theirs at once, so an old object that has none will never get one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.deletion import ProtectedError

from box.core.files import actions
from box.core.files.models import KEY_PATTERN, Blob, File, Upload
from box.core.files.store import StoredObject, store

log = logging.getLogger(__name__)

# A killed process leaves one or two. Thousands mean that this database isn't the one of the bucket.
FEW_ORPHANS = 100


@dataclass(frozen=True)
class Ages:
    """How old things get before they go."""

    upload: timedelta = timedelta(days=2)
    # Uploaded into a form that was never sent.
    unattached: timedelta = timedelta(days=30)
    # At least seven days, so that every backup has seen them.
    blob: timedelta = timedelta(days=7)
    object: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Swept:
    """How many of each have gone."""

    uploads: int
    files: int
    blobs: int
    objects: int


def sweep(now: datetime, ages: Ages = Ages()) -> Swept:
    """One run over everything. Raises StoreUnavailable, having done what could be done without the store."""
    return Swept(
        files=sweep_files(now, older_than=ages.unattached),
        blobs=sweep_blobs(now, older_than=ages.blob),
        uploads=sweep_uploads(now, older_than=ages.upload),
        objects=sweep_objects(now, older_than=ages.object),
    )


def sweep_uploads(now: datetime, *, older_than: timedelta) -> int:
    """Clears up after uploads that were given up or took too long, and forgets the completed ones."""
    old = Upload.objects.filter(Q(created_at__lt=now - older_than) | Q(discarded_at__isnull=False))
    count = 0
    for upload in old.order_by("pk").iterator():
        if upload.file_id is None:
            actions.discard_upload(upload, now=now)
        else:
            actions.forget_upload(upload)
        count += 1
    return count


def sweep_files(now: datetime, *, older_than: timedelta) -> int:
    """Removes files that never became part of anything."""
    old = File.objects.unattached().unreferenced().filter(created_at__lt=now - older_than)
    return sum(_delete(file) for file in old.order_by("pk").iterator())


def sweep_blobs(now: datetime, *, older_than: timedelta) -> int:
    """Notes which blobs nothing refers to, and removes those of which that has been true for so long."""
    unreferenced = Blob.objects.unreferenced()
    Blob.objects.filter(unreferenced_at__isnull=False).exclude(pk__in=unreferenced).update(
        unreferenced_at=None
    )
    unreferenced.filter(unreferenced_at=None).update(unreferenced_at=now)
    count = 0
    for blob in unreferenced.filter(unreferenced_at__lte=now - older_than).order_by("pk").iterator():
        if _delete(blob):
            store().delete(blob.key)
            count += 1
    return count


def sweep_objects(now: datetime, *, older_than: timedelta) -> int:
    """Removes old objects of ours that no row knows; of more than a few, only where most are known."""
    known, orphans = 0, list[str]()
    for page in _pages():
        # The page first, the rows after it: a row that was written in between is seen.
        keys = {item.key for item in page if item.modified_at < now - older_than and _is_ours(item.key)}
        unknown = keys.copy()
        for model in (Blob, Upload):
            unknown.difference_update(model.objects.filter(key__in=keys).values_list("key", flat=True))
        known += len(keys) - len(unknown)
        orphans += sorted(unknown)
    if len(orphans) > max(FEW_ORPHANS, known):
        log.error(
            "%s objects of %s have no row, nothing is removed: is this database the one that the bucket "
            "belongs to, and is its restore finished?",
            len(orphans),
            len(orphans) + known,
        )
        return 0
    for key in orphans:
        log.warning("the object %s has no row: removed", key)
        store().delete(key)
    return len(orphans)


def _pages() -> Iterator[list[StoredObject]]:
    page = store().objects()
    while page:
        yield page
        page = store().objects(after=page[-1].key)


def _is_ours(key: str) -> bool:
    # A bucket that the company gave may hold what isn't ours.
    return re.fullmatch(KEY_PATTERN, key) is not None


def _delete(row: Blob | File) -> bool:
    """Deletes the row, unless something has come to refer to it since it was found."""
    with suppress(ProtectedError, IntegrityError), transaction.atomic():
        row.delete()
        return True
    return False
