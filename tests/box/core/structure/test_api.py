"""Programs make departments, move them, say who leads them, and take them away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.core.structure.models import Department, Membership
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def heads(pk: int) -> list[int]:
    led = Membership.objects.filter(department=pk, role=Membership.Role.HEAD)
    return list(led.values_list("user", flat=True))


def test_a_program_makes_and_changes_departments(
    olga: User, anna: User, boris: User, sales: Department
) -> None:
    program = program_of(olga, "department")
    pk = program.call("department.add", NAME="Export", PARENT=sales.pk, UF_HEAD=boris.pk, SORT=100)
    assert Department.objects.get(pk=pk).path == [*sales.path, pk]
    assert heads(pk) == [boris.pk]
    assert program.call("department.update", ID=pk, NAME="Abroad", UF_HEAD=anna.pk) is True
    assert heads(pk) == [anna.pk]
    program.call("department.update", ID=pk, UF_HEAD=0, PARENT=sales.parent_id)
    assert heads(pk) == []
    one = Department.objects.get(pk=pk)
    assert (one.name, one.parent_id) == ("Abroad", sales.parent_id)
    # Whoever has led it is still in it.
    assert program.error("department.delete", ID=pk) == (400, "ERROR_ARGUMENT")
    one.memberships.all().delete()
    assert program.call("department.delete", ID=pk) is True
    assert not Department.objects.filter(pk=pk).exists()


def test_only_who_may_change_the_structure_does(anna: User, sales: Department) -> None:
    program = program_of(anna, "department")
    for method, given in (
        ("department.add", {"NAME": "Export", "PARENT": sales.pk}),
        ("department.update", {"ID": sales.pk, "NAME": "Export"}),
        ("department.delete", {"ID": sales.pk}),
    ):
        assert program.error(method, **given) == (403, "ACCESS_DENIED"), method
    assert not Department.objects.filter(name="Export").exists()


def test_what_is_wrong_is_said_and_changes_nothing(olga: User, anna: User, sales: Department) -> None:
    program = program_of(olga, "department")
    there = set(Department.objects.values_list("name", "parent"))
    for method, given, code in (
        ("department.add", {"NAME": "", "PARENT": sales.pk}, "ERROR_ARGUMENT"),
        ("department.add", {"NAME": "Export"}, "ERROR_ARGUMENT"),
        ("department.add", {"NAME": "Export", "PARENT": 10**9}, "ERROR_NOT_FOUND"),
        ("department.add", {"NAME": "Export", "PARENT": sales.pk, "UF_HEAD": 10**9}, "ERROR_NOT_FOUND"),
        ("department.update", {"ID": 10**9, "NAME": "x"}, "ERROR_NOT_FOUND"),
        ("department.update", {"ID": sales.parent_id, "PARENT": sales.pk, "NAME": "x"}, "ERROR_ARGUMENT"),
        ("department.delete", {"ID": sales.pk}, "ERROR_ARGUMENT"),
    ):
        assert program.error(method, **given) == (400, code), (method, given)
    assert set(Department.objects.values_list("name", "parent")) == there


def test_the_first_department_has_nothing_above_it(olga: User) -> None:
    program = program_of(olga, "department")
    pk = program.call("department.add", NAME="Company")
    assert Department.objects.get(pk=pk).path == [pk]
    assert program.error("department.add", NAME="Another") == (400, "ERROR_ARGUMENT")
