"""Finding a task, and people for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from box.apps.tasks.actions.enclosures import file_ids_of
from box.apps.tasks.models import Task, Template
from box.core.accounts.models import User
from box.core.files.models import File
from box.core.groups.models import Group
from box.core.structure.names import MOST_FOUND, person_principal
from box.lib.pages import ids_of, render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


def task_for(request: PersonRequest, pk: int) -> Task:
    seen = Task.objects.each_visible_to(request.user).there()
    return get_object_or_404(seen.as_shown().select_related("thread"), pk=pk)


@dataclass(frozen=True)
class KeptFile:
    """A file that is there already, in a form that may leave it out."""

    pk: int
    name: str
    is_kept: bool


def kept_files(request: PersonRequest, source: Task | Template | None) -> list[KeptFile]:
    """In their order; in a form that was sent those are kept that it names."""
    if source is None:
        return []
    ids, sent = file_ids_of(source), ids_of(request.POST, "files")
    names = dict(File.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [KeptFile(pk, names[pk], request.method != "POST" or pk in sent) for pk in ids]


def people_found(text: str, reader: User) -> list[User]:
    """Whom this person may give a task and may mean by the text, themselves too."""
    people = User.objects.active().visible_to(reader)
    return people.nearest(text, MOST_FOUND) if text else list(people.by_name()[:MOST_FOUND])


@require_GET
def people(request: PersonRequest) -> HttpResponse:
    text = request.GET.get("q", "")[:100].replace("\x00", "").strip()
    found = [person_principal(one) for one in people_found(text, request.user)]
    return render(request, "principals.html", {"principals": found, "section": "tasks"}, blocks="options")


def project_for(request: PersonRequest, pk: int) -> Group:
    """One of the person's own groups; administrators look into all."""
    groups = Group.objects.standing()
    own = groups if request.user.is_administrator else groups.of(request.user)
    return get_object_or_404(own.distinct(), pk=pk)
