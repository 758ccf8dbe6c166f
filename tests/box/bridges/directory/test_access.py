"""Who may say where a directory is that gives roles, or lets in who has rights in the console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied

from box.bridges.directory.access import is_guarded, why_locked
from box.bridges.directory.actions import save_connection
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Connection, Link
from box.bridges.directory.presets import preset
from box.core.access.actions import create_role, grant_role
from box.core.access.models import Role
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group
from box.core.structure.actions import create_department

if TYPE_CHECKING:
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


@pytest.fixture
def keepers(olga: User) -> Role:
    return create_role("Directory keepers", ["console.directory"], by=olga)


@pytest.fixture
def cara(cara: User, keepers: Role, olga: User) -> User:
    """She may connect directories, and is in none."""
    grant_role(keepers, f"U{cara.pk}", by=olga)
    cara.refresh_from_db()
    return cara


@pytest.fixture
def corp(cara: User) -> Connection:
    corp = Connection(
        name="Corp", kind="openldap", servers=["dc1.corp.test"], bind_dn="cn=portal,dc=corp,dc=test",
        people_bases=["dc=corp,dc=test"], mapping=preset("openldap").mapping, is_on=True, is_confirmed=True,
    )  # fmt: skip
    corp.bind_password = "a password"
    save_connection(corp, by=cara)
    return corp


def linked(corp: Connection, kind: str, pk: int) -> None:
    Link.objects.create(connection=corp, kind=kind, stable_id=f"{kind}-{pk}", object_id=pk, dn="cn=one")


def gives_a_role(corp: Connection, keepers: Role, olga: User, sales: Department) -> None:
    rule = GroupRule("a1", "cn=Sellers,dc=corp,dc=test", "role", keepers.pk)
    corp.mapping = replace(corp.mapping, groups=(rule,))
    save_connection(corp, by=olga)


def has_an_administrator(corp: Connection, keepers: Role, olga: User, sales: Department) -> None:
    linked(corp, "person", olga.pk)


def has_a_holder(corp: Connection, keepers: Role, olga: User, sales: Department) -> None:
    linked(corp, "person", User.objects.get(login="cara@example.com").pk)


def has_a_unit_of_holders(corp: Connection, keepers: Role, olga: User, sales: Department) -> None:
    """Nobody is in it yet."""
    made = create_department("Keepers", parent=sales, by=None)
    grant_role(keepers, f"D{made.pk}", by=olga)
    linked(corp, "department", made.pk)


def has_a_workgroup_of_holders(corp: Connection, keepers: Role, olga: User, sales: Department) -> None:
    group = create_group(NewGroup("Keepers", "", Group.Kind.CLOSED), by=olga)
    grant_role(keepers, f"G{group.pk}", by=olga)
    linked(corp, "group", group.pk)


GUARDED = [
    gives_a_role,
    has_an_administrator,
    has_a_holder,
    has_a_unit_of_holders,
    has_a_workgroup_of_holders,
]


def elsewhere(corp: Connection) -> dict[str, Any]:
    """One at a time: each of them leads it to somebody else's server, or has it believe others."""
    return {
        "servers": ["evil.test"],
        "security": "plain",
        "ca_pem": "another's",
        "bind_dn": "cn=other",
        "people_bases": ["ou=mine"],
        "group_bases": ["ou=mine"],
        "people_filter": "(uid=*)",
        "group_filter": "(cn=*)",
        "keytab": b"another's key",
        "mapping": replace(corp.mapping, stable_id="uid"),
        "rules": replace(corp.rules, matching="login"),
        "sign_in": replace(corp.sign_in, is_on=True, filter="(uid=*)"),
    }


@pytest.mark.parametrize("guards", GUARDED)
def test_who_is_no_administrator_leads_no_such_directory_elsewhere(
    guards: Callable[..., None], corp: Connection, cara: User, keepers: Role, olga: User, sales: Department
) -> None:
    guards(corp, keepers, olga, sales)
    for name, value in elsewhere(corp).items():
        changed = Connection.objects.get(pk=corp.pk)
        setattr(changed, name, value)
        with pytest.raises(PermissionDenied, match="only administrators change where it is"):
            save_connection(changed, by=cara)
    stored = Connection.objects.get(pk=corp.pk)
    assert (stored.servers, stored.sign_in.is_on, stored.keytab_sealed) == (["dc1.corp.test"], False, "")
    assert "only administrators" in why_locked(cara, stored)
    assert why_locked(olga, stored) == ""
    stored.servers = ["dc2.corp.test"]
    save_connection(stored, by=olga)
    assert Connection.objects.get().servers == ["dc2.corp.test"]


@pytest.mark.parametrize("guards", GUARDED)
def test_its_name_schedule_password_and_workgroups_are_still_the_keepers(
    guards: Callable[..., None], corp: Connection, cara: User, keepers: Role, olga: User, sales: Department
) -> None:
    guards(corp, keepers, olga, sales)
    corp = Connection.objects.get(pk=corp.pk)
    corp.name, corp.interval_minutes, corp.is_on, corp.bind_password = "Corporation", 60, False, "a new one"
    others = GroupRule("b2", "cn=Buyers,dc=corp,dc=test")
    corp.mapping = replace(corp.mapping, groups=(*corp.mapping.groups, others), all_groups=True)
    save_connection(corp, by=cara)
    stored = Connection.objects.get()
    assert (stored.name, stored.bind_password, stored.mapping.all_groups) == (
        "Corporation",
        "a new one",
        True,
    )


def test_any_other_directory_is_whoevers_who_may_connect_them(
    corp: Connection, cara: User, anna: User, sales: Department
) -> None:
    linked(corp, "person", anna.pk)
    linked(corp, "department", sales.pk)
    for name, value in elsewhere(corp).items():
        setattr(corp, name, value)
        save_connection(corp, by=cara)
    assert (is_guarded(corp), why_locked(cara, corp)) == (False, "")
    assert Connection.objects.get().servers == ["evil.test"]


def test_neither_a_role_nor_a_workgroup_nor_a_department_that_gives_one_is_hers_to_fill(
    corp: Connection, cara: User, keepers: Role, olga: User, sales: Department
) -> None:
    group = create_group(NewGroup("Keepers", "", Group.Kind.CLOSED), by=olga)
    grant_role(keepers, f"GM{group.pk}", by=olga)
    grant_role(keepers, f"DR{sales.pk}", by=olga)
    changes: list[dict[str, Any]] = [
        {"groups": (GroupRule("a1", "cn=Mine", "role", keepers.pk),)},
        {"groups": (GroupRule("a1", "cn=Mine", "workgroup", group.pk),)},
        {"department_root": sales.pk},
    ]
    for change in changes:
        tried = Connection.objects.get(pk=corp.pk)
        tried.mapping = replace(tried.mapping, **change)
        with pytest.raises(PermissionDenied):
            save_connection(tried, by=cara)
        if "groups" in change:
            tried.pk = None
            with pytest.raises(PermissionDenied):
                save_connection(tried, by=cara)
    assert Connection.objects.count() == 1


def test_a_rule_that_gives_a_role_is_not_the_keepers_to_take_away(
    corp: Connection, cara: User, keepers: Role, olga: User, sales: Department
) -> None:
    gives_a_role(corp, keepers, olga, sales)
    corp.mapping = replace(corp.mapping, groups=())
    with pytest.raises(PermissionDenied):
        save_connection(corp, by=cara)
    assert len(Connection.objects.get().mapping.groups) == 1
