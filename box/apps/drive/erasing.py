"""What people kept for themselves on drives, for when they are to be forgotten. What they put on the drives
of others stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.drive.actions.sharing import end_links_of
from box.apps.drive.actions.trash import forget_reader, remove_drive
from box.apps.drive.models import Drive, Item, OutsideLink
from box.core.access.principals import code_of
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def kept_by(person: User) -> list[str]:
    """What is on the person's own drive, also in its trash, and the links that they have made."""
    own = Item.objects.filter(drive__code=code_of(person)).exclude(parent=None)
    files, folders = own.filter(is_folder=False).count(), own.folders().count()
    links = OutsideLink.objects.open(timezone.now()).filter(created_by=person).count()
    said = [
        ngettext("%(num)s file on the drive", "%(num)s files on the drive", files) % {"num": files}
        if files
        else "",
        ngettext("%(num)s folder on the drive", "%(num)s folders on the drive", folders) % {"num": folders}
        if folders
        else "",
        ngettext("%(num)s link for outsiders", "%(num)s links for outsiders", links) % {"num": links}
        if links
        else "",
    ]
    return list(filter(None, said))


def forget(person: User, by: User) -> None:
    end_links_of(person)
    for drive in Drive.objects.filter(code=code_of(person)):
        remove_drive(drive, by=by)
    forget_reader(code_of(person), by=by)


ERASER = Eraser(_("Drive"), kept_by, forget)
