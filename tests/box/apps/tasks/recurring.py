"""A scheduler that is killed while it gives a task by a template."""

from __future__ import annotations

from typing import Any
from unittest import mock

from django.utils import timezone

from box.apps.tasks.actions import tasks, templates
from tests.box.processes import hang


def give_and_die() -> None:
    """Hangs once the task is written, and once more when all of it is committed."""
    add = tasks.add_task

    def added(*args: Any, **kwargs: Any) -> Any:
        task = add(*args, **kwargs)
        hang("within the transaction")
        return task

    with mock.patch.object(templates, "add_task", added):
        templates.give_next(timezone.now())
    hang("after it")
