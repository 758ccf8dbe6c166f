"""Two accounts with drives become one: what the one kept becomes a folder on the drive of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.apps.drive.actions.holding import hold
from box.apps.drive.actions.settling import settle
from box.apps.drive.actions.tree import take_in
from box.apps.drive.erasing import kept_by
from box.apps.drive.models import Drive, Item, Share
from box.core.accounts.models import User
from box.core.registry.merging import Merger, mergers, run

if TYPE_CHECKING:
    from box.core.registry.merging import Pair


def declare() -> None:
    moves = Merger(_("Drive"), moves=lambda gone, kept: kept_by(gone), before=_hold, follow=_follow)
    mergers.add("drive", moves)


def _codes(pair: Pair) -> tuple[str, str]:
    return f"U{pair.gone}", f"U{pair.kept}"


def _hold(pair: Pair) -> None:
    """As whoever changes a drive does, and before the people's rows."""
    own = Drive.objects.filter(code__in=_codes(pair)).values_list("pk", flat=True)
    shared = Share.objects.filter(code__in=_codes(pair)).values_list("item__drive_id", flat=True)
    hold(*own, *shared)


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
        settle(root)
    elif root.children.exists():
        take_in(root, to, User.objects.get(pk=pair.gone).name)
    else:
        root.delete()
        drive.delete()
