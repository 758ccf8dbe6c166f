"""What a person is in a group, and what they may do there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from box.core.access.principals import Held, Provider
from box.core.access.rights import has_right
from box.core.accounts.models import User
from box.core.groups.models import Admission, Group, Member
from box.lib.prepared import Asked, Rows, asked

CREATE = "groups.create"
INVITE_GUESTS = "groups.invite_guests"

Role = Member.Role


def _query(user: User) -> Asked:
    return asked(Member.objects.current().filter(user=user).values_list("group", "role", "expires_at"))


def _held(rows: Rows) -> Iterator[Held]:
    for group_id, role, expires_at in rows:
        # Those of employees hold as long as nobody ends them.
        until = datetime.fromisoformat(expires_at) if expires_at else None
        yield Held(f"G{group_id}", until)
        if role != Role.MEMBER:
            yield Held(f"GM{group_id}", until)


GROUP_CODES = Provider(_query, _held)
"""`G` of each group that the person is in, and `GM` of those that they lead."""


def members_of_groups(codes: Collection[str]) -> Q:
    """See `box.core.access.principals.members`."""
    current = Member.objects.current()
    members = current.filter(group__in=_ids(codes, "G")).values("user")
    leaders = current.filter(group__in=_ids(codes, "GM")).exclude(role=Role.MEMBER).values("user")
    return Q(pk__in=members) | Q(pk__in=leaders)


def _ids(codes: Collection[str], kind: str) -> set[int]:
    found = (re.fullmatch(rf"{kind}(\d{{1,18}})", code) for code in codes)
    return {int(match[1]) for match in found if match}


def can_create(user: User) -> bool:
    return not user.is_extranet and has_right(user, CREATE)


@dataclass(frozen=True)
class Standing:
    """What a person is in a group, and what follows from it. Administrators may what moderators may."""

    user: User
    group: Group
    role: str | None
    admission: str | None

    @classmethod
    def of(cls, user: User, group: Group) -> Standing:
        """Asks nothing where the group was read `with_standing_of` the person."""
        if not hasattr(group, "my_role"):
            group = Group.objects.with_standing_of(user).get(pk=group.pk)
        return cls(user, group, group.my_role, group.my_admission)  # type: ignore[attr-defined]

    @property
    def is_member(self) -> bool:
        return self.role is not None

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    @property
    def is_invited(self) -> bool:
        return self.admission == Admission.Way.INVITED

    @property
    def has_asked(self) -> bool:
        return self.admission == Admission.Way.ASKED

    @property
    def can_read(self) -> bool:
        """What is written and who is in it."""
        return self.is_member or self.user.is_administrator

    @property
    def can_write(self) -> bool:
        return self.is_member and not self.group.is_archived

    @property
    def can_join(self) -> bool:
        """At once, without asking."""
        return self._may_come and (self.is_invited or self.group.kind == Group.Kind.OPEN)

    @property
    def can_ask(self) -> bool:
        """Whoever knows of a group may ask; of a secret one only those know who were invited."""
        return self._may_come and not self.can_join and not self.has_asked

    @property
    def can_leave(self) -> bool:
        is_theirs = not self.is_followed or self.role == Role.MODERATOR or self.user.is_extranet
        return self.is_member and not self.is_owner and is_theirs

    @property
    def is_followed(self) -> bool:
        """Whether an outside source says which employees are in the group."""
        return bool(self.group.source)

    @property
    def can_see_people(self) -> bool:
        return self.can_read or (not self.user.is_extranet and self.group.kind == Group.Kind.OPEN)

    @property
    def leads(self) -> bool:
        """Whether the person decides who is in the group."""
        return self.role in (Role.OWNER, Role.MODERATOR) or self.user.is_administrator

    @property
    def can_manage(self) -> bool:
        """Invite, accept and take out people, change the settings."""
        return self.leads and not self.group.is_archived

    @property
    def can_invite(self) -> bool:
        return self.can_manage and not self.is_followed

    @property
    def can_invite_guests(self) -> bool:
        is_for_guests = self.group.kind == Group.Kind.EXTRANET
        return self.can_manage and is_for_guests and has_right(self.user, INVITE_GUESTS)

    @property
    def owns(self) -> bool:
        """Whether the person may archive, hand over and delete the group."""
        return self.is_owner or self.user.is_administrator

    def can_change(self, member: Member) -> bool:
        """Whether the person may take the member out and give them another role."""
        if member.role == Role.OWNER or member.user_id == self.user.pk or not self.can_manage:
            return False
        return member.role == Role.MEMBER or self.owns

    def can_take_out(self, member: Member) -> bool:
        return self.can_change(member) and not is_kept(self.group, member)

    @property
    def _may_come(self) -> bool:
        return (
            not self.is_member
            and not self.group.is_archived
            and not (self.is_followed and not self.user.is_extranet)
            and not (self.user.is_extranet and self.group.kind != Group.Kind.EXTRANET)
        )


def is_kept(group: Group, member: Member) -> bool:
    """Whether an outside source says that they are in the group: it does of plain members who work here."""
    return bool(group.source) and member.role == Role.MEMBER and not member.user.is_extranet
