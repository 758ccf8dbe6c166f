"""Cells of the list of tasks that are changed where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from box.apps.tasks.actions.stages import put_into_stage, stages_of
from box.apps.tasks.actions.tasks import change_task, delegate_task
from box.apps.tasks.forms import DeadlineForm
from box.apps.tasks.models import Task, TaskStage
from box.core.accounts.models import User
from box.core.lists.definition import Edit
from box.core.lists.filters import PERSON_KIND
from box.core.lists.presenters import macro
from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from django.http import QueryDict
    from markupsafe import Markup


def _deadline_input(task: Task, reader: User) -> Markup:
    return macro("tasks/ui.html", "deadline_input")(task)


def _write_deadline(task: Task, given: QueryDict, by: User) -> None:
    form = DeadlineForm(given)
    if not form.is_valid():
        raise ValidationError(_("Write a day and a time."), code="deadline")
    change_task(task, {"deadline_at": form.cleaned_data["deadline_at"]}, by=by)


def _person_input(task: Task, reader: User) -> Markup:
    facts = "responsible", PERSON_KIND, "U", {f"U{task.responsible_id}": task.responsible.name}
    label = pgettext("task", "Responsible")
    return macro("lists/filters.html", "pick")(*facts, label, True)


def _write_person(task: Task, given: QueryDict, by: User) -> None:
    """The last that is named: who is there already stands first."""
    code = next(iter(given.getlist("responsible")[-1:]), "")
    pk = whole_number(code.removeprefix("U")) or 0
    to = User.objects.active().visible_to(by).filter(pk=pk).first()
    if to is None:
        raise ValidationError(_("Choose who does it from now on."), code="people")
    delegate_task(task, to, by=by)


def _stage_input(task: Task, reader: User) -> Markup:
    stages = stages_of(task.project) if task.project else []
    current = TaskStage.objects.filter(placements__task=task, project=task.project_id).first()
    return macro("tasks/ui.html", "stage_input")(stages, current or next(iter(stages), None))


def _write_stage(task: Task, given: QueryDict, by: User) -> None:
    pk = whole_number(given.get("stage", "")) or 0
    stage = TaskStage.objects.filter(pk=pk, project__isnull=False, project=task.project_id).first()
    if stage is None:
        raise ValidationError(_("Choose one of the stages of the project."), code="stage")
    put_into_stage(task, stage, None, None, by=by)


DEADLINE = Edit[Task](_deadline_input, _write_deadline, lambda row: row.may_move)
RESPONSIBLE = Edit[Task](_person_input, _write_person, lambda row: row.may_pass_on)
STAGE = Edit[Task](_stage_input, _write_stage, lambda row: row.may_place)
