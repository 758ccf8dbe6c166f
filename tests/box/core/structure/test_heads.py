"""Who leads whom, as codes: what heads see of others' work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.access.principals import codes_of, people_behind
from box.core.accounts.models import User
from box.core.structure.access import heads_over
from box.core.structure.actions import (
    add_member,
    create_department,
    merge_departments,
    move_member,
    remove_member,
)
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from box.core.structure.models import Department

HEAD, DEPUTY = Membership.Role.HEAD, Membership.Role.DEPUTY


def codes(user: User) -> set[str]:
    return {code for code in codes_of(User.objects.get(pk=user.pk)) if code.startswith("H")}


def test_heads_and_deputies_answer_to_what_they_lead_and_members_do_not(
    anna: User, boris: User, cara: User, sales: Department
) -> None:
    add_member(sales, anna, role=HEAD, by=None)
    add_member(sales, cara, role=DEPUTY, by=None)
    assert codes(anna) == codes(cara) == {f"H{sales.pk}"}
    assert codes(boris) == set()


def test_a_member_is_led_by_their_own_department_and_by_all_above(
    anna: User, boris: User, sales: Department
) -> None:
    shop = create_department("Shop", parent=sales, by=None)
    move_member(boris, sales, shop, by=None)
    add_member(sales, anna, role=HEAD, by=None)
    assert {f"H{shop.pk}", f"H{sales.pk}"} <= heads_over([boris.pk])


def test_nobody_is_their_own_head_and_a_deputy_is_led_by_the_head_beside_them(
    anna: User, boris: User, sales: Department
) -> None:
    add_member(sales, anna, role=HEAD, by=None)
    add_member(sales, boris, role=DEPUTY, by=None)
    assert f"H{sales.pk}" not in heads_over([anna.pk])
    assert f"H{sales.pk}" in heads_over([boris.pk])


def test_whoever_stops_to_lead_loses_it_at_once(anna: User, boris: User, sales: Department) -> None:
    add_member(sales, anna, role=HEAD, by=None)
    assert codes(anna)
    add_member(sales, boris, role=HEAD, by=None)
    assert (codes(anna), codes(boris)) == (set(), {f"H{sales.pk}"})
    remove_member(sales, boris, by=None)
    assert codes(boris) == set()


def test_who_leads_a_department_leads_what_was_merged_into_it(
    anna: User, boris: User, sales: Department
) -> None:
    shop = create_department("Shop", parent=sales, by=None)
    move_member(boris, sales, shop, by=None)
    add_member(sales, anna, role=HEAD, by=None)
    merge_departments(shop, sales, by=None)
    assert codes(anna) == {f"H{shop.pk}", f"H{sales.pk}"}


def test_behind_the_code_are_those_who_lead(anna: User, boris: User, sales: Department) -> None:
    add_member(sales, anna, role=HEAD, by=None)
    found = User.objects.filter(people_behind([f"H{sales.pk}"]))
    assert set(found) == {anna}
