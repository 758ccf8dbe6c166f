"""Saved views as pages: saving, naming, ordering and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.apps.feed.filters import Filter
from box.apps.feed.models import SavedView
from box.apps.feed.saved_views import delete_view, move_view, rename_view, save_view
from box.lib.pages import REFUSED, lead_on, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

STEPS = {"up": -1, "down": 1}


@require_http_methods(["GET", "POST"])
def views(request: PersonRequest) -> HttpResponse:
    """GET lists the person's; POST saves what is chosen in `query` under a name."""
    if request.method == "GET":
        return _list(request)
    chosen = Filter.of(QueryDict(request.POST.get("query", "")[:1000]))
    try:
        view = save_view(chosen, request.POST.get("name", ""), by=request.user)
    except ValidationError as error:
        return _list(request, " ".join(error.messages))
    said = _("Saved as %(name)s.") % {"name": view.name}
    return lead_on(request, f"{reverse('feed:list')}?{view.query}", said)


@require_http_methods(["POST", "DELETE"])
def view(request: PersonRequest, pk: int) -> HttpResponse:
    """POST gives another name or moves it; DELETE, or a POST that says so, deletes."""
    view = get_object_or_404(SavedView.objects.of(request.user), pk=pk)
    do = request.POST.get("do", "")
    try:
        if request.method == "DELETE" or do == "delete":
            delete_view(view, by=request.user)
        elif do in STEPS:
            move_view(view, STEPS[do], by=request.user)
        else:
            rename_view(view, request.POST.get("name", ""), by=request.user)
    except ValidationError as error:
        return _list(request, " ".join(error.messages))
    return redirect("feed:views")


def _list(request: PersonRequest, problem: str = "") -> HttpResponse:
    context = {"views": list(SavedView.objects.of(request.user)), "problem": problem}
    return render(request, "feed/views.html", context, status=REFUSED if problem else 200)
