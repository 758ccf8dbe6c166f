"""Robots are set up: what is wrong is said, and what is done with one is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.models import Robot
from box.apps.crm.robots.actions import RobotDraft, remove_robot, save_robot, switch_robot
from box.core.events.models import Event
from tests.box.apps.crm.conftest import type_of
from tests.box.apps.crm.test_robots import robot

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": " "}, "Give the name"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"trigger": "date"}, "Choose the date"),
        ({"date_field": "born_on"}, "is not a valid choice"),
        ({"trigger": "idle", "days": 366}, "Between 1 and 365 days"),
    ],
)
def test_what_is_wrong_with_a_robot_is_said(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        robot(**{"trigger": "added", "code": "", **more})
    assert not Robot.objects.exists()


def test_what_is_done_with_a_robot_is_told_once_and_one_that_was_removed_stays_so(olga: User) -> None:
    kind = type_of("deal")
    one = save_robot(None, kind, RobotDraft(name=" A  robot ", trigger="added", effect="notice"), by=olga)
    save_robot(one, kind, RobotDraft(name="Another", trigger="added", effect="notice"), by=olga)
    one.refresh_from_db()
    for is_on in (True, False, False, True):
        switch_robot(one, is_on, by=olga)
    for _twice in range(2):
        remove_robot(one, by=olga)
    switch_robot(one, True, by=olga)
    one.refresh_from_db()
    assert (one.retired_at is None, one.is_on) == (False, False)
    told = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary="robot").order_by("pk")
    assert [(row.payload["change"], row.payload["name"]) for row in told] == [
        ("added", "A robot"), ("changed", "Another"), ("retired", "Another"), ("restored", "Another"),
        ("removed", "Another"),
    ]  # fmt: skip
    assert {row.payload["by_id"] for row in told} == {olga.pk}
