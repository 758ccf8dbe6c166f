"""Groups of the directory as workgroups and roles: who is in them here follows who is in them there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from box.bridges.directory import distinguished_names
from box.bridges.directory.group_news import (
    Followed,
    GroupNews,
    followed,
    outside_of,
    owners,
    silent_in,
    with_outside,
)
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Change, Connection, Link, Run
from box.bridges.directory.ownership import is_ruled
from box.bridges.directory.reader import GroupEntry, Reader, expanded
from box.core.access.actions import grant_role, withdraw_role
from box.core.access.models import Role
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, change_group, create_group, follow
from box.core.groups.models import Group

if TYPE_CHECKING:
    from box.bridges.directory.apply import Performer
    from box.bridges.directory.snapshot import Seen

WORKGROUP, ROLE = "workgroup", "role"


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
    # How it was called when the workgroup was.
    old_name: str = ""
    # The versions of all groups in it, by their ids.
    inner: Mapping[str, str] = field(default_factory=dict)
    is_remembered: bool = False

    @property
    def kind(self) -> str:
        return _kind(self.target)

    @property
    def is_news(self) -> bool:
        return bool(self.is_new or self.is_back or self.joining or self.leaving or not self.is_remembered)

    @property
    def is_renamed(self) -> bool:
        return not self.is_new and bool(self.old_name) and self.old_name != self.name

    def changes(
        self, run: Run, outcome: str, *, reason: str = "", object_id: int | None = None
    ) -> Iterator[Change]:
        known = {
            "run": run, "kind": self.kind, "stable_id": self.stable_id, "dn": self.dn,
            "name": self.name[:300], "outcome": outcome, "reason": reason,
            "object_id": object_id or self.target_id,
        }  # fmt: skip
        if self.is_gone:
            left = _(
                "The directory shows it no more: who is in it stays, and the portal decides from now on."
            )
            yield Change(action=Change.Action.REPORT, **(known | {"reason": reason or left}))
        if self.is_new:
            yield Change(action=Change.Action.CREATE, **known)
        if self.is_renamed:
            renamed = {"field": "name", "old": self.old_name, "new": self.name}
            yield Change(action=Change.Action.CHANGE, **renamed, **known)
        for action, people in ((Change.Action.JOIN, self.joining), (Change.Action.LEAVE, self.leaving)):
            if people:
                yield Change(action=action, field="members", new=str(len(people)), **known)


def plan_groups(
    connection: Connection, reader: Reader, table: Seen, news: GroupNews, coming: Collection[str]
) -> list[GroupStep]:
    """What changes of who is in which group. `coming` are the ids of entries that this run takes in."""
    mapping = connection.mapping
    if not mapping.groups and not mapping.all_groups:
        return []
    links = {(link.kind, link.stable_id): link for link in _links(connection)}
    chosen = None if news.is_full else _known_groups(connection, reader, links.values())
    if chosen is None:
        found = {
            distinguished_names.key(group.dn): group for group in reader.groups(with_members=not reader.is_ad)
        }
        chosen = list(_wanted(connection, found))
        gone = [link for link in links.values() if not link.leaving_since]
        shown = {group.stable_id for group in found.values()}
        gone_steps = [_gone(link) for link in gone if link.stable_id not in shown]
    else:
        found, gone_steps = {}, []
    groups = list({group.stable_id: group for _rule, group in chosen}.values())
    by_id = {link.stable_id: link for link in links.values()}
    if reader.is_ad:
        members = {one.group.stable_id: one for one in followed(groups, by_id, reader, table, news)}
    else:
        everywhere = with_outside(found, groups, reader)
        members = {
            group.stable_id: Followed(
                group,
                frozenset(owners(expanded(everywhere, distinguished_names.key(group.dn))[0], table)),
                outside_of(group, found, everywhere),
                silent_in(group, everywhere),
            )
            for group in groups
        }
    steps = [
        _step(rule, members[group.stable_id], _link_of(rule, group, links), reader) for rule, group in chosen
    ]
    # Before what they are now: whoever comes to the same by both is there in the end.
    steps = [*_former(mapping.groups, chosen, links.values()), *steps]
    here = _who_is_here(connection, steps, coming)
    steps = [replace(step, joining=tuple(one for one in step.joining if one in here)) for step in steps]
    return [*(step for step in steps if step.is_news), *gone_steps]


def _links(connection: Connection) -> list[Link]:
    return list(connection.links.filter(kind__in=[Link.Kind.GROUP, Link.Kind.ROLE]))


def _link_of(rule: GroupRule, group: GroupEntry, links: Mapping[tuple[str, str], Link]) -> Link | None:
    """None where the group was something else until now."""
    link = links.get((_kind(rule.target), group.stable_id))
    return link if link is not None and rule.target_id in (None, link.object_id) else None


def _kind(target: str) -> str:
    return Link.Kind.ROLE if target == ROLE else Link.Kind.GROUP


def _known_groups(
    connection: Connection, reader: Reader, links: Iterable[Link]
) -> list[tuple[GroupRule, GroupEntry]] | None:
    """Those that the rules name, read by their ids; None where the bases have to be looked through: for
    groups without a rule, and one that was not found before or is not there now."""
    mapping = connection.mapping
    if mapping.all_groups or not reader.is_ad:
        return None
    followed_now = [link for link in links if link.leaving_since is None]
    by_id = {(link.kind, link.stable_id) for link in followed_now}
    by_name = {(link.kind, distinguished_names.key(link.dn)): link.stable_id for link in followed_now}
    wanted = []
    for rule in mapping.groups:
        kind = _kind(rule.target)
        is_known = (kind, rule.stable_id) in by_id
        stable_id = rule.stable_id if is_known else by_name.get((kind, distinguished_names.key(rule.dn)))
        if stable_id is None:
            return None
        wanted.append((rule, stable_id))
    there = reader.groups_with(sorted({stable_id for _rule, stable_id in wanted}))
    bases = tuple(connection.group_bases) or reader.bases
    for _rule, stable_id in wanted:
        group = there.get(stable_id)
        # Moved out of the bases it is gone as well.
        if group is None or not any(distinguished_names.is_within(group.dn, base) for base in bases):
            return None
    return [(rule, there[stable_id]) for rule, stable_id in wanted]


def _gone(link: Link) -> GroupStep:
    """A right that was taken away looks the same: nobody is taken out, and nothing is locked any more."""
    target = ROLE if link.kind == Link.Kind.ROLE else WORKGROUP
    return GroupStep(
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


def _who_is_here(connection: Connection, steps: Sequence[GroupStep], coming: Collection[str]) -> set[str]:
    """Of those who would join who is somebody here, or is about to be: the others join once they are."""
    joining = {one for step in steps for one in step.joining}
    linked = connection.links.people().filter(stable_id__in=joining).values_list("stable_id", flat=True)
    return set(linked) | (joining & set(coming))


def _step(rule: GroupRule, one: Followed, link: Link | None, reader: Reader) -> GroupStep:
    group, members = one.group, one.members
    before = frozenset(link.values.get("members", ())) if link else frozenset()
    if before - members and _is_hidden(one, reader):
        # That nobody is seen says nothing: whoever was in it stays.
        members |= before
    values = link.values if link else {}
    is_named_here = rule.target == WORKGROUP and rule.target_id is None
    old_name = str(values.get("name", group.name)) if is_named_here else group.name
    return GroupStep(
        stable_id=group.stable_id, dn=group.dn, name=group.name, description=group.description,
        target=rule.target, target_id=link.object_id if link else rule.target_id, is_new=link is None,
        is_back=link is not None and link.leaving_since is not None,
        joining=tuple(sorted(members - before)), leaving=tuple(sorted(before - members)),
        count=len(before), old_name=old_name,
        inner=dict(one.inner),
        is_remembered=link is not None
        and dict(one.inner) == values.get("inner", {})
        and (group.dn, group.name) == (link.dn, values.get("name")),
    )  # fmt: skip


def _former(
    rules: Collection[GroupRule], chosen: Sequence[tuple[GroupRule, GroupEntry]], links: Iterable[Link]
) -> Iterator[GroupStep]:
    """Of groups of which a rule has made something else since: whoever was in that by them is in it no more.
    Where a rule was taken away they stay, and the portal decides."""
    ruled: dict[str, list[GroupRule]] = {}
    for rule, group in chosen:
        if rule in rules:
            ruled.setdefault(group.stable_id, []).append(rule)
    for link in links:
        now = ruled.get(link.stable_id, [])
        # What the portal has made of a group itself, the rule does not name.
        same = [rule for rule in now if _kind(rule.target) == link.kind]
        is_same = any(rule.target_id in (None, link.object_id) for rule in same)
        if is_same or not (same or len(now) == 1) or not _is_there(link):
            continue
        yield GroupStep(
            link.stable_id, link.dn, distinguished_names.name_of(link.dn), "",
            ROLE if link.kind == Link.Kind.ROLE else WORKGROUP, link.object_id,
            is_new=False, leaving=tuple(sorted(link.values.get("members", ()))), is_remembered=True,
        )  # fmt: skip


def _is_there(link: Link) -> bool:
    """Whether the portal still has what the group is there."""
    if link.kind == Link.Kind.ROLE:
        return Role.objects.filter(pk=link.object_id, deleted_at=None).exists()
    return Group.objects.filter(pk=link.object_id).exists()


def _is_hidden(one: Followed, reader: Reader) -> bool:
    """Whether the account may not see who is in it, or in a group in it."""
    doubtful = one.silent if not reader.is_ad else () if one.members else (one.group,)
    return any(not reader.may_read_members(group) for group in doubtful)


def perform_groups(steps: Sequence[GroupStep], performer: Performer) -> None:
    for step in steps:
        try:
            with transaction.atomic():
                pk = _perform(step, steps, performer)
                performer.write(*step.changes(performer.run, Change.Outcome.DONE, object_id=pk))
        except (ValidationError, DatabaseError, LookupError) as error:
            reason = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            performer.write(*step.changes(performer.run, Change.Outcome.FAILED, reason=reason))


def _perform(step: GroupStep, steps: Sequence[GroupStep], performer: Performer) -> int:
    connection = performer.connection
    if step.is_gone:
        kinds = [Link.Kind.GROUP, Link.Kind.ROLE]
        links = connection.links.filter(kind__in=kinds, stable_id=step.stable_id)
        links.update(leaving_since=performer.now)
        return step.target_id or 0
    parting = _parting(step, performer)
    people = dict(
        connection.links.people()
        .filter(stable_id__in=[*step.joining, *parting])
        .values_list("stable_id", "object_id")
    )
    joining = [people[one] for one in step.joining if one in people]
    staying = _in_others(step, steps, performer)
    leaving = [people[one] for one in parting if one in people and people[one] not in staying]
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
        if step.is_renamed and group.name == step.old_name[:200] and not group.is_archived:
            named = NewGroup(step.name[:200], group.description, group.kind)
            change_group(group, named, by=_leading(performer))
        follow(group, joining=joining, leaving=leaving)
        object_id = group.pk
    _remember(step, connection, object_id, parting)
    return object_id


def _parting(step: GroupStep, performer: Performer) -> list[str]:
    """Whose former entry was in it goes as well, unless the one that they are now is in it."""
    entries = {performer.relinked.get(one, one) for one in step.leaving}
    return sorted(entries - set(step.joining))


def _in_others(step: GroupStep, steps: Sequence[GroupStep], performer: Performer) -> set[int]:
    """The ids of people whom other groups have in the same workgroup or role: whoever leaves one of them is
    there by the other. The group of another run is as it was remembered."""
    if step.target_id is None or not step.leaving:
        return set()
    others = [
        one
        for one in steps
        if (one.kind, one.target_id) == (step.kind, step.target_id) and one.stable_id != step.stable_id
    ]
    back = {one.stable_id for one in others if one.is_back}
    coming = {entry for one in others for entry in one.joining}
    found = set(_people_of(performer.connection, coming))
    same = Link.objects.filter(kind=step.kind, object_id=step.target_id).select_related("connection")
    for link in same.exclude(connection=performer.connection, stable_id=step.stable_id):
        is_back = link.connection_id == performer.connection.pk and link.stable_id in back
        if is_ruled(link) and (is_back or link.leaving_since is None):
            found.update(_people_of(link.connection, link.values.get("members", ())))
    return found


def _people_of(connection: Connection, entries: Collection[str]) -> Iterable[int]:
    return connection.links.people().filter(stable_id__in=entries).values_list("object_id", flat=True)


def _remember(step: GroupStep, connection: Connection, object_id: int, parting: Collection[str]) -> None:
    """Whoever is in the group there but not here yet joins once they are."""
    link = connection.links.filter(kind=step.kind, stable_id=step.stable_id).first()
    before = set(link.values.get("members", ())) if link else set()
    there = set(
        connection.links.people().filter(stable_id__in=step.joining).values_list("stable_id", flat=True)
    )
    members = sorted((before - {*parting, *step.leaving}) | there)
    Link.objects.update_or_create(
        connection=connection,
        kind=step.kind,
        stable_id=step.stable_id,
        defaults={
            "object_id": object_id,
            "dn": step.dn,
            "values": {"members": members, "inner": dict(step.inner), "name": step.name},
            "leaving_since": None,
        },
    )


def _group(step: GroupStep, performer: Performer) -> Group:
    if step.target_id is not None:
        found = Group.objects.filter(pk=step.target_id).first()
        if found is None:
            raise LookupError(_("The workgroup is gone: choose another for this group."))
        return found
    new = NewGroup(step.name[:200], step.description[:5000], Group.Kind.CLOSED)
    return create_group(new, by=_leading(performer))


def _leading(performer: Performer) -> User:
    owner = performer.run.by or User.objects.active().filter(is_administrator=True).order_by("id").first()
    if owner is None:
        raise LookupError(_("There is nobody to lead the new workgroup: make somebody an administrator."))
    return owner
