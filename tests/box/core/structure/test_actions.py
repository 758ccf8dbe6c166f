from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from box.core.access.principals import codes_of
from box.core.events.models import Event
from box.core.structure import actions
from box.core.structure.actions import PlaceForbidden, StructureRefused
from box.core.structure.models import Department, Membership
from tests.box.processes import PATIENCE

if TYPE_CHECKING:
    from box.core.accounts.models import User

type Make = Callable[..., Department]


@pytest.fixture
def under(sales: Department) -> Make:
    def make(name: str, parent: Department | None = None) -> Department:
        return actions.create_department(name, parent=parent or sales.parent, by=None)

    return make


def again(*departments: Department) -> None:
    for department in departments:
        department.refresh_from_db()


def events(kind: str) -> int:
    return Event.objects.filter(kind=f"org.{kind}").count()


def version(person: User) -> int:
    person.refresh_from_db()
    return person.access_version


def test_a_department_knows_its_way_from_the_root(sales: Department) -> None:
    west = actions.create_department("West", parent=sales, by=None)
    assert west.path == [sales.parent_id, sales.pk, west.pk]


def test_a_department_has_one_head(anna: User, boris: User, sales: Department, olga: User) -> None:
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    actions.add_member(sales, boris, role=Membership.Role.HEAD, by=olga)
    roles = dict(sales.memberships.values_list("user_id", "role"))
    assert roles == {anna.pk: "member", boris.pk: "head"}


def test_to_lead_changes_what_one_sees(anna: User, sales: Department, olga: User) -> None:
    before = version(anna)
    actions.add_member(sales, anna, role=Membership.Role.DEPUTY, by=olga)
    assert version(anna) > before


def test_a_department_without_a_name_is_refused(db: None) -> None:
    with pytest.raises(ValidationError):
        actions.create_department("  ", parent=None, by=None)
    assert not Department.objects.exists()


def test_a_department_is_renamed(sales: Department, olga: User) -> None:
    actions.rename_department(sales, " Продажи ", by=olga)
    again(sales)
    assert sales.name == "Продажи"
    assert events("DepartmentRenamed") == 1
    with pytest.raises(ValidationError):
        actions.rename_department(sales, "", by=olga)


def test_a_department_moves_with_all_below_it(sales: Department, under: Make, olga: User) -> None:
    works, west = under("Works"), under("West", sales)
    town = under("Town", west)
    actions.move_department(west, works, by=olga)
    again(west, town)
    root = sales.parent_id
    assert (west.parent_id, west.path) == (works.pk, [root, works.pk, west.pk])
    assert (town.parent_id, town.path) == (west.pk, [root, works.pk, west.pk, town.pk])
    assert events("DepartmentMoved") == 1


def test_a_move_renews_exactly_the_codes_that_change(
    sales: Department, under: Make, anna: User, boris: User, cara: User, olga: User
) -> None:
    """boris is of sales and of works anyway: that west leaves one for the other is nothing to him."""
    works, west = under("Works"), under("West", sales)
    team = under("Team", works)
    actions.place(cara, {west.pk: "member"}, by=olga)
    actions.place(boris, {sales.pk: "member", west.pk: "member", team.pk: "member"}, by=olga)
    before = {person: version(person) for person in (anna, boris, cara)}
    actions.move_department(west, works, by=olga)
    changed = {person.first_name for person in before if version(person) != before[person]}
    assert changed == {"Cara"}
    assert f"DR{works.pk}" in codes_of(cara)
    assert f"DR{sales.pk}" not in codes_of(cara)


@pytest.mark.parametrize("onto", ["itself", "its child", "its grandchild"])
def test_a_cycle_is_refused(sales: Department, under: Make, olga: User, onto: str) -> None:
    west = under("West", sales)
    town = under("Town", west)
    target = {"itself": sales, "its child": west, "its grandchild": town}[onto]
    with pytest.raises(StructureRefused, match="is part of Sales"):
        actions.move_department(sales, target, by=olga)
    with pytest.raises(StructureRefused):
        actions.merge_departments(sales, target, by=olga)
    again(sales)
    assert sales.path == [sales.parent_id, sales.pk]
    assert not events("DepartmentMoved")


def test_the_top_stays_on_top(sales: Department, under: Make, olga: User) -> None:
    assert sales.parent is not None
    other = actions.create_department("Other", parent=None, by=None)
    with pytest.raises(StructureRefused, match="stands at the top"):
        actions.move_department(sales.parent, other, by=olga)


def test_two_merged_departments_hear_what_either_was_told(
    sales: Department, under: Make, anna: User, cara: User, olga: User
) -> None:
    works = under("Works")
    west = under("West", sales)
    actions.add_member(works, cara, role=Membership.Role.HEAD, by=olga)
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    version(anna), version(cara)
    actions.merge_departments(sales, works, by=olga)
    version(anna), version(cara)
    again(west)
    assert west.path == [works.parent_id, works.pk, west.pk]
    assert dict(works.memberships.values_list("user", "role")) == {anna.pk: "member", cara.pk: "head"}
    assert {f"D{sales.pk}", f"DR{sales.pk}", f"D{works.pk}"} <= codes_of(anna)
    assert {f"D{sales.pk}", f"DR{sales.pk}", f"D{works.pk}"} <= codes_of(cara)
    assert sales not in Department.objects.standing()
    with pytest.raises(StructureRefused, match="is gone"):
        actions.add_member(sales, cara, by=olga)


def test_whoever_is_of_both_stays_what_they_are_in_the_one_that_remains(
    sales: Department, under: Make, anna: User, boris: User, olga: User
) -> None:
    works = under("Works")
    actions.place(boris, {sales.pk: "deputy", works.pk: "head"}, by=olga)
    actions.merge_departments(sales, works, by=olga)
    assert dict(works.memberships.values_list("user", "role")) == {anna.pk: "member", boris.pk: "head"}
    again(sales)
    assert (sales.merged_into_id, sales.parent_id, sales.path) == (works.pk, None, [sales.pk])


def test_a_department_that_is_gone_is_changed_by_nobody(sales: Department, under: Make, olga: User) -> None:
    works, merged, deleted = under("Works"), under("Merged"), under("Deleted")
    read_before = Department.objects.get(pk=deleted.pk)
    actions.merge_departments(merged, works, by=olga)
    actions.delete_department(deleted, by=olga)
    told()
    changes: list[Callable[[Department], object]] = [
        lambda gone: under("New", gone),
        lambda gone: actions.move_department(gone, sales, by=olga),
        lambda gone: actions.move_department(works, gone, by=olga),
        lambda gone: actions.merge_departments(gone, sales, by=olga),
        lambda gone: actions.merge_departments(works, gone, by=olga),
        lambda gone: actions.delete_department(gone, by=olga),
    ]
    for gone in (merged, read_before):
        for change in changes:
            with pytest.raises(StructureRefused, match="is gone"):
                change(gone)
    assert told() == []


def test_whoever_does_not_change_the_structure_moves_nobody(
    sales: Department, under: Make, anna: User, cara: User
) -> None:
    works = under("Works")
    told()
    with pytest.raises(PlaceForbidden, match="for whoever may change the structure"):
        actions.move_member(anna, sales, works, by=cara)
    assert (actions.roles_of(anna), told()) == ({sales.pk: "member"}, [])


def test_what_was_merged_goes_along_into_the_next(
    sales: Department, under: Make, anna: User, cara: User, olga: User
) -> None:
    works, shop = under("Works"), under("Shop")
    actions.merge_departments(sales, works, by=olga)
    actions.merge_departments(works, shop, by=olga)
    version(anna)
    assert {f"D{sales.pk}", f"D{works.pk}", f"D{shop.pk}"} <= codes_of(anna)


def test_only_an_empty_department_is_deleted(sales: Department, under: Make, anna: User, olga: User) -> None:
    west = under("West", sales)
    assert sales.parent is not None
    with pytest.raises(StructureRefused, match="is not empty"):
        actions.delete_department(sales, by=olga)
    with pytest.raises(StructureRefused, match="stands at the top"):
        actions.delete_department(sales.parent, by=olga)
    actions.delete_department(west, by=olga)
    assert not Department.objects.filter(pk=west.pk).exists()
    assert events("DepartmentDeleted") == 1


def test_a_person_moves_from_one_department_to_another(
    sales: Department, under: Make, anna: User, boris: User, olga: User
) -> None:
    works = under("Works")
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    actions.move_member(anna, sales, works, by=olga)
    assert actions.roles_of(anna) == {works.pk: "member"}
    assert actions.roles_of(boris) == {sales.pk: "member"}, "the others stay"
    with pytest.raises(StructureRefused, match="not in Sales any more"):
        actions.move_member(anna, sales, works, by=olga)


def test_what_a_source_owns_is_changed_there(sales: Department, under: Make, anna: User, olga: User) -> None:
    works = under("Works")
    Department.objects.filter(pk=sales.pk).update(source="Active Directory")
    again(sales)
    changes: list[Callable[[], object]] = [
        lambda: actions.rename_department(sales, "New", by=olga),
        lambda: actions.move_department(sales, works, by=olga),
        lambda: actions.merge_departments(sales, works, by=olga),
        lambda: actions.delete_department(sales, by=olga),
    ]
    for change in changes:
        with pytest.raises(StructureRefused, match="comes from Active Directory"):
            change()
    actions.rename_department(sales, "New", by=None)


def test_where_a_source_has_put_a_person_they_stay(
    sales: Department, under: Make, anna: User, olga: User
) -> None:
    from box.core.accounts.models import Profile

    Profile.objects.create(user=anna, owners={"departments": "Active Directory"})
    with pytest.raises(StructureRefused, match="Active Directory decides where Anna Test belongs"):
        actions.move_member(anna, sales, under("Works"), by=olga)
    actions.place(anna, {}, by=None)


def told() -> list[tuple[str, dict[str, object]]]:
    """What was said of the structure since this was last asked."""
    rows = Event.objects.filter(kind__startswith="org.").order_by("pk")
    found = [(row.kind.removeprefix("org."), row.payload) for row in rows]
    rows.delete()
    return found


def test_each_change_of_the_structure_is_told_once_and_what_changes_nothing_is_not(
    sales: Department, under: Make, olga: User
) -> None:
    by = {"by_id": olga.pk}
    told()
    works = actions.create_department(" Works ", parent=sales.parent, by=olga)
    of_works = {"department_id": works.pk, **by}
    assert works.name == "Works"
    assert told() == [("DepartmentCreated", of_works), ("StructureChanged", by)]
    for _twice in range(2):
        actions.rename_department(works, " Plant ", by=olga)
    assert told() == [("DepartmentRenamed", of_works), ("StructureChanged", by)]
    moved = {**of_works, "from_id": sales.parent_id, "to_id": sales.pk}
    for _twice in range(2):
        actions.move_department(works, sales, by=olga)
    assert told() == [("DepartmentMoved", moved), ("StructureChanged", by)]
    actions.merge_departments(under("Shop"), works, by=olga)
    assert [kind for kind, _payload in told()[-2:]] == ["DepartmentMerged", "StructureChanged"]
    actions.delete_department(works, by=olga)
    assert told() == [("DepartmentDeleted", {**of_works, "name": "Plant"}), ("StructureChanged", by)]


def test_who_comes_goes_or_leads_is_told_and_who_stays_as_they_are_is_not(
    sales: Department, under: Make, anna: User, olga: User
) -> None:
    works = under("Works")
    told()
    by = {"by_id": olga.pk}
    for _twice in range(2):
        actions.place(anna, {sales.pk: "head", works.pk: "member"}, by=olga)
    of_anna = {"user_id": anna.pk, **by}
    assert told() == [
        ("MemberAdded", {**of_anna, "department_id": sales.pk, "role": "head"}),
        ("MemberAdded", {**of_anna, "department_id": works.pk, "role": "member"}),
        ("StructureChanged", by),
    ]
    actions.remove_member(works, anna, by=olga)
    assert told() == [
        ("MemberRemoved", {**of_anna, "department_id": works.pk}), ("StructureChanged", by)
    ]  # fmt: skip
    assert actions.roles_of(anna) == {sales.pk: "head"}
    actions.remove_member(works, anna, by=olga)
    assert told() == []


def test_with_a_new_head_the_former_one_leads_no_more_and_deputies_stay(
    sales: Department, under: Make, anna: User, boris: User, cara: User, olga: User
) -> None:
    works = under("Works")
    for department in (sales, works):
        actions.add_member(department, anna, role=Membership.Role.HEAD, by=olga)
    actions.add_member(sales, cara, role=Membership.Role.DEPUTY, by=olga)
    before = version(anna)
    assert f"H{sales.pk}" in codes_of(anna)
    actions.add_member(sales, boris, role=Membership.Role.HEAD, by=olga)
    roles = dict(sales.memberships.values_list("user", "role"))
    assert roles == {anna.pk: "member", boris.pk: "head", cara.pk: "deputy"}
    assert version(anna) > before
    # Elsewhere she leads still.
    assert actions.roles_of(anna)[works.pk] == "head"
    assert {f"H{sales.pk}", f"H{works.pk}"} & set(codes_of(anna)) == {f"H{works.pk}"}


def test_what_holds_nothing_but_departments_or_nobody_but_people_is_not_empty(
    sales: Department, under: Make, anna: User, olga: User
) -> None:
    outer = under("Outer")
    under("Inner", outer)
    for department in (outer, sales):
        with pytest.raises(StructureRefused, match="is not empty"):
            actions.delete_department(department, by=olga)
    assert actions.roles_of(anna) == {sales.pk: "member"}


def test_the_structure_hears_of_those_who_lead_alone(
    sales: Department, anna: User, boris: User, olga: User
) -> None:
    actions.add_member(sales, anna, role=Membership.Role.DEPUTY, by=olga)
    told()
    actions.renew_leader(boris.pk, olga.pk)
    assert told() == []
    actions.renew_leader(anna.pk, olga.pk)
    assert told() == [("StructureChanged", {"by_id": olga.pk})]


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_make_no_cycle(sales: Department, under: Make, olga: User) -> None:
    """Each is allowed alone; together they would hang in the air."""
    works = under("Works")
    ready, problems = threading.Barrier(2), []

    def move(department: Department, onto: Department) -> None:
        try:
            ready.wait(PATIENCE)
            actions.move_department(department, onto, by=None)
        except StructureRefused as refused:
            problems.append(refused)
        finally:
            connection.close()

    threads = [threading.Thread(target=move, args=pair) for pair in ((sales, works), (works, sales))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    again(sales, works)
    assert len(problems) == 1
    assert sorted(map(len, (sales.path, works.path))) == [2, 3]


def test_a_department_that_was_deleted_is_there_again_by_its_number(
    sales: Department, under: Make, anna: User
) -> None:
    west = under("West", sales)
    number = west.pk
    actions.delete_department(west, by=None)
    back = actions.create_department("West", parent=sales, by=None, number=number)
    assert (back.pk, back.path) == (number, [sales.parent_id, sales.pk, number])
    actions.add_member(back, anna, by=None)
    # What was addressed to it reaches its people.
    assert {f"D{number}", f"DR{number}"} <= set(codes_of(anna))
    # One that stands is nobody else's.
    with pytest.raises(ValidationError):
        actions.create_department("East", parent=sales, by=None, number=number)
    back.refresh_from_db()
    assert back.name == "West"
    assert under("North").pk > number
