"""Calendars, when two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.apps.calendar.models import Calendar
from box.core.access.principals import code_of
from box.core.people.merging import merge_people
from tests.box.apps.calendar.conftest import planned

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_the_second_main_calendar_is_called_after_whose_it_was(anna: User, boris: User, olga: User) -> None:
    planned(anna)
    planned(boris)
    merge_people(boris, anna, by=olga)
    own = Calendar.objects.filter(code=code_of(anna)).in_order()
    assert [(one.name, one.is_main) for one in own] == [("", True), (boris.name, False)]


def test_the_only_calendar_stays_the_main_one(anna: User, boris: User, olga: User) -> None:
    planned(boris)
    merge_people(boris, anna, by=olga)
    assert [(one.name, one.is_main) for one in Calendar.objects.filter(code=code_of(anna))] == [("", True)]
