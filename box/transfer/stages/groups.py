"""Workgroups and projects, with their members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, override

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, archive_group, change_group, create_group, follow, set_role
from box.core.groups.models import Group, Member
from box.lib.bbcode.reading import as_html
from box.lib.plain_text import text_of
from box.transfer.cloud import CAPITALS, Command, Outcome
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.models import Identity
from box.transfer.stages.base import Page, Stage, Work, clean, is_yes, line

Kind = Group.Kind
LONGEST_NAME, LONGEST_DESCRIPTION = 200, 5000
MEMBER = "group-member"
_OWNER, _MODERATOR = "A", "E"


class Groups(Stage):
    key = "groups"
    label = gettext_lazy("Groups")
    kind = "group"
    needs = ("people",)

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        for rows in work.cloud.walk("sonet_group.get", after=after, shape=CAPITALS, IS_ADMIN="Y"):
            yield Page(self._with_members(work, rows), {"after": int(rows[-1]["ID"])})

    def _with_members(self, work: Work, rows: Sequence[Row]) -> list[Row]:
        """Asked of each group in each pass, for who comes and goes changes nothing else of one. None where
        the portal does not say."""
        asked = [Command(self.id_of(row), "sonet_group.user.get", {"ID": self.id_of(row)}) for row in rows]
        found = work.cloud.each(asked)
        told: list[Row] = []
        for row in rows:
            outcome, members = found[self.id_of(row)], None
            if outcome.refused is None:
                members = sorted([str(one.get("USER_ID")), str(one.get("ROLE"))] for one in _several(outcome))
            else:
                said = _("Its members are not given by the portal: %(why)s") % {"why": outcome.refused}
                work.remark(self.kind, self.id_of(row), said)
            told.append({**row, "members": members})
        return told

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        owner = work.author(self.kind, theirs, row.get("OWNER_ID"))
        if owner.is_extranet or not owner.is_active:
            said = _("%(name)s, whose group it was, does not work here: it is now %(owner)s's.")
            work.remark(self.kind, theirs, said % {"name": owner.name, "owner": work.by.name})
            owner = work.by
        group = create_group(self._new(row), by=owner)
        parts = self._admit(work, row, group)
        work.took(self.kind, theirs, group.pk, digest=digest_of(row), parts=parts)
        if is_yes(row.get("CLOSED")):
            archive_group(group, by=owner)
        return group.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        group = Group.objects.filter(pk=ours).first()
        if group is None or group.is_archived:
            return
        if parts := self._admit(work, row, group):
            work.took_parts(parts)
        change_group(group, self._new(row), by=work.by)
        if is_yes(row.get("CLOSED")):
            archive_group(group, by=work.by)

    def _new(self, row: Row) -> NewGroup:
        name = line(row.get("NAME"), LONGEST_NAME) or _("Group %(id)s") % {"id": row["ID"]}
        description = text_of(as_html(clean(row.get("DESCRIPTION")))).strip()[:LONGEST_DESCRIPTION]
        return NewGroup(name, description, self._kind(row))

    def _kind(self, row: Row) -> str:
        if is_yes(row.get("IS_EXTRANET")):
            return Kind.EXTRANET
        if "VISIBLE" in row and not is_yes(row["VISIBLE"]):
            return Kind.SECRET
        return Kind.OPEN if is_yes(row.get("OPENED")) else Kind.CLOSED

    def _admit(self, work: Work, row: Row, group: Group) -> list[tuple[str, str, int]]:
        """Who comes to it, as parts of it. Whoever goes had come from there: whom people have taken in here
        is theirs to let go, and whom they have let go here stays out for as long as nothing changes there."""
        if row["members"] is None:
            return []
        theirs, roles = self.id_of(row), dict(row["members"])
        ours = work.all_ours("person", roles)
        people = User.objects.active().filter(pk__in=ours.values())
        if group.kind != Kind.EXTRANET:
            people = people.filter(is_extranet=False)
        welcome = set(people.values_list("pk", flat=True))
        there = dict(group.members.values_list("user", "role"))
        key = _member_key(theirs, "")
        came = work.migration.identities.filter(kind=MEMBER, theirs__startswith=key).values_list("ours", "pk")
        known = dict(came)
        joining = welcome - there.keys() - known.keys()
        gone = {pk: one for pk, one in known.items() if pk not in welcome}
        leading_here = [pk for pk in gone if there.get(pk, Member.Role.MEMBER) != Member.Role.MEMBER]
        follow(group, joining=sorted(joining), leaving=sorted(gone.keys() & there.keys()))
        Identity.objects.filter(pk__in=[one for pk, one in gone.items() if pk not in leading_here]).delete()
        for person in User.objects.filter(pk__in=leading_here):
            said = _("%(name)s is in it no more there, and leads it here: they stay.")
            work.remark(self.kind, theirs, said % {"name": person.name})
        leading = {ours[one] for one, role in roles.items() if one in ours and role == _MODERATOR}
        for member in group.members.filter(role=Member.Role.MEMBER, user__in=leading).select_related("user"):
            if not member.user.is_extranet:
                set_role(member, Member.Role.MODERATOR, by=work.by)
        return [(MEMBER, _member_key(theirs, one), pk) for one, pk in ours.items() if pk in joining]


def _several(told: Outcome) -> list[Row]:
    """Of a list, or an object of PHP's."""
    found = told.result.values() if isinstance(told.result, dict) else told.result
    return [one for one in found if isinstance(one, dict)] if found and not isinstance(found, str) else []


def _member_key(group: str, person: str) -> str:
    return f"{group}:{person}"
