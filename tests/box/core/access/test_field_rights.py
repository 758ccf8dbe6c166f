"""How far roles reach among the fields of something: together, and as the portal remembers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.core.access.actions import create_role, delete_role, employees_role, grant_role
from box.core.access.field_rights import (
    EVERYTHING,
    FieldAccess,
    FieldLevel,
    FieldRules,
    current,
    field_access,
    set_field_right,
)
from box.core.access.models import FieldRight
from box.core.access.roles import RoleNow
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.registry.models import SettingsVersion
from box.core.registry.settings import as_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.access.models import Role

HIDDEN, SEE, CHANGE = FieldLevel.HIDDEN, FieldLevel.SEE, FieldLevel.CHANGE
DEAL = "crm.t2"


def now(pk: int | None, key: str = "") -> RoleNow:
    return RoleNow(id=pk, key=key, own_name="", rights=frozenset(), grantees=frozenset())


EMPLOYEES, SELLERS, CLERKS = now(1, "employees"), now(2), now(3)


def test_without_a_word_employees_change_all_and_other_roles_add_nothing() -> None:
    rules = FieldRules({DEAL: {"amount": {3: SEE}}})
    assert rules.level_of(EMPLOYEES, DEAL, "amount") == CHANGE
    assert rules.level_of(SELLERS, DEAL, "amount") == HIDDEN
    assert rules.level_of(CLERKS, DEAL, "amount") == SEE
    assert rules.level_of(CLERKS, DEAL, "title") == rules.level_of(CLERKS, "crm.t1", "amount") == HIDDEN
    others = FieldRules({DEAL: {"amount": {1: HIDDEN, 2: HIDDEN}}})
    assert others.level_of(now(None, "employees"), DEAL, "amount") == CHANGE, "a role without a row yet"


def test_several_roles_reach_as_far_as_any_of_them() -> None:
    rules = FieldRules({DEAL: {"amount": {1: HIDDEN, 2: SEE, 3: CHANGE}, "title": {1: SEE}}})
    assert rules.limits([EMPLOYEES], DEAL) == {"amount": HIDDEN, "title": SEE}
    assert rules.limits([EMPLOYEES, SELLERS], DEAL) == {"amount": SEE, "title": SEE}
    assert rules.limits([EMPLOYEES, SELLERS, CLERKS], DEAL) == {"title": SEE}
    assert rules.limits([], DEAL) == {"amount": HIDDEN, "title": HIDDEN}, "whoever holds no role"
    assert rules.limits([EMPLOYEES], "crm.t1") == {}


def test_what_is_hidden_from_a_role_may_stand_in_nothing_that_all_share() -> None:
    rules = FieldRules({DEAL: {"amount": {1: SEE, 2: HIDDEN}, "title": {1: SEE}}})
    assert rules.is_hidden_from_some(DEAL, "amount")
    assert not rules.is_hidden_from_some(DEAL, "title")
    assert not rules.is_hidden_from_some(DEAL, "comment")
    assert not rules.is_hidden_from_some("crm.t1", "amount")


def test_each_level_includes_the_smaller() -> None:
    reach = FieldAccess({"hidden": HIDDEN, "seen": SEE, "changed": CHANGE})
    said = {name: (reach.sees(name), reach.changes(name)) for name in ("hidden", "seen", "changed", "other")}
    assert said == {
        "hidden": (False, False), "seen": (True, False), "changed": (True, True), "other": (True, True),
    }  # fmt: skip
    assert hash(reach) == hash(FieldAccess(dict(reach.limits))) != hash(EVERYTHING)


@pytest.fixture
def sellers(boris: User, olga: User) -> Role:
    role = create_role("Sellers", [], by=olga)
    grant_role(role, f"U{boris.pk}", by=olga)
    return role


@pytest.mark.django_db
def test_administrators_and_the_portal_itself_reach_everything(anna: User, olga: User) -> None:
    set_field_right(employees_role(), DEAL, "amount", HIDDEN, by=olga)
    assert not field_access(anna, DEAL).sees("amount")
    assert field_access(anna, "crm.t1") == EVERYTHING
    assert field_access(olga, DEAL) == field_access(None, DEAL) == EVERYTHING
    olga.status = User.Status.SUSPENDED
    assert not field_access(olga, DEAL).sees("amount")


@pytest.mark.django_db
def test_what_employees_are_not_given_another_role_gives_back_while_it_lasts(
    anna: User, boris: User, olga: User, sellers: Role
) -> None:
    set_field_right(employees_role(), DEAL, "amount", HIDDEN, by=olga)
    set_field_right(sellers, DEAL, "amount", SEE, by=olga)
    assert [field_access(one, DEAL).sees("amount") for one in (anna, boris)] == [False, True]
    assert not field_access(boris, DEAL).changes("amount")
    delete_role(sellers, by=olga)
    again = User.objects.get(pk=boris.pk)
    assert not field_access(again, DEAL).sees("amount")
    assert sellers.pk not in current().given[DEAL]["amount"]


@pytest.mark.django_db
def test_in_a_request_it_is_found_once_and_anew_after_a_change(
    boris: User, olga: User, sellers: Role, django_assert_num_queries: Callable[..., object]
) -> None:
    set_field_right(employees_role(), DEAL, "amount", HIDDEN, by=olga)
    with as_of(1):
        found = field_access(boris, DEAL)
        with django_assert_num_queries(0):  # type: ignore[attr-defined]
            assert field_access(boris, DEAL) is found
    set_field_right(sellers, DEAL, "amount", CHANGE, by=olga)
    with as_of(2):
        assert field_access(boris, DEAL).changes("amount")


@pytest.mark.django_db
def test_a_change_is_told_once_and_read_anew(olga: User, sellers: Role) -> None:
    def version() -> int:
        return sum(SettingsVersion.objects.values_list("number", flat=True))

    for level, said in ((SEE, "see"), (HIDDEN, "hidden"), (None, "")):
        Event.objects.all().delete()
        before = version()
        set_field_right(sellers, DEAL, "amount", level, by=olga)
        assert version() > before
        before = version()
        set_field_right(sellers, DEAL, "amount", level, by=olga)
        assert version() == before
        (told,) = Event.objects.filter(kind="access.FieldRightChanged")
        assert told.payload == {
            "role_id": sellers.pk, "role": "Sellers", "entity": DEAL, "field": "amount", "level": said,
            "by_id": olga.pk,
        }  # fmt: skip
        levels = list(FieldRight.objects.values_list("level", flat=True))
        assert levels == ([] if level is None else [level])
    Event.objects.all().delete()
    set_field_right(sellers, DEAL, "amount", SEE, by=None)
    assert Event.objects.filter(kind="access.FieldRightChanged").get().payload["by_id"] is None


@pytest.mark.django_db
def test_a_word_on_one_field_is_none_on_another(olga: User, sellers: Role) -> None:
    other = create_role("Others", [], by=olga)
    set_field_right(other, DEAL, "amount", SEE, by=olga)
    for entity, name in ((DEAL, "amount"), ("crm.t1", "amount"), (DEAL, "title")):
        set_field_right(sellers, entity, name, SEE, by=olga)
    set_field_right(sellers, DEAL, "amount", None, by=olga)
    left = set(FieldRight.objects.values_list("role", "entity", "field"))
    assert left == {
        (other.pk, DEAL, "amount"), (sellers.pk, "crm.t1", "amount"), (sellers.pk, DEAL, "title"),
    }  # fmt: skip
