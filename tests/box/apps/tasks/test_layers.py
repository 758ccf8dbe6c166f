"""Deadlines in the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.layers import deadlines

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db

SINCE = datetime(2030, 5, 1, tzinfo=UTC)
BEFORE = SINCE + timedelta(days=31)


def shown(reader: User) -> list[str]:
    return [item.title for item in deadlines(reader, SINCE, BEFORE)]


def test_one_sees_the_deadlines_of_ones_own_work_within_the_month(
    give: Give, anna: User, boris: User
) -> None:
    give("On its first moment", deadline_at=SINCE)
    give("In time", deadline_at=BEFORE - timedelta(seconds=1))
    give("Next month", deadline_at=BEFORE)
    give("Some day")
    assert shown(boris) == ["On its first moment", "In time"]
    assert shown(anna) == []


def test_what_is_over_stands_there_no_more(give: Give, anna: User, boris: User) -> None:
    task = give("Count", deadline_at=SINCE)
    complete_task(task, by=anna)
    assert shown(boris) == []


def test_what_is_late_is_red_on_the_day_of_its_reader(give: Give, boris: User) -> None:
    late = datetime(2020, 5, 4, 12, tzinfo=UTC)
    give("Long ago", deadline_at=late)
    (item,) = deadlines(boris, late - timedelta(days=1), late + timedelta(days=1))
    assert (item.starts, item.ends, item.tone) == (late.date(), late.date(), "bad")
