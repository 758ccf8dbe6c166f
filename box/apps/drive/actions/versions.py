"""What a file was before, and is again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.drive.actions.locking import locked_item
from box.apps.drive.events import FolderChanged
from box.apps.drive.models import Version
from box.core.events.outbox import emit
from box.core.files.actions import take_content
from box.core.registry.origin import moment

if TYPE_CHECKING:
    from box.apps.drive.models import Item
    from box.core.accounts.models import User
    from box.core.files.models import Blob, File


@transaction.atomic
def new_version(item: Item, file_id: int, *, by: User) -> None:
    """Gives a file the bytes of one that `by` has uploaded. What it was stays as a version."""
    item = locked_item(item, by=by)
    replace(item, file_id, by=by)
    emit(FolderChanged(folder_id=item.ancestors[-1], by_id=by.pk))


@transaction.atomic
def bring_back_version(version: Version, *, by: User) -> None:
    """The file is as it was then; what it is now stays as a version."""
    item = locked_item(version.item, by=by)
    take_again(item, version.blob, by=by)
    emit(FolderChanged(folder_id=item.ancestors[-1], by_id=by.pk))


def take_again(item: Item, blob: Blob, *, by: User) -> None:
    """Within a transaction that holds the drive."""
    file = _file_of(item)
    was, file.blob = file.blob, blob
    file.save(update_fields=["blob"])
    _keep(item, was, by=by)


def replace(item: Item, file_id: int, *, by: User) -> None:
    """Within a transaction that holds the drive."""
    _keep(item, take_content(_file_of(item), file_id, by=by), by=by)


def _keep(item: Item, was: Blob, *, by: User) -> None:
    Version.objects.create(
        item=item, number=item.version, blob=was, by=item.changed_by, made_at=item.changed_at
    )
    item.version += 1
    item.changed_by, item.changed_at = by, moment()
    item.save(update_fields=["version", "changed_by", "changed_at"])


def _file_of(item: Item) -> File:
    if item.file is None:
        raise ValidationError(_("A folder has no versions."), code="folder")
    return item.file
