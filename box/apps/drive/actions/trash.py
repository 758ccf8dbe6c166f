"""Throwing away, bringing back, and removing for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.drive.actions.locking import Gone, allowed, closed_in, lock_drives, locked_item
from box.apps.drive.actions.permissions import AT_ONCE, hide_files, propagate, show_files, tell_folders
from box.apps.drive.actions.tree import free_name, reparent, uppermost
from box.apps.drive.events import FolderChanged, ItemsPurged
from box.apps.drive.models import KEPT_IN_TRASH_DAYS, Drive, Item, Share
from box.core.events.outbox import emit
from box.core.files.actions import delete_files, rename_file

if TYPE_CHECKING:
    from box.core.accounts.models import User


@transaction.atomic
def throw_away(items: Sequence[Item], *, by: User) -> None:
    """Into the trash of their drive, each with all that is in it. Links to it lead nowhere meanwhile."""
    lock_drives(*(item.drive_id for item in items))
    for item in uppermost(items):
        _throw_away(locked_item(item, by=by), by)


def _throw_away(item: Item, by: User) -> None:
    if item.parent is None:
        raise ValidationError(_("A drive cannot be thrown away."), code="root")
    closed_in(item, by=by)
    # What was thrown away before stays as it was: it comes back by itself.
    taken = list(Item.objects.there().filter(Q(pk=item.pk) | Q(ancestors__contains=[item.pk])))
    Item.objects.filter(pk__in=[one.pk for one in taken]).update(
        trashed_at=timezone.now(), trashed_by=by, trash_root=item.pk
    )
    hide_files(taken, by)
    tell_folders(one.pk for one in taken if one.is_folder)
    emit(FolderChanged(folder_id=item.parent.pk, by_id=by.pk))


@transaction.atomic
def bring_back(item: Item, *, by: User) -> Item:
    """To where it was; where that is gone too, onto the drive itself. With a number if its name is taken."""
    item = _held_in_trash(item, by)
    parent = item.parent
    if parent is None or parent.trashed_at is not None:
        parent = Item.objects.get(drive=item.drive, parent=None)
    name = free_name(parent, item.name)
    taken = Item.objects.filter(trash_root=item.pk, trashed_at__isnull=False)
    ids = list(taken.values_list("pk", flat=True))
    if parent.pk != item.parent_id:
        reparent(item, parent)
    if name != item.name:
        item.name = name
        item.save(update_fields=["name"])
        if item.file:
            rename_file(item.file, name)
    Item.objects.filter(pk__in=ids).update(trashed_at=None, trashed_by=None, trash_root=None)
    back = Item.objects.get(pk=item.pk)
    propagate(back)
    there = list(Item.objects.filter(pk__in=ids))
    show_files(there)
    tell_folders(one.pk for one in there if one.is_folder)
    emit(FolderChanged(folder_id=parent.pk, by_id=by.pk))
    return back


def take_apart(item: Item) -> None:
    """What came along into the trash lies there by itself from now on, and comes back by itself."""
    inside = Q(pk=item.pk) | Q(ancestors__contains=[item.pk])
    if item.trash_root != item.pk:
        Item.objects.filter(inside, trash_root=item.trash_root).update(trash_root=item.pk)
        item.trash_root = item.pk


def _held_in_trash(item: Item, by: User) -> Item:
    lock_drives(item.drive_id)
    found = Item.objects.thrown_away().select_related("drive", "parent", "file").filter(pk=item.pk).first()
    if found is None:
        raise Gone
    return allowed(found, by=by)


@transaction.atomic
def purge(item: Item, *, by: User | None) -> None:
    """For good: what is in the trash, with all that came along. The bytes stay until each backup has them."""
    lock_drives(item.drive_id)
    found = Item.objects.thrown_away().select_related("drive").filter(pk=item.pk).first()
    if found is None:
        raise Gone
    if by is not None:
        allowed(found, by=by)
    # Also what was thrown away before out of a folder that goes now: it has nowhere to come back to.
    _remove(found.drive, Q(pk=found.pk) | Q(ancestors__contains=[found.pk]), found.name, by)


def _remove(drive: Drive, which: Q, name: str, by: User | None) -> None:
    items = list(drive.items.filter(which).values_list("pk", "file_id"))
    Item.objects.filter(pk__in=[pk for pk, _file in items]).delete()
    for files in batched((file_id for _pk, file_id in items if file_id), AT_ONCE, strict=False):
        delete_files(files)
    tell_folders(pk for pk, file_id in items if not file_id)
    emit(ItemsPurged(drive_id=drive.pk, name=name, count=len(items), by_id=by.pk if by else None))


def purge_old(now: datetime) -> int:
    """What has been in the trash for so long, and the drives of workgroups that have been gone for so long.
    Each in a transaction of its own; how many."""
    before = now - timedelta(days=KEPT_IN_TRASH_DAYS)
    count = 0
    for item in Item.objects.thrown_away().filter(trashed_at__lt=before).order_by("pk"):
        try:
            purge(item, by=None)
        except Gone:
            # It went with a folder around it.
            continue
        count += 1
    for drive in Drive.objects.filter(abandoned_at__lt=before):
        count += _purge_abandoned(drive, before)
    return count


@transaction.atomic
def _purge_abandoned(drive: Drive, before: datetime) -> bool:
    lock_drives(drive.pk)
    drive.refresh_from_db()
    if drive.abandoned_at is None or drive.abandoned_at >= before or drive.group is not None:
        return False
    _remove(drive, Q(), drive.code, None)
    drive.delete()
    return True


@transaction.atomic
def remove_drive(drive: Drive, *, by: User | None) -> None:
    """For good, with all that is on it: whose it was is forgotten."""
    lock_drives(drive.pk)
    _remove(drive, Q(), drive.code, by)
    drive.delete()


@transaction.atomic
def forget_reader(code: str, *, by: User) -> None:
    """Ends what is shared with somebody who is forgotten. What they alone could open goes, wherever it is."""
    shares = Share.objects.filter(code=code)
    lock_drives(*shares.values_list("item__drive_id", flat=True))
    for pk in list(shares.order_by("pk").values_list("pk", flat=True)):
        share = shares.select_related("item__drive", "item__parent").filter(pk=pk).first()
        if share is None:
            # It went with a folder around it.
            continue
        item = share.item
        if item.inherits or item.shares.exclude(pk=share.pk).exists():
            share.delete()
            propagate(item)
        elif not Item.objects.below(item).exclude(audience=[code]).exists():
            _remove(item.drive, Q(pk=item.pk) | Q(ancestors__contains=[item.pk]), item.name, by)


def abandon(code: str, now: datetime) -> None:
    """Its workgroup was deleted: it stays for a while, for administrators, and for its coming back."""
    Drive.objects.filter(code=code, abandoned_at=None).update(abandoned_at=now)
