"""Lists, boards and new records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.boards import record_board
from box.apps.crm.catalog import catalog
from box.apps.crm.duplicates import duplicates_of
from box.apps.crm.field_rights import fields_for
from box.apps.crm.frame import tabs_for
from box.apps.crm.funnel import counted_ways, funnel_of, kept_ways
from box.apps.crm.importing.importers import importer_of
from box.apps.crm.inputs import inputs_for, read_all
from box.apps.crm.lists import exportable, record_list, trash_list
from box.apps.crm.models import Record
from box.apps.crm.moves import error_of
from box.apps.crm.permissions import Operation, reaches_into
from box.apps.crm.presenters import alike_shown, blank_record, sought_in
from box.apps.crm.totals import is_of_everything
from box.apps.crm.views.lookup import entered, type_at
from box.core.boards.views import answer as answer_board
from box.core.events.nonces import posted_once
from box.core.lists.preferences import preferences_of
from box.core.lists.presenters import Table
from box.core.lists.query import AS
from box.core.lists.views import answer, found, read
from box.lib.pages import REFUSED, number_of, render

if TYPE_CHECKING:
    from django.http import HttpResponse, QueryDict
    from django.http.response import HttpResponseBase

    from box.apps.crm.models import Pipeline, RecordType
    from box.core.accounts.models import User
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
    listed = record_list(request.user, kind)
    if request.GET.get(AS):
        listed = exportable(listed, request.user)
    context = {**_around(request, kind), "importer": importer_of(kind, request.user)}
    return answer(request, listed, "crm/list.html", context)


@require_http_methods(["GET", "POST"])
def board(request: PersonRequest, slug: str) -> HttpResponseBase:
    kind = type_at(request, slug)
    pipeline = _pipeline_at(request, kind)
    context = {
        **_around(request, kind),
        "pipelines": catalog().pipelines_of(kind),
        "pipeline": pipeline,
    }
    return answer_board(request, record_board(request.user, kind, pipeline), "crm/board.html", context)


def _pipeline_at(request: PersonRequest, kind: RecordType) -> Pipeline:
    """The one that is chosen, or the first."""
    pipelines = catalog().pipelines_of(kind)
    if not pipelines:
        raise Http404
    chosen = number_of(request.GET, "pipeline")
    return next((one for one in pipelines if one.pk == chosen), pipelines[0])


@require_GET
def funnel(request: PersonRequest, slug: str) -> HttpResponse:
    """How far the records of the choice come; every figure leads to its rows."""
    kind = type_at(request, slug)
    pipeline = _pipeline_at(request, kind)
    listed = record_list(request.user, kind)
    query = read(request, listed)
    stages, now = catalog().stages_of(pipeline), timezone.now()
    if is_of_everything(query):
        ways = kept_ways(request.user, pipeline, stages, now=now)
    else:
        rows = found(listed, query).filter(pipeline=pipeline.pk).select_related(None)
        ways = counted_ways(rows, stages, now=now)
    has_sums = kind.has_amount and fields_for(request.user, kind.pk).sees("amount")
    table = Table(listed, query, request.path, preferences_of(request.user, listed.key))
    context = {
        **_around(request, kind),
        "pipelines": catalog().pipelines_of(kind),
        "pipeline": pipeline,
        "stages": funnel_of(ways, stages, has_sums=has_sums),
        "table": table,
        "rest": query.address(without="reached"),
    }
    return render(request, "crm/funnel.html", context, blocks=("list", "tools"))


def _around(request: PersonRequest, kind: RecordType) -> dict[str, Any]:
    can_add = reaches_into(request.user, Operation.ADD, kind)
    may_delete = reaches_into(request.user, Operation.DELETE, kind)
    return {"tabs": tabs_for(request.user), "kind": kind, "can_add": can_add, "has_trash": may_delete}


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest, slug: str) -> HttpResponse:
    """What stands in the address is filled in: a telephone, a client."""
    kind = type_at(request, slug)
    if not reaches_into(request.user, Operation.ADD, kind):
        raise PermissionDenied(_("Ask an administrator for a role that may add here."))
    record = blank_record(kind, request.GET, request.user)
    problems: Mapping[str, Sequence[str]] = {}
    if request.method == "POST":
        try:
            made = posted_once(
                request,
                Record,
                lambda: add_record(_new_record(kind, request.POST, request.user), by=request.user),
            )
            return redirect(made)
        except ValidationError as error:
            problems = error_of(error)
            record = blank_record(kind, request.POST, request.user)
    context = {**_around(request, kind), **_form_of(record, problems, request.user)}
    context["stage_pk"] = number_of(request.POST or request.GET, "stage")
    return render(request, "crm/new.html", context, status=REFUSED if problems else 200)


def _form_of(record: Record, problems: Mapping[str, Sequence[str]], by: User) -> dict[str, Any]:
    """The fields of a record that is being made, each with what is wrong in it."""
    kind = record.type
    return {
        "fields": [(one, one.html(record, by), problems.get(one.name, ())) for one in inputs_for(kind, by)],
        "problems": problems,
        "pipelines": catalog().pipelines_of(kind),
        "stages": [one for one in catalog().stages_of_type(kind) if one.is_open],
    }


def _new_record(kind: RecordType, given: QueryDict, by: User) -> NewRecord:
    values = {"responsible": by, **read_all(given, [one.name for one in inputs_for(kind, by)], by)}
    stage = catalog().stages.get(number_of(given, "stage") or 0)
    return NewRecord(type=kind, stage=stage, **values)


@require_GET
def alike(request: PersonRequest, slug: str) -> HttpResponse:
    """What is probably the same as what somebody is writing, of what they see."""
    kind = type_at(request, slug)
    found = duplicates_of(
        sought_in(request.GET), types=[one.pk for one in _compared(kind)], reader=request.user
    )
    return render(request, "crm/alike.html", {"found": alike_shown(found)}, blocks="found")


def _compared(kind: RecordType) -> list[RecordType]:
    """A lead is compared with clients too."""
    return [one for one in catalog().standing_types if one.has_contact_points or one.pk == kind.pk]


@require_http_methods(["GET", "POST"])
def trash(request: PersonRequest, slug: str) -> HttpResponseBase:
    kind = type_at(request, slug)
    if not reaches_into(request.user, Operation.DELETE, kind):
        raise Http404
    return answer(request, trash_list(request.user, kind), "crm/trash.html", _around(request, kind))
