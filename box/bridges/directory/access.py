"""Which directories give away what is not for everybody, so that only administrators say where they lead.

Whoever says where a directory is, and how it is read, says who is in its groups and units, and whose password
is right. Where that gives a role, or lets somebody in who has rights in the console, it is a way up.
"""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from box.bridges.directory.models import Connection
from box.bridges.directory.snapshot import root_of
from box.core.accounts.access import can_edit_roles, console_codes, console_holders
from box.core.accounts.models import User
from box.core.structure.access import codes_of_places
from box.core.structure.models import Membership

# What says where a directory is, and what of it is believed. Its name, its schedule and another password of
# the same account change nothing of that.
LEADING = (
    "kind",
    "servers",
    "security",
    "ca_pem",
    "bind_dn",
    "keytab_sealed",
    "people_bases",
    "group_bases",
    "people_filter",
    "group_filter",
    "rules",
    "sign_in",
)


def is_guarded(connection: Connection) -> bool:
    """Whether it gives a role, or has a person, a department or a workgroup with rights in the console."""
    codes = console_codes()
    if _rising(connection, codes):
        return True
    people = connection.links.people().values_list("object_id", flat=True)
    if not console_holders().isdisjoint(people):
        return True
    groups = connection.links.groups().values_list("object_id", flat=True)
    if not codes.isdisjoint(code for pk in groups for code in _codes_of_group(pk)):
        return True
    return not codes.isdisjoint(
        codes_of_places(dict.fromkeys(_departments(connection), Membership.Role.HEAD))
    )


def why_locked(user: User, connection: Connection) -> str:
    """For whoever reads how it is set up, and may not change it; empty for who may."""
    return "" if can_edit_roles(user) or not is_guarded(connection) else why_guarded()


def why_guarded() -> str:
    return _(
        "This directory gives a role, or somebody in it has rights in the console: only administrators change"
        " where it is, what is read of it, its rules, and signing in. Its name, its schedule, the password of"
        " its account and its workgroups are yours to change."
    )


def may_save(user: User, connection: Connection, stored: Connection | None) -> bool:
    """Whether this person may make `stored`, as it is in the database, what `connection` is."""
    if can_edit_roles(user):
        return True
    codes = console_codes()
    if stored is None:
        return not _rising(connection, codes)
    if _rising(connection, codes) != _rising(stored, codes):
        return False
    return _leads(connection) == _leads(stored) or not (is_guarded(stored) or is_guarded(connection))


def _leads(connection: Connection) -> tuple[object, ...]:
    # Which other groups are workgroups is nobody's way up.
    mapping = replace(connection.mapping, groups=(), all_groups=False)
    return mapping, *(getattr(connection, name) for name in LEADING)


def _rising(connection: Connection, codes: frozenset[str]) -> frozenset[object]:
    """The rules by which a group gives a role, or is a workgroup with rights in the console."""
    return frozenset(
        rule
        for rule in connection.mapping.groups
        if rule.target == "role"
        or (rule.target_id is not None and not codes.isdisjoint(_codes_of_group(rule.target_id)))
    )


def _codes_of_group(pk: int) -> tuple[str, str]:
    return f"G{pk}", f"GM{pk}"


def _departments(connection: Connection) -> set[int]:
    """Those that it says who is in, and the one that they stand under."""
    if not connection.mapping.departments:
        return set()
    linked = set(connection.links.departments().values_list("object_id", flat=True))
    root = root_of(connection)
    return linked | ({root.pk} if root else set())
