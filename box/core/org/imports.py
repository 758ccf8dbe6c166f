"""The pages of an import: the table, what its columns mean, how far it is, and what was wrong with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.core.events.nonces import once
from box.core.files.store import StoreUnavailable
from box.core.org.forms import ImportForm
from box.core.org.importing import begin_import, fields, problems_of, start_import
from box.core.org.models import PeopleImport
from box.core.org.views import for_people_editors
from box.lib.pages import REFUSED, render
from box.lib.tables import TableRefused, export

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

log = logging.getLogger(__name__)

LISTED_PROBLEMS = 100


@require_http_methods(["GET", "POST"])
@for_people_editors
def imports(request: PersonRequest) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        file = form.cleaned_data["table"]
        try:
            run = once(
                PeopleImport,
                lambda: begin_import(file.file, file.name, by=request.user),
                nonce=request.POST.get("nonce", ""),
                actor_id=request.user.pk,
            )
        except StoreUnavailable as error:
            log.error("%s", error)
            form.add_error(None, _("Files are not reachable right now. Try again in a minute."))
        except (TableRefused, ValidationError) as error:
            form.add_error(None, error)
        else:
            return redirect("org:import", run.pk)
    context = {"form": form, "before": PeopleImport.objects.order_by("-id").select_related("by")[:10]}
    return render(request, "org/imports.html", context, status=REFUSED if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@for_people_editors
def one_import(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows it, and how far it is; POST starts it."""
    run = get_object_or_404(PeopleImport.objects.select_related("by"), pk=pk)
    problem = ""
    if request.method == "POST":
        try:
            _start(run, request)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            return redirect("org:import", run.pk)
    context = {
        "run": run,
        "fields": fields(),
        "problem": problem,
        "problems": run.problems.order_by("row")[:LISTED_PROBLEMS] if run.failed else [],
        "left": run.time_left(timezone.now()),
    }
    return render(request, "org/import.html", context, blocks="progress", status=REFUSED if problem else 200)


def _start(run: PeopleImport, request: PersonRequest) -> None:
    columns = [request.POST.get(f"column-{number}", "") for number in range(len(run.columns))]
    start_import(
        run,
        columns,
        makes_departments="makes_departments" in request.POST,
        invites="invites" in request.POST,
        by=request.user,
    )


@require_GET
@for_people_editors
def problems(request: PersonRequest, pk: int) -> StreamingHttpResponse:
    """The rows that were refused, to be corrected and imported again."""
    run = get_object_or_404(PeopleImport, pk=pk)
    head = [_("Row"), _("What is wrong"), *run.preview[0]]
    return export("xlsx", f"import-{run.pk}", head, problems_of(run))
