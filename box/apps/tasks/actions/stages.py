"""The columns of boards that people make for themselves, and what stands in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.tasks.access import can_keep_stages, can_work_on
from box.apps.tasks.actions.locking import Gone, locked, must
from box.apps.tasks.actions.tasks import place_task
from box.apps.tasks.events import StagesChanged, TaskPlaced
from box.apps.tasks.models import LONGEST_STAGE, Placement, Task, TaskStage
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.groups.models import Group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_STAGES = 20
Usual = TaskStage.Usual
OF_A_PROJECT = (Usual.NEW, Usual.IN_WORK, Usual.DONE)
OF_A_PLAN = (Usual.NOT_PLANNED, Usual.TODAY, Usual.THIS_WEEK)
COLORS = ("#8c8371", "#3a4169", "#17695a", "#c08a4a", "#2c6e3f", "#a8322a", "#6b4a78")

_COLOR = re.compile("#[0-9a-fA-F]{6}")


def stages_of(owner: Group | User) -> Sequence[TaskStage]:
    """Its columns, with those that everybody begins with where there are none yet."""
    return list(TaskStage.objects.of(owner)) or _begin_stages(owner)


@transaction.atomic
def _begin_stages(owner: Group | User) -> Sequence[TaskStage]:
    _lock_board(owner)
    found = list(TaskStage.objects.of(owner))
    if found:
        return found
    usual = OF_A_PROJECT if isinstance(owner, Group) else OF_A_PLAN
    return TaskStage.objects.bulk_create(
        _stage(owner, str(one.label), place, color, one)
        for place, (one, color) in enumerate(zip(usual, COLORS, strict=False))
    )


@transaction.atomic
def add_stage(owner: Group | User, name: str, *, color: str = "", by: User) -> TaskStage:
    """Behind the others. A color such as #17695a; none is the next of those that boards begin with."""
    must(can_keep_stages(by, owner), _whose())
    _lock_board(owner)
    known = stages_of(owner)
    if len(known) >= MOST_STAGES:
        raise ValidationError(_("A board has at most %(most)s stages.") % {"most": MOST_STAGES}, code="many")
    position = known[-1].position + 1
    stage = _stage(owner, _checked(name), position, _checked_color(color) if color else next_color(known))
    stage.save()
    _tell(stage, by)
    return stage


def next_color(known: Sequence[TaskStage]) -> str:
    """Of one behind these, where none is said."""
    return COLORS[len(known) % len(COLORS)]


@transaction.atomic
def change_stage(stage: TaskStage, values: Mapping[str, str], *, by: User) -> None:
    """`name`, `color` such as #17695a, or both. Raises ValidationError."""
    stage = _held(stage, by)
    if "name" in values and (name := _checked(values["name"])) != stage.label:
        stage.name, stage.usual = name, ""
    if "color" in values:
        stage.color = _checked_color(values["color"])
    stage.save(update_fields=["name", "usual", "color"])
    _tell(stage, by)


@transaction.atomic
def move_stage(stage: TaskStage, by_places: int, *, by: User) -> None:
    """To the left or to the right."""
    stage = _held(stage, by)
    stages = list(TaskStage.objects.of(_owner(stage)))
    place = stages.index(stage)
    stages.insert(max(0, min(place + by_places, len(stages) - 1)), stages.pop(place))
    for position, one in enumerate(stages):
        one.position = position
    TaskStage.objects.bulk_update(stages, ["position"])
    _tell(stage, by)


@transaction.atomic
def delete_stage(stage: TaskStage, *, by: User) -> None:
    """What stood in it is in the first one. The last one stays."""
    # Whoever is putting a task into it has done so, or finds it gone.
    stage = _locked(_held(stage, by))
    if TaskStage.objects.of(_owner(stage)).count() == 1:
        raise ValidationError(_("A board has at least one stage."), code="last")
    _tell(stage, by)
    stage.delete()


@transaction.atomic
def put_into_stage(task: Task, stage: TaskStage, after: int | None, before: int | None, *, by: User) -> None:
    """Between the tasks with these ids. On one's own plan whoever sees the task puts it where they like."""
    task = locked(task)
    stage = _locked(stage)
    if stage.user_id is None:
        must(can_work_on(by, task), _("Only whoever works on the task does this."))
        if stage.project_id != task.project_id:
            raise ValidationError(_("The task is not in this project any more."), code="project")
    else:
        must(stage.user_id == by.pk, _("Everybody has a plan of their own."))
    others = Placement.objects.filter(task=task, stage__in=TaskStage.objects.of(_owner(stage)))
    if set(others.values_list("stage", flat=True)) != {stage.pk}:
        others.delete()
        Placement.objects.create(task=task, stage=stage)
        emit(TaskPlaced(task_id=task.pk, by_id=by.pk, stage=str(stage), is_own=stage.user_id is not None))
    if can_work_on(by, task):
        place_task(task, after, before, by=by)


def _lock_board(owner: Group | User) -> None:
    """Whoever adds columns to the same board waits here."""
    type(owner)._base_manager.select_for_update(no_key=True).get(pk=owner.pk)


def _stage(owner: Group | User, name: str, position: int, color: str, usual: str = "") -> TaskStage:
    whose = {"project": owner} if isinstance(owner, Group) else {"user": owner}
    return TaskStage(name=name, position=position, color=color, usual=usual, **whose)


def _owner(stage: TaskStage) -> Group | User:
    owner = stage.project or stage.user
    assert owner is not None  # noqa: S101 - the database says so
    return owner


def _locked(stage: TaskStage) -> TaskStage:
    rows = TaskStage.objects.select_related("project", "user").select_for_update(of=("self",))
    return rows.filter(pk=stage.pk).first() or _gone()


def _held(stage: TaskStage, by: User) -> TaskStage:
    found = TaskStage.objects.select_related("project", "user").filter(pk=stage.pk).first() or _gone()
    must(can_keep_stages(by, _owner(found)), _whose())
    _lock_board(_owner(found))
    return found


def _gone() -> TaskStage:
    raise Gone


def _checked_color(color: str) -> str:
    if not _COLOR.fullmatch(color):
        raise ValidationError(_("Write a color such as #17695a."), code="color")
    return color.lower()


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_STAGE:
        said = _("A stage has a name of at most %(most)s characters.") % {"most": LONGEST_STAGE}
        raise ValidationError(said, code="name")
    return name


def _whose() -> str:
    return _("The stages of a project are kept by its moderators.")


def _tell(stage: TaskStage, by: User) -> None:
    emit(StagesChanged(by_id=by.pk, group_id=stage.project_id))
