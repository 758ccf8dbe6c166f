"""A department that was taken away, merged or changed is put back from what an older state says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from box.core.access.principals import codes_of
from box.core.structure import export
from box.core.structure.actions import (
    add_member,
    create_department,
    delete_department,
    merge_departments,
    place,
    rename_department,
)
from box.core.structure.models import Department

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def packed(department: Department) -> Any:
    return json.loads(json.dumps(export.pack(department.pk), cls=DjangoJSONEncoder))


@pytest.fixture
def top(olga: User) -> Department:
    return create_department("Headquarters", parent=None, by=olga)


def test_one_that_was_taken_away_comes_back_with_those_who_belong_nowhere(
    top: Department, olga: User, anna: User, cara: User
) -> None:
    lost = create_department("Lost", parent=top, by=olga)
    for person in (anna, cara):
        add_member(lost, person, by=olga)
    rows = packed(lost)
    # Of the two, anna belongs somewhere else as well.
    place(cara, {}, by=olga)
    lost.memberships.all().delete()
    delete_department(lost, by=olga)
    assert not export.is_there(rows)
    for _ in range(2):
        export.put_back(rows, olga)
    there = Department.objects.get(pk=lost.pk)
    assert (there.name, there.parent, there.path) == ("Lost", top, [top.pk, lost.pk])
    assert [one.user for one in there.memberships.all()] == [cara]
    assert there.code in codes_of(cara)
    assert export.is_same(rows)


def test_one_that_was_merged_stands_by_itself_again(top: Department, olga: User) -> None:
    first, second = (create_department(name, parent=top, by=olga) for name in ("First", "Second"))
    rows = packed(first)
    merge_departments(first, second, by=olga)
    assert not export.is_there(rows)
    export.put_back(rows, olga)
    first.refresh_from_db()
    assert (first.merged_into, first.parent, first.path) == (None, top, [top.pk, first.pk])


def test_one_that_was_renamed_has_its_name_again(top: Department, olga: User) -> None:
    one = create_department("As it was", parent=top, by=olga)
    rows = packed(one)
    rename_department(one, "Another name", by=olga)
    assert (export.is_there(rows), export.is_same(rows)) == (True, False)
    export.put_back(rows, olga)
    one.refresh_from_db()
    assert one.name == "As it was"


def test_who_may_not_change_the_structure_neither_finds_nor_puts_back(
    top: Department, olga: User, anna: User
) -> None:
    rows = packed(top)
    assert [one.title for one in export.find("headq", olga)] == ["Headquarters"]
    assert list(export.find("headq", anna)) == []
    with pytest.raises(ValidationError, match="named"):
        export.put_back(rows, anna)
