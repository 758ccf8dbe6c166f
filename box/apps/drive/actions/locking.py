"""Holding a drive still, and finding what is to be changed as it is by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from box.apps.drive.access import can_edit
from box.apps.drive.models import Drive, Item
from box.core.registry.origin import is_importing

if TYPE_CHECKING:
    from box.core.accounts.models import User


class Gone(ValidationError):
    """Somebody else was faster."""

    def __init__(self) -> None:
        super().__init__(_("This is not there any more: reload the page."), code="gone")


def lock_drives(*drive_ids: int) -> None:
    """Within a transaction: nobody else changes these drives until it ends. Always in the order of ids."""
    list(Drive.objects.select_for_update().filter(pk__in=drive_ids).order_by("pk").values_list("pk"))


def locked_item(item: Item, *, by: User) -> Item:
    """The item as it is now, its drive held. Raises Gone, and PermissionDenied to who may not change it."""
    lock_drives(item.drive_id)
    found = Item.objects.there().select_related("drive", "parent", "file").filter(pk=item.pk).first()
    if found is None or found.drive_id != item.drive_id:
        raise Gone
    return allowed(found, by=by)


def locked_folder(item: Item, *, by: User) -> Item:
    found = locked_item(item, by=by)
    if not found.is_folder:
        raise ValidationError(_("This is a file: choose a folder."), code="folder")
    return found


def allowed(item: Item, *, by: User) -> Item:
    if not is_importing() and not can_edit(by, item):
        raise PermissionDenied(_("You may look at this, but not change it."))
    return item


def closed_in(item: Item, *, by: User) -> list[Item]:
    """What does not inherit, in it or itself. Nobody takes home, or throws away, what is closed to them."""
    inside = Q(pk=item.pk) | Q(ancestors__contains=[item.pk])
    closed = list(Item.objects.filter(inside, inherits=False).select_related("drive"))
    if not all(can_edit(by, one) for one in closed):
        said = _("“%(name)s” holds what is closed to you: ask whoever has closed it.") % {"name": item.name}
        raise ValidationError(said, code="closed")
    return closed
