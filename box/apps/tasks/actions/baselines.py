"""The planned dates of a project are kept, to be compared with what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.tasks.access import can_keep_baselines
from box.apps.tasks.actions.locking import must
from box.apps.tasks.events import BaselineDropped, BaselineTaken
from box.apps.tasks.models import LONGEST_BASELINE, Baseline, BaselineBar, Task, bar_of
from box.core.events.outbox import emit
from box.core.groups.models import Group

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_BASELINES = 20
MOST_TASKS = 5000


@transaction.atomic
def take_baseline(project: Group, name: str, *, by: User) -> Baseline:
    """Keeps when each task of the project that has dates takes place by now. Raises ValidationError."""
    _must_keep(project, by)
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_BASELINE:
        raise ValidationError(
            _("Give it a name of at most %(most)s characters.") % {"most": LONGEST_BASELINE}
        )
    # Two who keep the dates at once wait for each other.
    Group.objects.select_for_update(no_key=True).get(pk=project.pk)
    if Baseline.objects.filter(project=project).count() >= MOST_BASELINES:
        raise ValidationError(
            _("A project has %(most)s baselines at most: drop one.") % {"most": MOST_BASELINES}
        )
    tasks = list(Task.objects.there().filter(project=project).order_by("pk")[: MOST_TASKS + 1])
    if len(tasks) > MOST_TASKS:
        raise ValidationError(_("A baseline keeps %(most)s tasks at most.") % {"most": MOST_TASKS})
    bars = [(task, bar) for task in tasks if (bar := bar_of(task)) is not None]
    if not bars:
        raise ValidationError(_("No task of this project has dates yet."))
    made = Baseline.objects.create(project=project, name=name, taken_by=by)
    BaselineBar.objects.bulk_create(
        (BaselineBar(baseline=made, task=task, starts_at=bar.starts, ends_at=bar.ends) for task, bar in bars),
        batch_size=1000,
    )
    emit(BaselineTaken(group_id=project.pk, name=name, by_id=by.pk))
    return made


@transaction.atomic
def drop_baseline(baseline: Baseline, *, by: User) -> None:
    """For good: what is planned is not touched."""
    _must_keep(baseline.project, by)
    if Baseline.objects.filter(pk=baseline.pk).delete()[0]:
        emit(BaselineDropped(group_id=baseline.project_id, name=baseline.name, by_id=by.pk))


def _must_keep(project: Group, by: User) -> None:
    must(can_keep_baselines(by, project), _("The baselines of a project are kept by its moderators."))
