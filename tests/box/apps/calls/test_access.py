"""Who sees which calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.apps.calls.access import LISTEN, can_listen, can_write
from box.apps.calls.models import LoggedCall
from box.apps.calls.permissions import SEE_ALL
from box.core.access.actions import create_role, grant_role
from box.core.accounts.models import User
from box.core.structure.actions import add_member, create_department
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def seen_by(user: User) -> bool:
    return LoggedCall.objects.visible_to(User.objects.get(pk=user.pk)).exists()


@pytest.fixture
def logged(call: Callable[..., LoggedCall]) -> LoggedCall:
    """Anna's: boris's telephone rang as well."""
    return call("incoming_queue")


def test_who_took_part_sees_it_and_a_stranger_does_not(
    logged: LoggedCall, anna: User, boris: User, cara: User, erik: User
) -> None:
    assert seen_by(anna)
    assert seen_by(boris)
    assert not seen_by(cara)
    assert not seen_by(erik)


def test_who_leads_the_department_or_one_above_sees_it(
    logged: LoggedCall, cara: User, sales: Department
) -> None:
    add_member(Department.objects.get(pk=sales.path[0]), cara, role=Membership.Role.HEAD, by=None)
    assert seen_by(cara)


def test_who_leads_another_department_or_only_belongs_to_it_does_not(
    logged: LoggedCall, cara: User, erik: User, sales: Department
) -> None:
    company = Department.objects.get(pk=sales.path[0])
    add_member(create_department("Store", parent=company, by=None), cara, role=Membership.Role.HEAD, by=None)
    add_member(sales, cara, by=None)
    assert not seen_by(cara)


def test_the_right_shows_everybodys_calls(logged: LoggedCall, cara: User) -> None:
    grant_role(create_role("Quality", [SEE_ALL], by=None), f"U{cara.pk}", by=None)
    assert seen_by(cara)


def test_a_recording_is_heard_by_who_took_part_or_has_the_right(
    logged: LoggedCall, anna: User, cara: User
) -> None:
    assert can_listen(anna, logged)
    assert not can_listen(cara, logged)
    grant_role(create_role("Quality", [LISTEN], by=None), f"U{cara.pk}", by=None)
    assert can_listen(User.objects.get(pk=cara.pk), logged)
    # To listen is not to see.
    assert not seen_by(cara)


def test_notes_are_written_by_who_took_part(logged: LoggedCall, boris: User, cara: User) -> None:
    assert can_write(boris, logged)
    assert not can_write(cara, logged)
