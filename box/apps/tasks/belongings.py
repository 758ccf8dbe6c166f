"""Tasks, when people leave, are erased, or two accounts become one. Work is the company's: who does it
changes, and nothing goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from box.apps.tasks.actions.audiences import renew_audiences_of
from box.apps.tasks.actions.tasks import hand_task_over
from box.apps.tasks.actions.templates import pass_templates_on
from box.apps.tasks.actions.time import stop_timer
from box.apps.tasks.models import Task, Template
from box.core.accounts.models import User
from box.core.registry.belongings import (
    DECIDED,
    MADE,
    Belongings,
    Belongs,
    Deleted,
    OneEach,
    Settled,
    Stays,
    run,
)
from box.core.registry.capabilities import Holdings

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair


def _held(person: User) -> list[str]:
    """In a number: somebody may have hundreds."""
    count = Task.objects.open().done_by(person).count()
    kept = Template.objects.filter(Q(created_by=person) | Q(responsible=person)).count()
    held = [ngettext("%(num)s open task", "%(num)s open tasks", count) % {"num": count}] if count else []
    templates = ngettext("%(num)s template of tasks", "%(num)s templates of tasks", kept) % {"num": kept}
    return [*held, templates] if kept else held


def _hand_over(person: User, successor: User | None, by: User) -> None:
    if successor is None:
        if _held(person):
            raise ValidationError(_("Say who does their tasks from now on."), code="successor")
        return
    for task in Task.objects.open().done_by(person).order_by("pk"):
        hand_task_over(task, successor, by=by)
    pass_templates_on(person, successor)


def _stop(pair: Pair) -> None:
    """Of two clocks that run for one person only one may."""
    for person in User.objects.filter(pk__in=(pair.gone, pair.kept)).order_by("pk"):
        stop_timer(by=person)


def _follow(pair: Pair) -> None:
    """Nobody helps with what they are responsible for; and who leads them sees what came to them."""
    run(
        "DELETE FROM tasks_participant AS one USING tasks_task AS task"
        " WHERE one.user_id = %(kept)s AND task.id = one.task_id AND task.responsible_id = %(kept)s",
        pair,
    )
    renew_audiences_of([pair.kept])


HOLDINGS = Holdings(gettext_lazy("Tasks"), _held, _hand_over)

BELONGINGS = Belongings(
    gettext_lazy("Tasks"),
    {
        "tasks.Task.responsible": Belongs(
            Stays(MADE), said=ngettext_lazy("%(num)s task", "%(num)s tasks", "num")
        ),
        "tasks.Task.created_by": Belongs(Stays(MADE)),
        "tasks.Task.closed_by": Belongs(Stays(DECIDED)),
        "tasks.Task.deleted_by": Belongs(Stays(DECIDED)),
        "tasks.Baseline.taken_by": Belongs(Stays(DECIDED)),
        "tasks.ChecklistItem.assignee": Belongs(Stays(MADE)),
        "tasks.ChecklistItem.done_by": Belongs(Stays(MADE)),
        "tasks.TimeEntry.user": Belongs(Stays(MADE), Settled(_stop)),
        "tasks.Participant.user": Belongs(Deleted(), OneEach("task")),
        "tasks.TaskStage.user": Belongs(Deleted()),
        "tasks.Template.created_by": Belongs(Stays(MADE)),
        "tasks.Template.responsible": Belongs(Stays(MADE)),
        "tasks.ProgramName.user": Belongs(Deleted(), Deleted()),
        "tasks.TemplateParticipant.user": Belongs(Deleted(), OneEach("template")),
    },
    follow=_follow,
)
