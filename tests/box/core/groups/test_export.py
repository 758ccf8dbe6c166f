"""A group that was deleted or changed is put back from what an older state says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from box.core.access.principals import codes_of
from box.core.accounts.models import User
from box.core.groups import export
from box.core.groups.actions import NewGroup, change_group, create_group, delete_group, join_group
from box.core.groups.models import Group

if TYPE_CHECKING:
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def packed(group: Group) -> Any:
    return json.loads(json.dumps(export.pack(group.pk), cls=DjangoJSONEncoder))


@pytest.fixture
def running(anna: User, boris: User, cara: User) -> Group:
    group = create_group(NewGroup("Running", "Every Tuesday"), by=anna)
    for person in (boris, cara):
        join_group(group, by=person)
    return group


def test_one_that_was_deleted_comes_back_with_those_who_are_still_here(
    running: Group, anna: User, boris: User, cara: User
) -> None:
    rows, code = packed(running), running.code
    delete_group(running, by=anna)
    User.objects.filter(pk=cara.pk).update(status=User.Status.DISMISSED)
    assert not export.is_there(rows)
    for _ in range(2):
        export.put_back(rows, anna)
    group = Group.objects.get()
    assert (group.code, group.name, group.members_count) == (code, "Running", 2)
    assert {(one.user, one.role) for one in group.members.all()} == {(anna, "owner"), (boris, "member")}
    assert code in codes_of(boris)
    assert export.is_same(rows)


def test_one_whose_owner_has_left_is_the_administrators(running: Group, anna: User, olga: User) -> None:
    rows = packed(running)
    delete_group(running, by=anna)
    User.objects.filter(pk=anna.pk).update(status=User.Status.DISMISSED)
    export.put_back(rows, olga)
    assert Group.objects.get().members.get(role="owner").user == olga


def test_one_that_was_changed_is_called_as_before(running: Group, anna: User) -> None:
    rows = packed(running)
    change_group(running, NewGroup("Walking"), by=anna)
    assert (export.is_there(rows), export.is_same(rows)) == (True, False)
    export.put_back(rows, anna)
    running.refresh_from_db()
    assert (running.name, running.description) == ("Running", "Every Tuesday")


def test_a_member_neither_finds_nor_puts_it_back(
    running: Group, anna: User, boris: User, olga: User, sales: Department
) -> None:
    assert [one.title for one in export.find("runn", anna)] == ["Running"]
    assert [one.title for one in export.find("runn", olga)] == ["Running"]
    assert list(export.find("runn", boris)) == []
    with pytest.raises(ValidationError, match="by its owner"):
        export.put_back(packed(running), boris)
