"""The list of tasks, the line above it, and the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.tasks.access import can_create
from box.apps.tasks.actions.tasks import add_tasks
from box.apps.tasks.boards import WAYS, task_board
from box.apps.tasks.counters import waiting_for
from box.apps.tasks.lists import ALL, MINE, ROLES, one_task_list, task_list, trash_list
from box.apps.tasks.models import Task
from box.apps.tasks.quick import MOST_LINES, meant
from box.apps.tasks.quick_add import LONGEST_LINE
from box.core.boards.views import answer as answer_board
from box.core.events.nonces import posted_once
from box.core.lists.views import EDIT, answer, edit_cell
from box.lib.pages import REFUSED, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.apps.tasks.actions.tasks import TaskDraft
    from box.core.accounts.requests import PersonRequest

MOST_NEWS = 99
LONGEST_TEXT = LONGEST_LINE * MOST_LINES
_NARROWING = frozenset({"q", "state", "overdue", "tag", "created", "during", "closed", "late"})


@require_http_methods(["GET", "POST"])
def board(request: PersonRequest, way: str) -> HttpResponseBase:
    """The same tasks in columns: by state, or by deadline."""
    if way not in WAYS:
        raise Http404
    role = role_of(request)
    shown = task_board(request.user, way=way, role=role, now=timezone.localtime())
    return answer_board(request, shown, "tasks/board.html", {**around(request, role), "way": way})


def is_narrowed(request: PersonRequest) -> bool:
    """Whether more is asked for than what is open."""
    return any(value and name.partition(".")[0] in _NARROWING for name, value in request.GET.items())


def role_of(request: PersonRequest) -> str:
    role = request.GET.get("role", MINE)
    return role if role in ROLES else MINE


@require_http_methods(["GET", "POST"])
def tasks(request: PersonRequest) -> HttpResponseBase:
    if EDIT in request.GET:
        return edit_cell(request, one_task_list(request.user))
    role = role_of(request)
    listed = task_list(request.user, role=role, is_narrowed=is_narrowed(request))
    return answer(request, listed, "tasks/list.html", around(request, role))


def around(request: PersonRequest, role: str) -> dict[str, Any]:
    if wants_part(request):
        return {}
    waiting = waiting_for(request.user, [word for word in ROLES if word != ALL], timezone.now())
    return {
        "role": role,
        "roles": [(word, label, waiting.by_role.get(word)) for word, label in ROLES.items()],
        "can_create": can_create(request.user),
        "newest": waiting.newest,
        "longest": LONGEST_TEXT,
    }


@require_GET
def news(request: PersonRequest) -> HttpResponse:
    """What was given since the list was shown, of what concerns this person."""
    after = number_of(request.GET, "after") or 0
    rows = Task.objects.open().involving(request.user).filter(pk__gt=after)
    count = len(rows.exclude(created_by=request.user).values_list("pk", flat=True)[: MOST_NEWS + 1])
    said = ngettext("%(num)s new task", "%(num)s new tasks", count) % {"num": count} if count else ""
    return render(request, "tasks/news.html", {"said": said}, blocks="chip")


@require_http_methods(["GET", "POST"])
def quick(request: PersonRequest) -> HttpResponse:
    """A task in one line, or as many as there are lines: asked for, or posted to `look`, what was understood;
    posted, the tasks."""
    if request.method == "POST" and not can_create(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to give tasks."))
    given = request.POST if request.method == "POST" else request.GET
    text = given.get("line", "")[:LONGEST_TEXT].strip()
    understood, problem = [], ""
    try:
        understood = meant(text, now=timezone.localtime(), by=request.user)
        if request.method == "POST" and not given.get("look"):
            return _added(request, [one.draft() for one in understood])
    except ValidationError as error:
        problem = " ".join(error.messages)
    context = {"text": text, "understood": understood, "problem": problem, "longest": LONGEST_TEXT}
    return render(request, "tasks/quick.html", context, blocks="echo", status=REFUSED if problem else 200)


def _added(request: PersonRequest, drafts: list[TaskDraft]) -> HttpResponse:
    task = posted_once(request, Task, lambda: add_tasks(drafts, by=request.user)[0])
    if not wants_part(request):
        return redirect(task) if len(drafts) == 1 else redirect("tasks:list")
    count = len(drafts)
    said = ngettext("%(num)s task is given.", "%(num)s tasks are given.", count) % {"num": count}
    context = {"added": task, "count": count, "said": said, "text": ""}
    response = render(request, "tasks/quick.html", context, blocks="echo")
    return with_toast(response, _("The task is given.") if count == 1 else said, event="tasks-changed")


@require_http_methods(["GET", "POST"])
def trash(request: PersonRequest) -> HttpResponseBase:
    return answer(request, trash_list(request.user), "tasks/trash.html")
