"""Tasks, who is in them, and what belongs to them."""

from box.apps.tasks.models.tasks import (
    KEPT_IN_TRASH_DAYS,
    KIND,
    OPEN,
    Participant,
    Task,
    TaskFile,
    TaskQuerySet,
    found_tasks,
    new_address,
    task_cards,
)

__all__ = [
    "KEPT_IN_TRASH_DAYS",
    "KIND",
    "OPEN",
    "Participant",
    "Task",
    "TaskFile",
    "TaskQuerySet",
    "found_tasks",
    "new_address",
    "task_cards",
]
