"""The groups that a person owns pass on when they leave the company."""

from __future__ import annotations

from box.core.accounts.models import User
from box.core.groups.actions import hand_over
from box.core.groups.models import Group, GroupQuerySet, Member


def owned_by(person: User) -> GroupQuerySet:
    owned: GroupQuerySet = Group.objects.filter(members__user=person, members__role=Member.Role.OWNER)
    return owned.by_name()


def held(person: User) -> list[str]:
    return [group.name for group in owned_by(person)]


def pass_on(person: User, successor: User | None, by: User) -> None:
    """To the successor; without one to the first moderator who works here. Where there is none, the group
    waits for an administrator to hand it over."""
    for group in owned_by(person):
        moderators = group.members.filter(role=Member.Role.MODERATOR, user__is_extranet=False)
        moderator = moderators.filter(user__status=User.Status.ACTIVE).order_by("id").first()
        if heir := successor or (moderator.user if moderator else None):
            hand_over(group, heir, by=by)
