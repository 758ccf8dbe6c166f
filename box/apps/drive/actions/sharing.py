"""Who may open an item beside those who do by where it is, and links for outsiders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.drive.access import can_share, can_show_outside
from box.apps.drive.actions.locking import Gone, lock_drives
from box.apps.drive.actions.permissions import propagate
from box.apps.drive.events import FolderChanged, ItemShared, LinkEnded, LinkMade
from box.apps.drive.models import Item, OutsideLink, Share
from box.core.access.principals import code_of
from box.core.events.outbox import emit
from box.core.structure.names import unaddressable

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_SHARES = 100
LONGEST_PASSWORD = 128


@transaction.atomic
def share_item(item: Item, codes: Iterable[str], *, can_edit: bool, by: User) -> None:
    """Lets these principals open the item and all that is in it; who could already gets this level."""
    item = _shareable(item, by)
    codes = set(codes)
    if not codes:
        raise ValidationError(_("Choose whom to share it with."), code="nobody")
    if unaddressable(by, codes):
        raise ValidationError(
            _("One of those whom you have chosen is not there: choose again."), code="unknown"
        )
    known = set(item.shares.values_list("code", flat=True))
    if len(known | codes) > MOST_SHARES:
        said = _("Share it with at most %(most)s people and departments.") % {"most": MOST_SHARES}
        raise ValidationError(said, code="number")
    Share.objects.bulk_create(
        [Share(item=item, code=code, can_edit=can_edit, by=by) for code in sorted(codes)],
        update_conflicts=True,
        unique_fields=["item", "code"],
        update_fields=["can_edit"],
    )
    propagate(item)
    if new := codes - known - {code_of(by)}:
        emit(ItemShared(item_id=item.pk, codes=tuple(sorted(new)), by_id=by.pk))
    _tell(item, by)


@transaction.atomic
def end_share(share: Share, *, by: User) -> None:
    item = _shareable(share.item, by)
    if not item.inherits and not _left_besides(share, item):
        said = _("Nobody could open it any more: share it with somebody else first.")
        raise ValidationError(said, code="nobody")
    item.shares.filter(pk=share.pk).delete()
    propagate(item)
    _tell(item, by)


def _left_besides(share: Share, item: Item) -> bool:
    """Whether whose drive it is still has what is closed to the others; elsewhere, whether anybody does."""
    left = item.shares.exclude(pk=share.pk).values_list("code", flat=True)
    return item.drive.code in left if item.drive.is_personal else bool(left)


@transaction.atomic
def set_inheritance(item: Item, inherits: bool, *, by: User) -> None:
    """Whether who sees the folder around it sees it. Whoever takes that away keeps it themselves."""
    item = _shareable(item, by)
    if item.inherits == inherits:
        return
    item.inherits = inherits
    item.save(update_fields=["inherits"])
    if not inherits:
        own = {"can_edit": True, "by": by}
        Share.objects.update_or_create(item=item, code=code_of(by), defaults=own)
    propagate(item)
    _tell(item, by)


def _shareable(item: Item, by: User) -> Item:
    lock_drives(item.drive_id)
    found = Item.objects.there().select_related("drive", "parent").filter(pk=item.pk).first()
    if found is None:
        raise Gone
    if not can_share(by, found):
        raise PermissionDenied(_("Who may open this is not yours to say."))
    return found


@transaction.atomic
def make_link(item: Item, *, password: str, expires_at: datetime | None, by: User) -> OutsideLink:
    """A way in for whoever holds its address, and knows the password if there is one."""
    item = _shareable(item, by)
    if not can_show_outside(by, item):
        raise PermissionDenied(_("Ask an administrator for the right to make links for outsiders."))
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError(_("The link would be over at once: choose a later day."), code="expired")
    if len(password) > LONGEST_PASSWORD:
        said = _("A password of a link has at most %(most)s characters.") % {"most": LONGEST_PASSWORD}
        raise ValidationError(said, code="password")
    link = OutsideLink.objects.create(
        item=item,
        created_by=by,
        password=make_password(password) if password else "",
        expires_at=expires_at,
    )
    emit(LinkMade(link_id=link.pk, item_id=item.pk, name=item.name, by_id=by.pk))
    return link


@transaction.atomic
def end_link(link: OutsideLink, *, by: User) -> None:
    if link.created_by_id != by.pk and not can_share(by, link.item):
        raise PermissionDenied(_("This link is not yours to end."))
    _end([link], by_id=by.pk)


def end_links_of(person: User) -> int:
    """Of somebody who has left: they lead nowhere at once, and not again if the person returns."""
    with transaction.atomic():
        return _end(OutsideLink.objects.filter(created_by=person).select_related("item"), by_id=None)


def _end(links: Iterable[OutsideLink], *, by_id: int | None) -> int:
    count, now = 0, timezone.now()
    for link in links:
        if OutsideLink.objects.filter(pk=link.pk, ended_at=None).update(ended_at=now):
            name = link.item.name
            emit(LinkEnded(link_id=link.pk, item_id=link.item_id, name=name, by_id=by_id))
            count += 1
    return count


def note_fetched(link: OutsideLink) -> None:
    OutsideLink.objects.filter(pk=link.pk).update(
        fetched_count=F("fetched_count") + 1, fetched_at=timezone.now()
    )


def _tell(item: Item, by: User) -> None:
    if item.parent_id:
        emit(FolderChanged(folder_id=item.parent_id, by_id=by.pk))
