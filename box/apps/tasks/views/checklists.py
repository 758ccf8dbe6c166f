"""The list of a task. Every change answers with the task's card as it is then."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.tasks.actions.checklists import (
    add_items,
    assign_item,
    check_item,
    date_item,
    delete_item,
    move_item,
    rename_item,
)
from box.apps.tasks.actions.locking import Gone
from box.apps.tasks.forms import ItemForm
from box.apps.tasks.models import ChecklistItem, Task
from box.apps.tasks.views.lookup import task_for
from box.apps.tasks.views.tasks import done, refused
from box.core.accounts.models import User
from box.lib.pages import number_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_POST
def items(request: PersonRequest, pk: int) -> HttpResponse:
    """One line more, or several that were pasted."""
    try:
        add_items(task_for(request, pk), request.POST.get("text", "")[:100_000], by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk, is_adding=True)


@require_http_methods(["POST", "DELETE"])
def item(request: PersonRequest, pk: int) -> HttpResponse:
    """What is posted says what becomes of the line: ticked off or not, another text, day, or another's."""
    found = _item_for(request, pk)
    try:
        if request.method == "DELETE":
            delete_item(found, by=request.user)
        elif "text" in request.POST:
            rename_item(found, request.POST["text"], by=request.user)
        elif "due_on" in request.POST:
            date_item(found, _day(request), by=request.user)
        elif "assignee" in request.POST:
            assign_item(found, _person(request), by=request.user)
        else:
            check_item(found, request.POST.get("done") == "1", by=request.user)
    except ValidationError as error:
        return refused(request, found.task_id, error)
    return done(request, found.task_id)


@require_POST
def place(request: PersonRequest, pk: int) -> HttpResponse:
    """Behind another line, or on top."""
    found, after = _item_for(request, pk), number_of(request.POST, "after")
    before = None
    try:
        if after is not None:
            before = ChecklistItem.objects.filter(task=found.task_id, pk=after).first()
        if after is not None and before is None:
            raise Gone
        move_item(found, before, by=request.user)
    except ValidationError as error:
        return refused(request, found.task_id, error)
    return done(request, found.task_id)


def _item_for(request: PersonRequest, pk: int) -> ChecklistItem:
    seen = Task.objects.each_visible_to(request.user).there().order_by().values("pk")
    return get_object_or_404(ChecklistItem.objects.select_related("task").filter(task__in=seen), pk=pk)


def _day(request: PersonRequest) -> date | None:
    form = ItemForm(request.POST)
    if not form.is_valid():
        raise ValidationError(_("Write a day."), code="due_on")
    day: date | None = form.cleaned_data["due_on"]
    return day


def _person(request: PersonRequest) -> User | None:
    pk = number_of(request.POST, "assignee")
    return get_object_or_404(User, pk=pk) if pk else None
