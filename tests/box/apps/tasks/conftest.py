from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.tasks.actions.tasks import TaskDraft, add_task

if TYPE_CHECKING:
    from box.apps.tasks.models import Task
    from box.core.accounts.models import User

type Give = Callable[..., Task]


@pytest.fixture
def give(anna: User, boris: User) -> Give:
    """A task that anna gives boris, unless it is said otherwise."""

    def make(title: str = "Count the boxes", *, to: User = boris, by: User = anna, **more: Any) -> Task:
        return add_task(TaskDraft(title=title, responsible=to, **more), by=by)

    return make
