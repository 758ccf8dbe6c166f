"""Folders and files: making, filling, naming and moving them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.drive.access import can_edit
from box.apps.drive.actions.locking import closed_in, lock_drives, locked_folder, locked_item
from box.apps.drive.actions.permissions import of_drive, propagate, tell_folders
from box.apps.drive.actions.versions import replace
from box.apps.drive.events import FolderChanged
from box.apps.drive.models import DEEPEST, Drive, Item, Share
from box.core.access.principals import is_private
from box.core.events.outbox import emit
from box.core.files.actions import attach, change_audience, checked_name, rename_file
from box.core.files.models import File
from box.core.registry.origin import moment
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_AT_ONCE = 100


class NameTaken(ValidationError):
    def __init__(self, name: str) -> None:
        said = _("“%(name)s” is in this folder already: choose another name.") % {"name": name}
        super().__init__(said, code="taken")


@dataclass
class Added:
    """What came of files that were put into a folder: new items, and those that have a new version now."""

    new: list[Item] = field(default_factory=list)
    replaced: list[Item] = field(default_factory=list)


def root_of(code: str, *, by: User) -> Item:
    """The drive of this principal, as a folder. It is made when somebody first looks for it."""
    return next(iter(_ROOT.rows(code=code)), None) or _made(code, by)


# Every visit to a drive begins with it.
_ROOT = PreparedModels(
    lambda: Item.objects.filter(parent=None, drive__code=Param("code")).select_related("drive")
)


@transaction.atomic
def _made(code: str, by: User) -> Item:
    drive, _is_new = Drive.objects.get_or_create(code=code)
    lock_drives(drive.pk)
    # Somebody else may have looked at the same moment.
    found = drive.items.filter(parent=None).first()
    if found is None:
        reach = of_drive(drive)
        found = Item.objects.create(
            drive=drive, is_folder=True, name=code, created_by=by, changed_by=by,
            audience=reach.readers, editors=reach.editors, is_private=is_private(reach.readers),
        )  # fmt: skip
    found.drive = drive
    return found


@transaction.atomic
def make_folder(folder: Item, name: str, *, by: User) -> Item:
    folder = locked_folder(folder, by=by)
    name = checked_name(name).strip()
    _check_depth(folder)
    _check_free(folder, name)
    made = _new(folder, name, by, is_folder=True)
    tell_folders([made.pk])
    emit(FolderChanged(folder_id=folder.pk, by_id=by.pk))
    return made


@transaction.atomic
def add_files(folder: Item, file_ids: Sequence[int], *, by: User) -> Added:
    """Puts files that `by` has uploaded into the folder. One that is called as a file there becomes its new
    version; one that is called as a folder there, or as a file that is closed to `by`, gets a number. Raises
    NotYours as `files.actions.attach`."""
    folder = locked_folder(folder, by=by)
    ids = list(dict.fromkeys(file_ids))
    if not 0 < len(ids) <= MOST_AT_ONCE:
        said = _("Put between 1 and %(most)s files into a folder at once.") % {"most": MOST_AT_ONCE}
        raise ValidationError(said, code="number")
    added = Added()
    for file_id in ids:
        _add(folder, file_id, added, by)
    emit(FolderChanged(folder_id=folder.pk, by_id=by.pk))
    return added


def _add(folder: Item, file_id: int, added: Added, by: User) -> None:
    given = File.objects.owned_by(by).filter(pk=file_id).first()
    there = (
        given and Item.objects.in_folder(folder).called(given.name).select_related("file", "drive").first()
    )
    if there and not there.is_folder and can_edit(by, there):
        replace(there, file_id, by=by)
        added.replaced.append(there)
        return
    (file,) = attach([file_id], audience=folder.audience, by=by)
    if there:
        rename_file(file, free_name(folder, file.name))
    change_audience([file.pk], audience=folder.audience)
    added.new.append(_new(folder, file.name, by, file=file))


def _new(folder: Item, name: str, by: User, **values: object) -> Item:
    return Item.objects.create(
        drive=folder.drive, parent=folder, ancestors=folder.path, name=name, created_by=by, changed_by=by,
        audience=folder.audience, editors=folder.editors, is_private=folder.is_private,
        created_at=moment(), changed_at=moment(), **values,
    )  # fmt: skip


@transaction.atomic
def rename_item(item: Item, name: str, *, by: User) -> None:
    item = locked_item(item, by=by)
    if item.parent is None:
        raise ValidationError(_("A drive is called after whose it is."), code="root")
    name = checked_name(name).strip()
    if name == item.name:
        return
    _check_free(item.parent, name, besides=item)
    item.name, item.changed_by, item.changed_at = name, by, timezone.now()
    item.save(update_fields=["name", "changed_by", "changed_at"])
    if item.file:
        rename_file(item.file, name)
    else:
        tell_folders([item.pk])
    emit(FolderChanged(folder_id=item.parent.pk, by_id=by.pk))


@transaction.atomic
def move_items(items: Sequence[Item], to: Item, *, by: User) -> None:
    """Into another folder, of the same drive or of another that `by` may change. All of them, or none."""
    lock_drives(to.drive_id, *(item.drive_id for item in items))
    to = locked_folder(to, by=by)
    for item in uppermost(items):
        _move(locked_item(item, by=by), to, by)
    emit(FolderChanged(folder_id=to.pk, by_id=by.pk))


def _move(item: Item, to: Item, by: User) -> None:
    if item.parent is None:
        raise ValidationError(_("A drive stays where it is."), code="root")
    if item.parent_id == to.pk:
        return
    if item.pk in to.path:
        said = _("“%(name)s” cannot be moved into itself.") % {"name": item.name}
        raise ValidationError(said, code="into-itself")
    _check_depth(to, _height(item))
    _check_free(to, item.name)
    was_in = item.parent
    closed = closed_in(item, by=by) if to.drive.is_personal and to.drive_id != item.drive_id else []
    reparent(item, to)
    item.changed_by, item.changed_at = by, timezone.now()
    item.save(update_fields=["changed_by", "changed_at"])
    _open_to_owner(closed, to.drive, by)
    propagate(item)
    emit(FolderChanged(folder_id=was_in.pk, by_id=by.pk))


def _open_to_owner(closed: Sequence[Item], drive: Drive, by: User) -> None:
    """On somebody's own drive nothing is closed to them."""
    shares = [Share(item=one, code=drive.code, can_edit=True, by=by) for one in closed]
    Share.objects.bulk_create(
        shares, update_conflicts=True, unique_fields=["item", "code"], update_fields=["can_edit"]
    )


def uppermost(items: Sequence[Item]) -> list[Item]:
    """Without those that are in another one of them: they go along, and stay in it."""
    ids = {item.pk for item in items}
    return [item for item in items if ids.isdisjoint(item.ancestors)]


def absorb_drive(root: Item, to: Item, name: str) -> None:
    """Makes a whole drive a folder of another one, within a transaction that holds both."""
    was = root.drive
    root.parent, root.name = to, free_name(to, name)
    root.save(update_fields=["parent", "name"])
    reparent(root, to)
    was.delete()
    propagate(root)
    tell_folders([root.pk])


def reparent(item: Item, to: Item) -> None:
    """Into that folder, with all that is below it. Who may open it is not settled yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE drive_item SET drive_id = %s, ancestors = %s::bigint[] || ancestors[%s:]"
            " WHERE id = %s OR ancestors @> ARRAY[%s]::bigint[]",
            [to.drive_id, to.path, len(item.ancestors) + 1, item.pk, item.pk],
        )
    item.parent, item.drive, item.ancestors = to, to.drive, to.path
    item.save(update_fields=["parent"])


def free_name(folder: Item, name: str) -> str:
    """The name, with a number before its ending where it is taken."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    number, found = 1, name
    while Item.objects.in_folder(folder).called(found).exists():
        number += 1
        mark = f" ({number})"
        found = f"{stem[: 255 - len(mark) - len(dot + ending)]}{mark}{dot}{ending}"
    return found


def _height(item: Item) -> int:
    """How many levels there are below it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(cardinality(ancestors)), 0) FROM drive_item"
            " WHERE ancestors @> ARRAY[%s]::bigint[]",
            [item.pk],
        )
        deepest: int = cursor.fetchone()[0]
    return max(0, deepest - len(item.ancestors))


def _check_depth(folder: Item, height: int = 0) -> None:
    if len(folder.path) + height > DEEPEST:
        said = _("Folders go at most %(most)s deep: choose another place.") % {"most": DEEPEST}
        raise ValidationError(said, code="depth")


def _check_free(folder: Item, name: str, besides: Item | None = None) -> None:
    taken = Item.objects.in_folder(folder).called(name)
    if besides is not None:
        taken = taken.exclude(pk=besides.pk)
    if taken.exists():
        raise NameTaken(name)
