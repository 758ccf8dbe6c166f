"""Folders and files of drives as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.drive.access import can_edit
from box.apps.drive.actions.locking import lock_drives
from box.apps.drive.actions.permissions import propagate, show_files, tell_folders
from box.apps.drive.actions.trash import bring_back, take_apart
from box.apps.drive.actions.tree import free_name, rename_item, root_of
from box.apps.drive.actions.versions import take_again
from box.apps.drive.events import FolderChanged
from box.apps.drive.models import KIND, Drive, Item, Share, Version
from box.apps.drive.presenters import name_of
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.export import pack_files, parts
from box.core.files.models import Blob, File
from box.core.registry.capabilities import Keepsake, Kept, Rows, keepsakes
from box.core.registry.rows import packed, put_in, stands, values_of

type Values = Mapping[str, Any]


def declare() -> None:
    label = gettext_lazy("Folders and files of drives")
    keepsakes.add(KIND, Keepsake(label, 25, find, pack, is_there, is_same, put_back, find_own))
    parts.add(Item._meta.label_lower, put_back)


def find(text: str, reader: User) -> Iterator[Kept]:
    """What is private is for whose drive it is on; on a drive of many, for who made it."""
    elsewhere = Q(created_by=reader) & ~Q(drive__code__regex=r"^U[0-9]")
    own = Q(drive__code=code_of(reader)) | elsewhere
    return _kept(Q(is_private=False) | own, text, reader)


def find_own(text: str, reader: User) -> Iterator[Kept]:
    """What is on their own drive, and their files on others': a folder there holds what others made."""
    return _kept(Q(drive__code=code_of(reader)) | Q(created_by=reader, is_folder=False), text, reader)


def _kept(which: Q, text: str, reader: User) -> Iterator[Kept]:
    found = Item.objects.visible_to(reader).there().exclude(parent=None).filter(which)
    for item in found.filter(name__icontains=text).select_related("drive", "parent").order_by("-pk"):
        at = item.parent if item.parent is not None and not item.parent.is_root else None
        yield Kept(item.pk, item.name, at.name if at else name_of(item.drive, reader), item.changed_at)


def pack(pk: int) -> Rows:
    """It with all that is in it: files with their bytes and versions, and whom each is shared with."""
    item = Item.objects.select_related("drive").get(pk=pk)
    below = Item.objects.below(item).there().order_by("pk")
    items = [item, *sorted(below, key=lambda one: len(one.ancestors))]
    ids = [one.pk for one in items]
    files = File.objects.filter(on_drive__in=ids).select_related("blob__preview", "blob__thumbnail")
    versions = list(Version.objects.filter(item__in=ids).order_by("pk").select_related("blob"))
    return [
        *packed(item.drive),
        *pack_files(list(files.order_by("pk"))),
        *packed(*{version.blob_id: version.blob for version in versions}.values()),
        *packed(*items, *versions, *Share.objects.filter(item__in=ids).order_by("pk")),
    ]


def is_there(rows: Rows) -> bool:
    return stands(rows, Item.objects.there())


def is_same(rows: Rows) -> bool:
    """Called as it was, and with the bytes that it had; a folder, with all that was in it, wherever that is
    by now."""
    top, blobs = values_of(rows, Item), _blobs_of(rows)
    ids = [values["id"] for values in _all_of(rows, Item)]
    found = {one.pk: one for one in Item.objects.there().filter(pk__in=ids).select_related("file")}
    if len(found) < len(ids) or found[top["id"]].name != top["name"]:
        return False
    return all(one.file is None or one.file.blob_id == blobs.get(one.file.pk) for one in found.values())


@transaction.atomic
def put_back(rows: Rows, by: User) -> str:
    """Where it was; where that is gone, onto the drive itself. What was in it and is still there, wherever
    that is by now, stays there. Raises ValidationError where this person may change nothing."""
    put_in([row for row in rows if row["model"] in _BYTES])
    top, *inner = _all_of(rows, Item)
    item, made = _top(rows, top, by), []
    if item is None:
        item = _made(top, _place_of(rows, top, by), by)
        made.append(item)
    for values in inner:
        one = Item.objects.filter(pk=values["id"]).select_related("drive", "parent").first()
        if one is None:
            made.append(_made(values, _around(values, item, by), by))
        elif one.trashed_at and can_edit(by, one):
            _out_of_the_trash(one, by)
    _bytes_again(rows, by)
    _propagate(rows, made)
    emit(FolderChanged(folder_id=item.parent_id or item.pk, by_id=by.pk))
    return item.get_absolute_url()


def _top(rows: Rows, values: Values, by: User) -> Item | None:
    """What the rows are about, if it is still somewhere, there again and called as it was."""
    item = Item.objects.filter(pk=values["id"]).select_related("drive", "parent", "file").first()
    if item is None:
        return None
    lock_drives(item.drive_id)
    _check(item, by)
    if item.trashed_at:
        item = _out_of_the_trash(item, by)
    if item.name != values["name"] and item.parent is not None:
        rename_item(item, free_name(item.parent, values["name"]), by=by)
    return item


def _out_of_the_trash(item: Item, by: User) -> Item:
    take_apart(item)
    back = bring_back(item, by=by)
    return Item.objects.select_related("drive", "parent", "file").get(pk=back.pk)


def _place_of(rows: Rows, values: Values, by: User) -> Item:
    place = Item.objects.there().folders().filter(pk=values["parent_id"]).select_related("drive").first()
    if place is None:
        codes = [drive["code"] for drive in _all_of(rows, Drive)]
        codes += Drive.objects.filter(pk=values["drive_id"]).values_list("code", flat=True)
        if not codes:
            raise ValidationError(_("The drive on which this was is gone."))
        place = root_of(codes[0], by=by)
    lock_drives(place.drive_id)
    return _check(place, by)


def _around(values: Values, top: Item, by: User) -> Item:
    """The folder in which it was, if that is still one that this person changes."""
    there = Item.objects.there().folders().select_related("drive")
    found = there.filter(pk=values["parent_id"]).first()
    return found if found is not None and can_edit(by, found) else top


def _check(item: Item, by: User) -> Item:
    if not can_edit(by, item):
        said = _("You may not change the place where this was: ask somebody who may to put it back.")
        raise ValidationError(said)
    return item


def _made(values: Values, place: Item, by: User) -> Item:
    """Under the key that it had."""
    at = {"parent_id": place.pk, "drive_id": place.drive_id, "ancestors": place.path}
    seen = {"audience": place.audience, "editors": place.editors, "is_private": place.is_private}
    name = {"name": free_name(place, values["name"])}
    put_in([{"model": Item._meta.label_lower, "values": {**values, **at, **seen, **name}}])
    item = Item.objects.select_related("drive", "parent", "file").filter(pk=values["id"]).first()
    if item is None:
        raise ValidationError(_("A part of this is gone for good, and it cannot be put back without it."))
    if item.file is not None and item.file.name != item.name:
        File.objects.filter(pk=item.file.pk).update(name=item.name)
    return item


def _bytes_again(rows: Rows, by: User) -> None:
    """Of files that are still there: what they are now stays as a version."""
    blobs = _blobs_of(rows)
    items = Item.objects.there().filter(file__in=list(blobs)).select_related("drive", "file__blob")
    for item in items.order_by("pk"):
        if item.file and item.file.blob_id != blobs[item.file.pk] and can_edit(by, item):
            take_again(item, Blob.objects.get(pk=blobs[item.file.pk]), by=by)


def _propagate(rows: Rows, made: list[Item]) -> None:
    ids = {item.pk for item in made}
    hung = (Version._meta.label_lower, Share._meta.label_lower)
    put_in([row for row in rows if row["model"] in hung and row["values"]["item_id"] in ids])
    for item in made:
        if item.parent_id not in ids:
            propagate(Item.objects.select_related("drive", "parent").get(pk=item.pk))
    show_files(Item.objects.filter(pk__in=ids))
    tell_folders(item.pk for item in made if item.is_folder)


_BYTES = (Blob._meta.label_lower, File._meta.label_lower)


def _all_of(rows: Rows, model: type[models.Model]) -> list[Values]:
    return [row["values"] for row in rows if row["model"] == model._meta.label_lower]


def _blobs_of(rows: Rows) -> dict[int, int]:
    """Of each file."""
    return {values["id"]: values["blob_id"] for values in _all_of(rows, File)}
