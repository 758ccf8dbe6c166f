"""Whom this room's messages and results reach."""

from __future__ import annotations

from box.apps.tasks.actions.states import start_task
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.apps.tasks.actions.time import start_timer
from box.apps.tasks.models import Task
from box.core.discussion.actions import add_comment
from tests.box.reach import Exported, Found, Push, World
from tests.box.visits import signed_in


def _given(world: World, title: str = "Count the boxes") -> Task:
    """By anna to boris: nobody leads sales, and so nobody else sees it."""
    return add_task(TaskDraft(title=title, responsible=world.cast.boris), by=world.cast.anna)


def _in_group(world: World, title: str = "Count the boxes") -> Task:
    draft = TaskDraft(title=title, responsible=world.cast.anna, project=world.partners)
    return add_task(draft, by=world.cast.anna)


def _comment(world: World, word: str) -> object:
    return add_comment(_in_group(world).thread, word, by=world.cast.anna)


PUSHES = (
    Push("tasks", "added", _given, "anna boris"),
    Push("tasks", "added", _in_group, "anna erik"),
    Push("tasks", "clock", lambda world: start_timer(_given(world), by=world.cast.boris), "boris"),
    Push("tasks", "changed", lambda world: start_task(_given(world), by=world.cast.boris), "anna boris"),
)
FOUND = (
    Found("tasks.task", _given, "olga anna boris"),
    Found("tasks.task", _in_group, "olga anna erik"),
    Found("tasks.comment", _comment, "olga anna erik"),
)
EXPORTS = (
    Exported("box.apps.tasks.views.lists.tasks", "tasks:list", signed_in(200), query="as=csv"),
    Exported("box.apps.tasks.views.time.report", "tasks:time", signed_in(200), query="as=csv"),
    Exported("box.apps.tasks.views.templates.templates", "tasks:templates", signed_in(403), query="as=csv"),
    Exported("box.apps.tasks.views.lists.trash", "tasks:trash", signed_in(403), query="as=csv"),
)
