"""Who is what to a task, and what they may do with it; who sees it, its audience says."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from box.apps.tasks.models import Participant, Task, Template
from box.apps.tasks.states import Role
from box.core.access.principals import codes_of
from box.core.access.rights import has_right
from box.core.groups.models import Group
from box.core.structure.access import heads_over

if TYPE_CHECKING:
    from box.core.accounts.models import User

CREATE = "tasks.create"


def can_create(user: User) -> bool:
    return has_right(user, CREATE)


def roles_of(user: User, task: Task, *, accomplices: Container[int] | None = None) -> frozenset[Role]:
    """A query, unless the person is responsible for the task, or the numbers of its accomplices are known."""
    found = set()
    if task.responsible_id == user.pk or (
        _helps(user, task) if accomplices is None else user.pk in accomplices
    ):
        found.add(Role.DOES)
    if _manages(user, task):
        found.add(Role.MANAGES)
    return frozenset(found)


def _helps(user: User, task: Task) -> bool:
    role = Participant.Role.ACCOMPLICE
    return Participant.objects.filter(task=task.pk, user=user, role=role).exists()


def _manages(user: User, task: Task) -> bool:
    return task.created_by_id == user.pk or user.is_administrator or _moderates(user, task)


def _moderates(user: User, task: Task) -> bool:
    return task.project_id is not None and f"GM{task.project_id}" in codes_of(user)


def can_edit(user: User, task: Task) -> bool:
    """What it is about, for whom and until when."""
    return task.deleted_at is None and _manages(user, task)


def can_move_deadline(user: User, task: Task) -> bool:
    if task.deleted_at is not None:
        return False
    is_theirs = task.responsible_id == user.pk and task.may_move_deadline
    return is_theirs or can_edit(user, task)


def movable(user: User, tasks: Iterable[Task]) -> set[int]:
    """Which of these the person may plan, as `can_edit` and `can_move_deadline` say; without a query."""
    codes = codes_of(user)
    return {
        task.pk
        for task in tasks
        if task.is_open
        and (
            task.created_by_id == user.pk
            or user.is_administrator
            or (task.project_id is not None and f"GM{task.project_id}" in codes)
            or (task.responsible_id == user.pk and task.may_move_deadline and task.has_deadline_alone)
        )
    }


def can_delegate(user: User, task: Task) -> bool:
    """Whoever is responsible passes it on, and whoever gave it gives it to another."""
    return task.is_open and (task.responsible_id == user.pk or can_edit(user, task))


def can_work_on(user: User, task: Task) -> bool:
    """Tick off its list, write down time."""
    return task.deleted_at is None and (_manages(user, task) or bool(roles_of(user, task)))


def workable(user: User, tasks: Iterable[Task]) -> set[int]:
    """Which of these `can_work_on` says yes to: in a query, whatever their number."""
    there = [task for task in tasks if task.deleted_at is None]
    own = {task.pk for task in there if task.responsible_id == user.pk or _manages(user, task)}
    others = [task.pk for task in there if task.pk not in own]
    role = Participant.Role.ACCOMPLICE
    helped = Participant.objects.filter(task__in=others, user=user, role=role) if others else None
    return own if helped is None else own | set(helped.values_list("task", flat=True))


def can_comment(user: User, task: Task) -> bool:
    """Whoever sees it."""
    return task.deleted_at is None and user.is_active


def can_delete(user: User, task: Task) -> bool:
    return _manages(user, task)


def can_edit_template(user: User, template: Template) -> bool:
    """Whoever keeps it, or moderates its project."""
    if template.created_by_id == user.pk or user.is_administrator:
        return True
    return template.project_id is not None and f"GM{template.project_id}" in codes_of(user)


def can_keep_stages(user: User, owner: Group | User) -> bool:
    """Those of one's own plan, and those of a project that one moderates."""
    if not isinstance(owner, Group):
        return owner.pk == user.pk
    return user.is_administrator or f"GM{owner.pk}" in codes_of(user)


def can_keep_baselines(user: User, project: Group) -> bool:
    """Keep the dates of a project, and drop what was kept."""
    return project.archived_at is None and can_keep_stages(user, project)


def audience_of(task: Task, participant_ids: Iterable[int]) -> list[str]:
    """Everybody in it, the members of its project, and the heads above those in it. What is done in a secret
    group is its members' business alone."""
    people = {task.created_by_id, task.responsible_id, *participant_ids}
    codes = {f"U{pk}" for pk in people}
    if task.project is not None:
        codes.add(task.project.code)
    if task.project is None or task.project.kind != Group.Kind.SECRET:
        codes |= heads_over(people)
    return sorted(codes)
