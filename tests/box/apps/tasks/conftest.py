from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.tasks import TaskDraft, add_task

if TYPE_CHECKING:
    from box.apps.tasks.models import Task
    from box.core.accounts.models import User

type Give = Callable[..., Task]

DAY = timedelta(days=1)
ZERO = datetime(2035, 3, 5, 9, tzinfo=UTC)


@pytest.fixture
def give(anna: User, boris: User) -> Give:
    """A task that anna gives boris, unless it is said otherwise."""

    def make(title: str = "Count the boxes", *, to: User = boris, by: User = anna, **more: Any) -> Task:
        return add_task(TaskDraft(title=title, responsible=to, **more), by=by)

    return make


def planned(give: Give, title: str, first: int, days: int = 1, **more: Any) -> Task:
    """From so many days after ZERO, for so many days."""
    return give(title, starts_at=ZERO + first * DAY, ends_at=ZERO + (first + days) * DAY, **more)


@pytest.fixture
def chain(give: Give, anna: User) -> list[Task]:
    """Three in a row, without a gap."""
    tasks = [planned(give, title, place) for place, title in enumerate(("Draw", "Build", "Paint"))]
    for before, after in pairwise(tasks):
        add_dependency(before, after, by=anna)
    return tasks
