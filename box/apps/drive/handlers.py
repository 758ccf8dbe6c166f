"""What drives do when something happens."""

from __future__ import annotations

from django.utils import timezone

from box.apps.drive.actions.sharing import end_links_of
from box.apps.drive.actions.trash import abandon
from box.apps.drive.events import FolderChanged, ItemShared
from box.apps.drive.models import Drive, Item
from box.apps.drive.notices import SHARED
from box.core.access.principals import code_of, is_person
from box.core.accounts.events import UserStatusChanged
from box.core.accounts.models import User
from box.core.events.outbox import on
from box.core.groups.events import GroupChanged, GroupDeleted
from box.core.notify.actions import notify
from box.core.push.actions import send


@on(FolderChanged, hears_imports=False)
def tell_who_looks_at_it(event: FolderChanged) -> None:
    """That it has changed, not what: that is for the page to ask."""
    folder = Item.objects.there().filter(pk=event.folder_id).first()
    if folder is not None:
        send("drive", "folder", audience=folder.audience, payload={"folder": folder.pk, "by": event.by_id})


@on(ItemShared, hears_imports=False)
def tell_with_whom_it_is_shared(event: ItemShared) -> None:
    """People by name; a department finds it among what is shared with it."""
    item = Item.objects.there().filter(pk=event.item_id).first()
    sharer = User.objects.filter(pk=event.by_id).first()
    if item is None or sharer is None:
        return
    named = [int(code[1:]) for code in event.codes if is_person(code)]
    # Somebody may have taken it back by now.
    still = set(item.audience)
    for person in User.objects.active().filter(pk__in=named).exclude(pk=event.by_id):
        if code_of(person) not in still:
            continue
        key = f"drive.shared:{item.pk}:{person.pk}:{event.by_id}"
        notify(person, SHARED, about=item.ref, key=key, actor=sharer)


@on(UserStatusChanged)
def end_links_of_who_has_left(event: UserStatusChanged) -> None:
    # Whatever they are by now: who is back within the minute makes new links.
    person = User.objects.filter(pk=event.user_id).first()
    if person is not None and event.status == User.Status.DISMISSED:
        end_links_of(person)


@on(GroupDeleted)
def abandon_drive(event: GroupDeleted) -> None:
    abandon(f"G{event.group_id}", timezone.now())


@on(GroupChanged)
def take_up_drive_again(event: GroupChanged) -> None:
    """A group that was put back has its drive."""
    Drive.objects.filter(code=f"G{event.group_id}").update(abandoned_at=None)
