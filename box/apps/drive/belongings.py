"""Drives, when people are erased or two accounts become one: what the one kept becomes a folder on the drive
of the other. What they put on the drives of others stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.drive.actions.locking import lock_drives
from box.apps.drive.actions.permissions import propagate
from box.apps.drive.actions.sharing import end_links_of
from box.apps.drive.actions.trash import forget_reader, remove_drive
from box.apps.drive.actions.tree import absorb_drive
from box.apps.drive.models import Drive, Item, OutsideLink, Share
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.registry.belongings import DECIDED, MADE, Belongings, Belongs, Stays, run

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair


def _kept(person: User) -> list[str]:
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


def _forget(person: User, by: User) -> None:
    end_links_of(person)
    for drive in Drive.objects.filter(code=code_of(person)):
        remove_drive(drive, by=by)
    forget_reader(code_of(person), by=by)


def _codes(pair: Pair) -> tuple[str, str]:
    return f"U{pair.gone}", f"U{pair.kept}"


def _hold(pair: Pair) -> None:
    """As whoever changes a drive does, and before the people's rows."""
    own = Drive.objects.filter(code__in=_codes(pair)).values_list("pk", flat=True)
    shared = Share.objects.filter(code__in=_codes(pair)).values_list("item__drive_id", flat=True)
    lock_drives(*own, *shared)


def _follow(pair: Pair) -> None:
    _share_once(pair)
    run(
        "UPDATE drive_item SET editors = ARRAY(SELECT DISTINCT code"
        "   FROM unnest(array_replace(editors, %(gone_code)s, %(kept_code)s)) AS code ORDER BY code)"
        # Editors are readers, whether or not those have followed by now.
        " WHERE audience && ARRAY[%(gone_code)s, %(kept_code)s] AND %(gone_code)s = ANY (editors)",
        pair,
    )
    _one_drive(pair)


def _share_once(pair: Pair) -> None:
    """What is shared with both stays shared with the one, who may do what either might. What the one shared
    with the other is their own."""
    both = "gone.item_id = kept.item_id AND gone.code = %(gone_code)s AND kept.code = %(kept_code)s"
    run(
        "UPDATE drive_share AS kept SET can_edit = kept.can_edit OR gone.can_edit"  # noqa: S608 - our words
        f" FROM drive_share AS gone WHERE {both}",
        pair,
    )
    run(f"DELETE FROM drive_share AS gone USING drive_share AS kept WHERE {both}", pair)  # noqa: S608
    run("UPDATE drive_share SET code = %(kept_code)s WHERE code = %(gone_code)s", pair)
    run(
        "DELETE FROM drive_share AS share USING drive_item AS item, drive_drive AS drive"
        " WHERE share.code = %(kept_code)s AND item.id = share.item_id AND item.inherits"
        "   AND drive.id = item.drive_id AND drive.code IN (%(gone_code)s, %(kept_code)s)",
        pair,
    )


def _one_drive(pair: Pair) -> None:
    gones, kepts = _codes(pair)
    drive = Drive.objects.filter(code=gones).first()
    if drive is None:
        return
    root = Item.objects.select_related("drive").get(drive=drive, parent=None)
    to = Item.objects.select_related("drive").filter(parent=None, drive__code=kepts).first()
    if to is None:
        Drive.objects.filter(pk=drive.pk).update(code=kepts)
        root = Item.objects.select_related("drive").get(pk=root.pk)
        root.name = kepts
        root.save(update_fields=["name"])
        propagate(root)
    elif root.children.exists():
        absorb_drive(root, to, User.objects.get(pk=pair.gone).name)
    else:
        root.delete()
        drive.delete()


BELONGINGS = Belongings(
    _("Drive"),
    {
        "drive.Item.created_by": Belongs(Stays(MADE)),
        "drive.Item.changed_by": Belongs(Stays(MADE)),
        "drive.Item.trashed_by": Belongs(Stays(DECIDED)),
        "drive.Version.by": Belongs(Stays(MADE)),
        "drive.Share.by": Belongs(Stays(DECIDED)),
        "drive.OutsideLink.created_by": Belongs(Stays("ended, as the record of what was shown outside")),
    },
    found=_kept,
    erase=_forget,
    moves=lambda gone, kept: _kept(gone),
    before=_hold,
    follow=_follow,
)
