"""Who is in which followed group of an Active Directory: only what has changed is read.

A group's link remembers all groups in it, however deep, with their versions. One question tells which of
them are other than they were: what they are in is read anew, level by level and all at once. Of the other
groups it is enough to know in which groups those people are of whom the run has news anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from box.bridges.directory import distinguished_names
from box.bridges.directory.models import Link
from box.bridges.directory.reader import GroupEntry, Reader, expanded
from box.bridges.directory.snapshot import Seen


@dataclass(frozen=True, slots=True)
class Grouped:
    """In which groups a person is, without going through others: the keys of their names, and the primary
    one, which is no `memberOf`."""

    groups: frozenset[str] = frozenset()
    primary: int | None = None


@dataclass
class GroupNews:
    """What a run has read of people."""

    is_full: bool
    people: dict[str, Grouped] = field(default_factory=dict)


@dataclass(frozen=True)
class Followed:
    """A group with who is in it, and the versions of all groups in it by their ids, its own too."""

    group: GroupEntry
    members: frozenset[str]
    inner: Mapping[str, str]
    silent: tuple[GroupEntry, ...] = ()
    """Those of them that show nobody: empty, or hidden. Of Active Directory none: see `Rights.may_read`."""


def followed(
    groups: Sequence[GroupEntry], links: Mapping[str, Link], reader: Reader, table: Seen, news: GroupNews
) -> Iterator[Followed]:
    """`links` are by the groups' ids: what was known of them."""
    known = {} if news.is_full else reader.groups_with(_inner_ids(groups, links))
    kept = {}
    for group in groups:
        one = None if news.is_full else _as_before(group, links.get(group.stable_id), known, table, news)
        if one is not None:
            kept[group.stable_id] = one
    read = [group for group in groups if group.stable_id not in kept]
    graph = reader.group_graph(read)
    for group in groups:
        yield kept.get(group.stable_id) or _read(group, graph, reader, table)


def _inner_ids(groups: Sequence[GroupEntry], links: Mapping[str, Link]) -> list[str]:
    found: set[str] = set()
    for group in groups:
        if link := links.get(group.stable_id):
            found.update(link.values.get("inner", ()))
    return sorted(found)


def _as_before(
    group: GroupEntry, link: Link | None, known: Mapping[str, GroupEntry], table: Seen, news: GroupNews
) -> Followed | None:
    """None where it has to be read: something in it is another, or somebody seems to have left it."""
    inner: Mapping[str, str] = link.values.get("inner", {}) if link is not None else {}
    if not inner or link is None or link.leaving_since is not None:
        return None
    if any(
        stable_id not in known or known[stable_id].version != version for stable_id, version in inner.items()
    ):
        return None
    names = {distinguished_names.key(known[stable_id].dn) for stable_id in inner}
    rids = {known[stable_id].rid for stable_id in inner} - {None}
    before = frozenset(link.values.get("members", ()))
    there = {
        stable_id
        for stable_id, one in news.people.items()
        if not names.isdisjoint(one.groups) or one.primary in rids
    }
    if before & news.people.keys() - there:
        return None
    return Followed(group, (before - table.missing(before)) | there, inner)


def _read(group: GroupEntry, graph: Mapping[str, GroupEntry], reader: Reader, table: Seen) -> Followed:
    top = distinguished_names.key(group.dn)
    names, groups = expanded(graph, top)
    members = owners(names, table) | set(reader.members_by_primary_group(_rids(groups, graph)))
    inner = {graph[key].stable_id: graph[key].version for key in groups if graph[key].stable_id}
    return Followed(group, frozenset(members), inner)


def with_outside(
    found: Mapping[str, GroupEntry], tops: Sequence[GroupEntry], reader: Reader
) -> dict[str, GroupEntry]:
    """`found`, which are those of the bases by the keys of their names, and those outside that are in one of
    the `tops`, however deep. Not for Active Directory: a question for all names, and one a group."""
    known = dict(found)
    if reader.reads_everywhere:
        return known
    keys = [distinguished_names.key(group.dn) for group in tops]
    there: dict[str, str] | None = None
    tried: set[str] = set()
    while True:
        strangers = {name for key in keys for name in expanded(known, key)[0]} - tried
        if not strangers:
            return known
        there = reader.group_names() if there is None else there
        tried |= strangers
        for key in sorted(strangers & there.keys()):
            if (group := reader.group_called(there[key])) is not None:
                known[key] = group


def silent_in(top: GroupEntry, known: Mapping[str, GroupEntry]) -> tuple[GroupEntry, ...]:
    """The groups in this one, and itself, that show nobody."""
    inner = expanded(known, distinguished_names.key(top.dn))[1]
    return tuple(known[key] for key in sorted(inner) if not known[key].members)


def outside_of(
    top: GroupEntry, found: Mapping[str, GroupEntry], known: Mapping[str, GroupEntry]
) -> dict[str, str]:
    """The versions, by their ids, of the groups in this one that are not among those of the bases."""
    inner = expanded(known, distinguished_names.key(top.dn))[1]
    return {known[key].stable_id: known[key].version for key in inner if key not in found}


def is_outside_changed(links: Iterable[Link], reader: Reader) -> bool:
    """Whether a group outside of the bases, that is in a followed one, is another than it was, or gone."""
    before: dict[str, str] = {}
    for link in links:
        before |= link.values.get("inner", {})
    now = reader.groups_with(sorted(before)) if before else {}
    return any(
        stable_id not in now or now[stable_id].version != version for stable_id, version in before.items()
    )


def _rids(groups: Collection[str], graph: Mapping[str, GroupEntry]) -> list[int]:
    return sorted(rid for key in groups if (rid := graph[key].rid) is not None)


# So many names are resolved in a question to the database.
RESOLVED_AT_ONCE = 2000


def owners(keys: Collection[str], table: Seen) -> set[str]:
    """The stable ids of those of these names who are in the directory."""
    ordered = sorted(keys)
    found: set[str] = set()
    for start in range(0, len(ordered), RESOLVED_AT_ONCE):
        found |= set(table.owners_of(ordered[start : start + RESOLVED_AT_ONCE]).values())
    return found
