"""Groups are found by whoever may know of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from box.core.groups.events import (
    GroupChanged,
    GroupCreated,
    GroupDeleted,
    MemberJoined,
    MemberLeft,
    PersonInvited,
)
from box.core.groups.models import Group
from box.core.registry.capabilities import Findable, Searchable, Touched


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    for group in Group.objects.filter(pk__in=ids):
        yield Findable(
            id=group.pk,
            title=group.name,
            body=group.description,
            url=group.get_absolute_url(),
            audience=group.audience,
            at=group.created_at,
        )


def _touched(event: Any) -> Touched:
    return Touched([event.group_id])


EVENTS = (GroupCreated, GroupChanged, GroupDeleted, MemberJoined, MemberLeft, PersonInvited)
GROUPS = Searchable(
    label=_("Groups"),
    icon="users-group",
    order=30,
    read=_read,
    rows=Group.objects.all,
    touched_by=dict.fromkeys(EVENTS, _touched),
)
