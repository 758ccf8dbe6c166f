"""What comes from a directory is its own, and only shown here; until the directory is taken away."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection as database

from box.bridges.directory import distinguished_names
from box.bridges.directory.models import Connection, Link
from box.core.groups.actions import set_source as set_source_of_groups
from box.core.groups.models import Group
from box.core.structure.bulk import set_source
from box.core.structure.models import Department


def rename_source(connection: Connection, was: str) -> None:
    """What is owned under a directory's name is owned under its new one."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_profile SET owners = ("
            " SELECT jsonb_object_agg(key, CASE WHEN value = to_jsonb(%(was)s::text)"
            "  THEN to_jsonb(%(name)s::text) ELSE value END) FROM jsonb_each(owners))"
            " WHERE owners <> '{}' AND user_id IN"
            "  (SELECT object_id FROM directory_link WHERE connection_id = %(pk)s AND kind = %(kind)s)",
            {"was": was, "name": connection.name, "pk": connection.pk, "kind": Link.Kind.PERSON},
        )
    set_source(Department.objects.filter(source=was).values_list("pk", flat=True), connection.name)
    set_source_of_groups(_groups_of(was), connection.name)


def own_groups(connection: Connection) -> None:
    """The workgroups that this directory fills are its own; what it fills no longer is the portal's."""
    links = connection.links.groups().standing().select_related("connection")
    filled = {link.object_id for link in links if is_ruled(link)}
    set_source_of_groups(filled, connection.name)
    set_source_of_groups(set(_groups_of(connection.name)) - filled, "")


def own_departments(connection: Connection, *, filled: bool) -> None:
    """The departments that it has made are its own while it fills them, and the portal's once it does not.
    `filled` says whether it did before: when that turns, the next run writes everybody anew, for whose it is
    to say where people belong stands with each of them."""
    fills = bool(connection.mapping.departments)
    made = connection.links.departments().standing().values_list("object_id", flat=True)
    set_source(made, connection.name if fills else "")
    if fills != filled:
        connection.links.people().update(fingerprint="")


def is_ruled(link: Link) -> bool:
    """Whether its directory still says who is in this workgroup, or role: without a rule nothing follows."""
    mapping, is_role = link.connection.mapping, link.kind == Link.Kind.ROLE
    if mapping.all_groups and not is_role:
        return True
    name = distinguished_names.key(link.dn)
    return any(
        rule.stable_id == link.stable_id or distinguished_names.key(rule.dn) == name
        for rule in mapping.groups
        if (rule.target == "role") == is_role
    )


def _groups_of(source: str) -> list[int]:
    return list(Group.objects.filter(source=source).values_list("pk", flat=True))


def renumber_members(connection: Connection, renamed: Mapping[str, str]) -> None:
    """Who is another entry from now on is remembered as that in their groups; under an empty one
    nobody is remembered any more. Else a group would let go of somebody whom it does not know."""
    for link in connection.links.filter(kind__in=[Link.Kind.GROUP, Link.Kind.ROLE]):
        before = set(link.values.get("members", ()))
        if before.isdisjoint(renamed):
            continue
        members = sorted({renamed.get(one, one) for one in before} - {""})
        link.values = {**link.values, "members": members}
        link.save(update_fields=["values"])


def release_person(connection: Connection, pk: int) -> None:
    """Nothing of this person is the directory's any more."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_profile SET owners = ("
            " SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(owners)"
            " WHERE value <> to_jsonb(%s::text)) WHERE user_id = %s",
            [connection.name, pk],
        )


def release_all(connection: Connection) -> None:
    """People, departments and workgroups of this directory are the portal's own again."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_profile SET owners = ("
            " SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(owners)"
            " WHERE value <> to_jsonb(%s::text))"
            " WHERE user_id IN (SELECT object_id FROM directory_link WHERE connection_id = %s AND kind = %s)",
            [connection.name, connection.pk, Link.Kind.PERSON],
        )
    set_source(connection.links.departments().values_list("object_id", flat=True), "")
    set_source_of_groups(_groups_of(connection.name), "")
