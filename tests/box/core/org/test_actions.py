from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.core.org import actions
from box.core.org.models import Department, Membership

if TYPE_CHECKING:
    from box.core.accounts.models import User


def test_a_department_knows_its_way_from_the_root(sales: Department) -> None:
    west = actions.create_department("West", parent=sales, by=None)
    assert west.path == [sales.parent_id, sales.pk, west.pk]


def test_a_department_has_one_head(anna: User, boris: User, sales: Department, olga: User) -> None:
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    actions.add_member(sales, boris, role=Membership.Role.HEAD, by=olga)
    roles = dict(sales.memberships.values_list("user_id", "role"))
    assert roles == {anna.pk: "member", boris.pk: "head"}


def test_a_department_without_a_name_is_refused(db: None) -> None:
    with pytest.raises(ValidationError):
        actions.create_department("  ", parent=None, by=None)
    assert not Department.objects.exists()
