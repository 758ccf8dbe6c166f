"""Lists of records, and one record with what belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.crm.frame import tabs_for
from box.apps.crm.importing import importer_of
from box.apps.crm.lists import record_list
from box.apps.crm.views.lookup import entered, record_at, type_at
from box.core.lists.views import answer
from box.lib.pages import render

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_GET
def home(request: PersonRequest) -> HttpResponse:
    """The first page that this person has."""
    tabs = tabs_for(entered(request))
    if not tabs:
        raise Http404
    return redirect(tabs[0].url)


@require_http_methods(["GET", "POST"])
def records(request: PersonRequest, slug: str) -> HttpResponseBase:
    kind = type_at(request, slug)
    context = {"tabs": tabs_for(request.user), "kind": kind, "importer": importer_of(kind, request.user)}
    return answer(request, record_list(request.user, kind), "crm/list.html", context)


@require_GET
def record(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    found = record_at(request, slug, pk)
    context = {"tabs": tabs_for(request.user), "kind": found.type, "record": found}
    return render(request, "crm/record.html", context)
