"""Drives: folders, and files with what they were before."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Max, Q
from django.db.models.functions import Coalesce

from box.apps.drive.models import Item, Share, Version
from box.core.access.principals import code_of
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, walked


def drives(scope: Scope) -> Iterator[records.DriveItem]:
    """Folders before what is in them; roots have no line, for a drive is known by whose it is. Of a period
    the files, with all folders."""
    rows = scope.seen(Item.objects.there()).exclude(parent=None)
    if period := scope.within("created_at"):
        rows = rows.filter(Q(is_folder=True) | period)
    if scope.filters.groups:
        rows = rows.filter(drive__code__in=scope.group_codes)
    if scope.person:
        rows = rows.filter(drive__code=code_of(scope.person))
    deepest = rows.order_by().aggregate(deepest=Coalesce(Max("ancestors__len"), 0))["deepest"]
    for depth in range(1, deepest + 1):
        for page in walked(rows.filter(ancestors__len=depth).select_related("drive", "parent", "file__blob")):
            yield from _items(scope, page)


def _items(scope: Scope, page: list[Item]) -> Iterator[records.DriveItem]:
    versions = grouped(
        Version.objects.filter(item__in=page).select_related("blob").order_by("number"),
        lambda one: one.item_id,
    )
    shares = grouped(Share.objects.filter(item__in=page).order_by("id"), lambda one: one.item_id)
    for row in page:
        assert row.parent is not None  # noqa: S101 - roots are left out
        told = [_version(scope, one) for one in versions[row.pk]]
        if row.file is not None:
            blob = row.file.blob
            digest = scope.blob(blob)
            told.append(
                records.Version(sha256=digest.sha256, size=blob.size, by=row.changed_by_id, at=row.changed_at)
            )
        scope.name(row.created_by_id, *(one.by for one in told))
        yield records.DriveItem(
            id=row.pk, drive=row.drive.code, parent=row.parent_id if row.parent.parent_id else None,
            name=row.name, is_folder=row.is_folder, created_by=row.created_by_id, created_at=row.created_at,
            versions=told,
            shares=[records.Share(code=one.code, can_edit=one.can_edit) for one in shares[row.pk]],
        )  # fmt: skip


def _version(scope: Scope, one: Version) -> records.Version:
    digest = scope.blob(one.blob)
    return records.Version(sha256=digest.sha256, size=one.blob.size, by=one.by_id, at=one.made_at)
