"""The pages of an import: the table, what its columns mean, how far it is, what was wrong, and undoing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.events.nonces import posted_once
from box.core.files.store import NotFound, StoreUnavailable
from box.core.imports import actions
from box.core.imports.forms import ReadingForm, TableForm
from box.core.imports.importers import Importer, importer_at
from box.core.imports.models import ImportRun, ImportRunQuerySet
from box.core.imports.preview import preview
from box.lib.pages import REFUSED, render, render_form
from box.lib.tables import export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.core.accounts.requests import PersonRequest

log = logging.getLogger(__name__)

LISTED_PROBLEMS = 100
LISTED_RUNS = 10


@require_http_methods(["GET", "POST"])
def imports(request: PersonRequest, key: str) -> HttpResponse:
    importer = _importer(request, key)
    form = TableForm(request.POST, request.FILES) if request.method == "POST" else TableForm()
    if form.is_valid():
        try:
            return redirect("imports:run", _begun(request, importer, form.cleaned_data["table"]).pk)
        except StoreUnavailable as error:
            log.error("%s", error)
            form.add_error(None, _("Files are not reachable right now. Try again in a minute."))
        except ValidationError as error:
            form.add_error(None, error)
    before = _seen(request, importer).order_by("-id").select_related("by")[:LISTED_RUNS]
    return render_form(request, "imports/imports.html", form, {"importer": importer, "before": before})


def _begun(request: PersonRequest, importer: Importer[Any], file: Any) -> ImportRun:
    return posted_once(
        request, ImportRun, lambda: actions.begin_import(importer, file.file, file.name, by=request.user)
    )


@require_http_methods(["GET", "POST"])
def run(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows it, and how far it is; POST starts it, or with `preview` shows what the rows would become."""
    one, importer = _run(request, pk)
    columns, problem = list(one.columns), ""
    if request.method == "POST":
        columns = [request.POST.get(f"column-{number}", "") for number in range(len(one.columns))]
        if "preview" not in request.POST:
            try:
                _start(request, one, columns)
            except ValidationError as error:
                problem = " ".join(error.messages)
            else:
                return redirect("imports:run", one.pk)
    return _run_page(request, one, importer, columns, problem)


def _start(request: PersonRequest, one: ImportRun, columns: list[str]) -> None:
    actions.start_import(
        one,
        columns,
        options=request.POST.getlist("options"),
        duplicates=request.POST.get("duplicates", ""),
        by=request.user,
    )


def _run_page(
    request: PersonRequest, one: ImportRun, importer: Importer[Any], columns: list[str], problem: str
) -> HttpResponse:
    is_new = one.status == ImportRun.Status.NEW
    usual = [option.key for option in importer.options if option.is_usual]
    options = request.POST.getlist("options") if request.method == "POST" else usual
    context = {
        "run": one,
        "importer": importer,
        "columns": columns,
        "fields": importer.fields() if is_new else (),
        "reading": ReadingForm(one) if is_new else None,
        "rows": preview(one, columns, options) if is_new else (),
        "chosen_options": options,
        "duplicates": [(value, ImportRun.Duplicates(value).label) for value in importer.duplicates],
        "chosen_duplicates": request.POST.get("duplicates", importer.duplicates[0]),
        "problem": problem,
        "problems": one.problems.order_by("row")[:LISTED_PROBLEMS] if one.failed else [],
        "can_undo": actions.can_undo(one),
        "left": one.time_left(timezone.now()),
    }
    status = REFUSED if problem else 200
    return render(
        request, "imports/run.html", context, blocks="progress" if not is_new else None, status=status
    )


@require_POST
def reading(request: PersonRequest, pk: int) -> HttpResponse:
    """Reads the file in another way: the columns mean what they are guessed to mean then."""
    one, importer = _run(request, pk)
    form = ReadingForm(one, request.POST)
    problem = ""
    if form.is_valid():
        try:
            actions.read_anew(one, form.reading, form.cleaned_data["head"])
        except (NotFound, StoreUnavailable):
            problem = _("Files are not reachable right now. Try again in a minute.")
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            return redirect("imports:run", one.pk)
    problem = problem or " ".join(str(text) for texts in form.errors.values() for text in texts)
    one.refresh_from_db()
    return _run_page(request, one, importer, list(one.columns), problem)


@require_POST
def undoing(request: PersonRequest, pk: int) -> HttpResponse:
    one, importer = _run(request, pk)
    try:
        actions.start_undo(one, by=request.user)
    except ValidationError as error:
        return _run_page(request, one, importer, list(one.columns), " ".join(error.messages))
    return redirect("imports:run", one.pk)


@require_GET
def problems(request: PersonRequest, pk: int) -> StreamingHttpResponse:
    """The rows that were refused, with the reason beside each, to be corrected and imported again."""
    one, _importer = _run(request, pk)
    head = [_("Row"), _("What is wrong"), *one.preview[0]]
    return export("xlsx", f"import-{one.pk}", head, _problem_rows(one))


def _problem_rows(one: ImportRun) -> Iterator[list[str]]:
    for problem in one.problems.order_by("row").iterator():
        yield [str(problem.row), problem.text, *problem.cells]


def _run(request: PersonRequest, pk: int) -> tuple[ImportRun, Importer[Any]]:
    importer = _importer(request, get_object_or_404(ImportRun.objects.only("importer"), pk=pk).importer)
    return get_object_or_404(_seen(request, importer).select_related("by", "blob"), pk=pk), importer


def _seen(request: PersonRequest, importer: Importer[Any]) -> ImportRunQuerySet:
    oversees = importer.can_oversee(request.user)
    return ImportRun.objects.of(importer.key).seen_by(request.user, oversees=oversees)


def _importer(request: PersonRequest, key: str) -> Importer[Any]:
    importer = importer_at(key)
    if importer is None:
        raise Http404
    if not importer.can_import(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to import this."))
    return importer
