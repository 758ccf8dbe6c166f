"""A task as it is by the time that it is changed."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from box.apps.tasks.models import Task
from box.core.registry.origin import is_importing


class Gone(ValidationError):
    """Somebody has thrown it away meanwhile."""

    def __init__(self) -> None:
        super().__init__(_("This task is not there any more: reload the page."), code="gone")


def locked(task: Task) -> Task:
    """Within a transaction. Raises Gone."""
    rows = Task.objects.there().select_related("project", "responsible", "created_by", "thread")
    found = rows.select_for_update(of=("self",), no_key=True).filter(pk=task.pk).first()
    if found is None:
        raise Gone
    return found


def must(is_allowed: bool, said: str) -> None:
    """Raises PermissionDenied with a word that says whose it is. What is taken over was allowed elsewhere."""
    if not is_allowed and not is_importing():
        raise PermissionDenied(said)
