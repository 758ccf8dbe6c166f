"""Roles: who may what, at once after a change, and on a day that is past."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.core.access import actions
from box.core.access.models import Role, RoleRights, Standing
from box.core.access.principals import EVERYONE
from box.core.access.report import rights_of
from box.core.access.rights import has_right, rights
from box.core.access.roles import current, usual
from box.core.accounts import actions as accounts
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.registry.settings import as_of
from box.core.structure import actions as org

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

SEE = "console.see"
POST = "feed.post_to_all"


@pytest.fixture
def watchers(olga: User) -> Role:
    return actions.create_role("Watchers", [SEE], by=olga)


def test_defaults_are_for_everybody_or_for_administrators_alone() -> None:
    assert all(right.default in ((), (EVERYONE,)) for right in rights)


def test_in_a_new_portal_employees_hold_the_defaults_and_administrators_all(
    anna: User, erik: User, olga: User
) -> None:
    assert has_right(anna, POST)
    assert not has_right(anna, SEE)
    assert not has_right(erik, POST)
    assert all(has_right(olga, key) for key, _right in rights.items())


@pytest.mark.parametrize("code", ["UA", "U{anna.pk}", "D{sales.pk}", "DR{sales.pk}", "DR{sales.parent_id}"])
def test_a_role_is_held_by_whoever_answers_to_the_code_until_it_is_withdrawn(
    watchers: Role, anna: User, erik: User, olga: User, sales: Department, code: str
) -> None:
    code = code.format(anna=anna, sales=sales)
    actions.grant_role(watchers, code, by=olga)
    assert has_right(anna, SEE)
    assert not has_right(erik, SEE)
    actions.withdraw_role(watchers, code, by=olga)
    assert not has_right(anna, SEE)


def test_who_leaves_the_department_loses_its_roles(
    watchers: Role, anna: User, sales: Department, olga: User
) -> None:
    actions.grant_role(watchers, sales.code_with_below, by=olga)
    assert has_right(anna, SEE)
    org.remove_member(sales, anna, by=olga)
    anna.refresh_from_db()
    assert not has_right(anna, SEE)


def test_who_is_suspended_has_no_right_at_all(watchers: Role, anna: User, olga: User) -> None:
    actions.grant_role(watchers, EVERYONE, by=olga)
    accounts.suspend_user(anna, by=olga)
    assert not has_right(anna, SEE)


def test_known_roles_cost_no_query_and_a_change_is_seen_by_the_next_request(
    watchers: Role, anna: User, olga: User, django_assert_num_queries: Callable[..., object]
) -> None:
    actions.grant_role(watchers, EVERYONE, by=olga)
    with as_of(1):
        assert has_right(anna, SEE)
        with django_assert_num_queries(0):  # type: ignore[attr-defined]
            assert has_right(anna, SEE)
    actions.withdraw_role(watchers, EVERYONE, by=olga)
    with as_of(2):
        assert not has_right(anna, SEE)


def test_every_change_raises_the_version_that_requests_come_with(
    as_person: Callable[..., object], watchers: Role, anna: User, olga: User
) -> None:
    browser = as_person(anna)
    for change, status in ((actions.grant_role, 200), (actions.withdraw_role, 404)):
        change(watchers, EVERYONE, by=olga)
        assert browser.get("/console/").status_code == status  # type: ignore[attr-defined]


def test_what_everybody_may_can_be_taken_from_everybody(anna: User, olga: User) -> None:
    employees = actions.employees_role()
    actions.set_rights(employees, [], by=olga)
    assert not has_right(anna, POST)
    assert has_right(olga, POST)
    actions.set_rights(employees, usual() | {SEE}, by=olga)
    assert has_right(anna, POST)
    assert has_right(anna, SEE)


def test_a_right_that_an_upgrade_brings_for_everybody_is_held_at_once(
    anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from box.core.access.rights import Right

    actions.set_rights(actions.employees_role(), [], by=olga)
    monkeypatch.setitem(rights._offers, "new.thing", Right("new", "A new thing", default=(EVERYONE,)))
    assert has_right(anna, "new.thing")
    assert not has_right(anna, POST)


@pytest.mark.parametrize(
    ("name", "chosen", "said"),
    [
        ("", [], "a name"),
        ("x" * 101, [], "100"),
        ("Watchers", [], "already"),
        ("Others", ["no.such"], "no.such"),
    ],
)
def test_a_bad_role_is_refused(watchers: Role, olga: User, name: str, chosen: list[str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        actions.create_role(name, chosen, by=olga)
    assert Role.objects.count() == 1


def test_a_deleted_role_allows_nothing_and_its_name_is_free(watchers: Role, anna: User, olga: User) -> None:
    actions.grant_role(watchers, EVERYONE, by=olga)
    actions.delete_role(watchers, by=olga)
    assert not has_right(anna, SEE)
    actions.create_role("Watchers", [], by=olga)


def test_built_in_roles_cannot_be_granted_renamed_or_deleted(olga: User) -> None:
    employees = actions.employees_role()
    with pytest.raises(ValidationError, match="part of the box"):
        actions.grant_role(employees, "U1", by=olga)
    with pytest.raises(ValidationError, match="part of the box"):
        actions.rename_role(employees, "Everybody", by=olga)
    with pytest.raises(ValidationError, match="part of the box"):
        actions.delete_role(employees, by=olga)


def test_each_change_is_told_of_once(watchers: Role, olga: User) -> None:
    for _ in range(2):
        actions.grant_role(watchers, EVERYONE, by=olga)
        actions.set_rights(watchers, [POST], by=olga)
    kinds = Event.objects.filter(kind__startswith="access.Role").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == [
        *("access.RoleCreated", "access.RoleRightsChanged"),
        *("access.RoleGranted", "access.RoleRightsChanged"),
    ]


def test_administrators_are_made_and_unmade_but_for_the_last(anna: User, erik: User, olga: User) -> None:
    with pytest.raises(accounts.LastAdministrator):
        accounts.set_administrator(olga, False, by=olga)
    with pytest.raises(ValidationError, match="works here"):
        accounts.set_administrator(erik, True, by=olga)
    accounts.set_administrator(anna, True, by=olga)
    accounts.set_administrator(olga, False, by=anna)
    assert has_right(anna, SEE)
    assert not has_right(olga, SEE)


def test_the_report_tells_what_one_might_on_a_day_that_is_past(
    watchers: Role, anna: User, sales: Department, olga: User
) -> None:
    deliver_all()
    before = timezone.now()
    actions.grant_role(watchers, sales.code_with_below, by=olga)
    granted = timezone.now()
    org.remove_member(sales, anna, by=olga)
    deliver_all()
    anna.refresh_from_db()

    def held(moment: object) -> set[str]:
        return {str(one.right.label) for one in rights_of(anna, at=moment).held}  # type: ignore[arg-type]

    see = str(rights[SEE].label)
    assert see not in held(before)
    assert see in held(granted)
    assert see not in held(timezone.now())
    (right,) = (one for one in rights_of(anna, at=granted).held if str(one.right.label) == see)
    (through,) = right.through
    assert through.role == "Watchers"
    assert [(grant.code, grant.granted_by) for grant in through.grants] == [(sales.code_with_below, olga)]


def test_before_anything_was_written_down_the_report_says_so(anna: User) -> None:
    report = rights_of(anna, at=timezone.now())
    assert not report.is_recorded
    assert report.held


def test_a_standing_is_written_once_however_often_it_is_told(anna: User) -> None:
    deliver_all()
    count = Standing.objects.filter(user=anna).count()
    actions.renew_codes([anna.pk])
    actions.renew_codes([anna.pk])
    deliver_all()
    assert Standing.objects.filter(user=anna).count() == count
    assert Standing.objects.current().filter(user=anna).count() == 1
    assert rights_of(anna, at=timezone.now() - timedelta(days=1)).is_recorded is False


def test_the_picture_holds_the_built_in_roles_first(watchers: Role) -> None:
    assert [role.slug for role in current().all] == ["administrators", "employees", str(watchers.pk)]


def test_the_picture_says_how_roles_are_called_and_who_needs_more_than_a_password(
    watchers: Role, olga: User
) -> None:
    def needs() -> list[tuple[str, bool]]:
        return [(str(role.name), role.needs_second_factor) for role in current().all]

    actions.create_role("accountants", [], by=olga)
    assert needs() == [
        ("Administrators", True), ("All employees", False), ("accountants", False), ("Watchers", False),
    ]  # fmt: skip
    actions.set_second_factor(actions.built_in_role(Role.Key.ADMINISTRATORS), False, by=olga)
    actions.set_second_factor(watchers, True, by=olga)
    assert [needed for _name, needed in needs()] == [False, False, False, True]
    assert [str(one) for one in (actions.employees_role(), watchers)] == ["employees", "Watchers"]


def test_the_picture_says_to_whom_each_role_is_granted_now(watchers: Role, olga: User) -> None:
    others = actions.create_role("Others", [POST], by=olga)
    for code in ("D1", "D2"):
        actions.grant_role(watchers, code, by=olga)
    actions.withdraw_role(watchers, "D1", by=olga)
    actions.grant_role(others, "D3", by=olga)
    actions.set_networks(others, ["10.0.0.0/8"], by=None, from_address="")
    granted = {role.slug: role.grantees for role in current().all}
    assert granted == {
        "administrators": set(), "employees": {EVERYONE}, str(watchers.pk): {"D2"}, str(others.pk): {"D3"},
    }  # fmt: skip
    assert current().holders[SEE] == {"D2"}
    assert current().holders[POST] == {EVERYONE, "D3"}
    assert [role.slug for role in current().with_networks] == [str(others.pk)]
    actions.delete_role(others, by=olga)
    assert str(others.pk) not in {role.slug for role in current().all}


def test_whoever_may_not_sign_in_holds_no_role(watchers: Role, anna: User, olga: User) -> None:
    actions.grant_role(watchers, f"U{anna.pk}", by=olga)

    def held(user: User) -> list[str]:
        return [role.slug for role in current().of(user)]

    assert held(anna) == ["employees", str(watchers.pk)]
    assert held(olga) == ["administrators", "employees"]
    for one in (anna, olga):
        one.status = one.Status.SUSPENDED
        assert held(one) == []
        assert not has_right(one, SEE)


def test_of_what_is_no_right_any_more_nobody_holds_anything(watchers: Role, anna: User, olga: User) -> None:
    RoleRights.objects.filter(role=watchers).update(rights=["gone.right", SEE])
    actions.grant_role(watchers, f"U{anna.pk}", by=olga)
    (now,) = (role for role in current().all if role.slug == str(watchers.pk))
    assert now.rights == {SEE}
    administrators = current().all[0]
    assert administrators.rights == {key for key, _right in rights.items()}


def test_former_rights_of_a_role_are_none_of_its_present_ones(watchers: Role, anna: User, olga: User) -> None:
    now = timezone.now()
    former = {"since": now - timedelta(days=2), "until": now - timedelta(days=1)}
    RoleRights.objects.create(role=watchers, rights=["console.restart"], **former)
    actions.grant_role(watchers, f"U{anna.pk}", by=olga)
    assert has_right(anna, SEE)
    assert not has_right(anna, "console.restart")
