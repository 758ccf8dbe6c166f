"""Groups of the directory as workgroups and roles: who is in them here follows who is in them there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from box.bridges.directory import distinguished_names
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Change, Connection, Link, Run
from box.bridges.directory.reader import GroupEntry, Reader, expanded
from box.core.access.actions import grant_role, withdraw_role
from box.core.access.models import Role
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group, follow
from box.core.groups.models import Group

if TYPE_CHECKING:
    from box.bridges.directory.apply import Performer
    from box.bridges.directory.snapshot import Seen

WORKGROUP, ROLE = "workgroup", "role"
# So many names are resolved in a question to the database.
RESOLVED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class GroupStep:
    """A group, whom it gains and whom it loses, by stable ids."""

    stable_id: str
    dn: str
    name: str
    description: str
    target: str
    target_id: int | None
    is_new: bool
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    # How many are in it before that.
    count: int = 0
    is_gone: bool = False
    # It was gone, and is there again.
    is_back: bool = False

    def changes(
        self, run: Run, outcome: str, *, reason: str = "", object_id: int | None = None
    ) -> Iterator[Change]:
        kind = Link.Kind.ROLE if self.target == ROLE else Link.Kind.GROUP
        known = {
            "run": run, "kind": kind, "stable_id": self.stable_id, "dn": self.dn, "name": self.name[:300],
            "outcome": outcome, "reason": reason, "object_id": object_id or self.target_id,
        }  # fmt: skip
        if self.is_gone:
            left = _(
                "The directory shows it no more: who is in it stays, and the portal decides from now on."
            )
            yield Change(action=Change.Action.REPORT, **(known | {"reason": reason or left}))
        if self.is_new:
            yield Change(action=Change.Action.CREATE, **known)
        for action, people in ((Change.Action.JOIN, self.joining), (Change.Action.LEAVE, self.leaving)):
            if people:
                yield Change(action=action, field="members", new=str(len(people)), **known)


def plan_groups(connection: Connection, reader: Reader, table: Seen) -> list[GroupStep]:
    mapping = connection.mapping
    if not mapping.groups and not mapping.all_groups:
        return []
    found = {
        distinguished_names.key(group.dn): group for group in reader.groups(with_members=not reader.is_ad)
    }
    steps = []
    for rule, group in _wanted(connection, found):
        if reader.is_ad:
            members = _resolved(reader.names_in_chain(group.dn), table)
            if group.rid is not None:
                members |= set(reader.members_by_primary_group(group.rid))
        else:
            members = _resolved(expanded(found, distinguished_names.key(group.dn)), table)
        step = _step(connection, rule, group, members, reader)
        if step.is_new or step.is_back or step.joining or step.leaving:
            steps.append(step)
    return [*steps, *_gone(connection, found)]


def _gone(connection: Connection, found: dict[str, GroupEntry]) -> Iterator[GroupStep]:
    """A right that was taken away looks the same: nobody is taken out, and nothing is locked any more."""
    followed = connection.links.filter(kind__in=[Link.Kind.GROUP, Link.Kind.ROLE], leaving_since=None)
    for link in followed.exclude(stable_id__in=[group.stable_id for group in found.values()]):
        target = ROLE if link.kind == Link.Kind.ROLE else WORKGROUP
        yield GroupStep(
            link.stable_id, link.dn, distinguished_names.name_of(link.dn), "", target, link.object_id,
            is_new=False, is_gone=True,
        )  # fmt: skip


def _wanted(connection: Connection, found: dict[str, GroupEntry]) -> Iterator[tuple[GroupRule, GroupEntry]]:
    by_id = {group.stable_id: group for group in found.values()}
    ruled = set()
    for rule in connection.mapping.groups:
        group = by_id.get(rule.stable_id) or found.get(distinguished_names.key(rule.dn))
        if group is not None:
            ruled.add(group.stable_id)
            yield rule, group
    if connection.mapping.all_groups:
        for group in found.values():
            if group.stable_id not in ruled:
                yield GroupRule(group.stable_id, group.dn), group


def _resolved(keys: set[str], table: Seen) -> set[str]:
    ordered = sorted(keys)
    found: set[str] = set()
    for start in range(0, len(ordered), RESOLVED_AT_ONCE):
        found |= set(table.owners_of(ordered[start : start + RESOLVED_AT_ONCE]).values())
    return found


def _step(
    connection: Connection, rule: GroupRule, group: GroupEntry, members: set[str], reader: Reader
) -> GroupStep:
    kind = Link.Kind.ROLE if rule.target == ROLE else Link.Kind.GROUP
    link = connection.links.filter(kind=kind, stable_id=group.stable_id).first()
    before = set(link.values.get("members", ())) if link else set()
    if before and not members and not reader.may_read_members(group):
        # Nobody is seen in it, and that says nothing.
        members = before
    return GroupStep(
        stable_id=group.stable_id, dn=group.dn, name=group.name, description=group.description,
        target=rule.target, target_id=link.object_id if link else rule.target_id, is_new=link is None,
        is_back=link is not None and link.leaving_since is not None,
        joining=tuple(sorted(members - before)), leaving=tuple(sorted(before - members)),
        count=len(before),
    )  # fmt: skip


def perform_groups(steps: Sequence[GroupStep], performer: Performer) -> None:
    for step in steps:
        try:
            with transaction.atomic():
                pk = _perform(step, performer)
                performer.write(*step.changes(performer.run, Change.Outcome.DONE, object_id=pk))
        except (ValidationError, DatabaseError, LookupError) as error:
            reason = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            performer.write(*step.changes(performer.run, Change.Outcome.FAILED, reason=reason))


def _perform(step: GroupStep, performer: Performer) -> int:
    connection = performer.connection
    if step.is_gone:
        kinds = [Link.Kind.GROUP, Link.Kind.ROLE]
        links = connection.links.filter(kind__in=kinds, stable_id=step.stable_id)
        links.update(leaving_since=performer.now)
        return step.target_id or 0
    people = dict(
        connection.links.people()
        .filter(stable_id__in=[*step.joining, *step.leaving])
        .values_list("stable_id", "object_id")
    )
    joining = [people[one] for one in step.joining if one in people]
    leaving = [people[one] for one in step.leaving if one in people]
    if step.target == ROLE:
        role = Role.objects.filter(pk=step.target_id or 0, deleted_at=None, key="").first()
        if role is None:
            raise LookupError(_("The role is gone: choose another for this group."))
        for pk in joining:
            grant_role(role, f"U{pk}", by=None)
        for pk in leaving:
            withdraw_role(role, f"U{pk}", by=None)
        object_id = role.pk
    else:
        group = _group(step, performer)
        follow(group, joining=joining, leaving=leaving)
        object_id = group.pk
    _remember(step, connection, object_id)
    return object_id


def _remember(step: GroupStep, connection: Connection, object_id: int) -> None:
    """Whoever is in the group there but not here yet joins once they are."""
    kind = Link.Kind.ROLE if step.target == ROLE else Link.Kind.GROUP
    link = connection.links.filter(kind=kind, stable_id=step.stable_id).first()
    before = set(link.values.get("members", ())) if link else set()
    there = set(
        connection.links.people().filter(stable_id__in=step.joining).values_list("stable_id", flat=True)
    )
    members = sorted((before - set(step.leaving)) | there)
    Link.objects.update_or_create(
        connection=connection,
        kind=kind,
        stable_id=step.stable_id,
        defaults={
            "object_id": object_id,
            "dn": step.dn,
            "values": {"members": members},
            "leaving_since": None,
        },
    )


def _group(step: GroupStep, performer: Performer) -> Group:
    if step.target_id is not None:
        found = Group.objects.filter(pk=step.target_id).first()
        if found is None:
            raise LookupError(_("The workgroup is gone: choose another for this group."))
        return found
    owner = performer.run.by or User.objects.active().filter(is_administrator=True).order_by("id").first()
    if owner is None:
        raise LookupError(_("There is nobody to lead the new workgroup: make somebody an administrator."))
    new = NewGroup(step.name[:200], step.description[:5000], Group.Kind.CLOSED)
    return create_group(new, by=owner)
