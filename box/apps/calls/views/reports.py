"""What the log adds up to, and the wallboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from box.apps.calls import reports as counted
from box.apps.calls.access import works_here
from box.apps.calls.report_tables import TABLES
from box.apps.calls.settings import ANSWERS_WITHIN
from box.apps.calls.words import length, number_shown
from box.core.lists.export import EXPORTED
from box.core.lists.filters import Context, Dates, Range, period
from box.core.registry.auditing import record
from box.core.registry.company import company_day
from box.core.registry.filtering import Moment
from box.lib.pages import REFUSED, render
from box.lib.tables import CONTENT_TYPES, export

if TYPE_CHECKING:
    from datetime import date

    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

USUAL = "this-month"
DAYS = Dates("day", gettext_lazy("Day"), Moment("started_at"), is_always_set=True)
OFFERED = ("today", "yesterday", "this-week", "last-week", "this-month", "last-month")


@require_GET
def report(request: PersonRequest) -> HttpResponse:
    if not works_here(request.user):
        raise Http404
    asked = _asked(request)
    labels = DAYS.labels
    shown = {
        "report": counted.report(request.user, asked.first, asked.last),
        "query_of": lambda day: _query(Range(day, day)),
        "query": _query(asked.chosen),
        "chosen": asked.chosen,
        "periods": [(key, labels[key]) for key in OFFERED],
        "within": ANSWERS_WITHIN.value,
        "length": length,
        "problem": asked.problem,
    }
    return render(request, "calls/reports.html", shown, status=REFUSED if asked.problem else 200)


@require_GET
def table(request: PersonRequest) -> HttpResponseBase:
    """A part of it as a file to save, which is written down as every export is."""
    part, kind, asked = request.GET.get("of", ""), request.GET.get("as", ""), _asked(request)
    found = TABLES.get(part)
    if not works_here(request.user) or found is None or kind not in CONTENT_TYPES or asked.problem:
        raise Http404
    rows = list(found.rows(counted.report(request.user, asked.first, asked.last)))
    record(
        EXPORTED,
        by_id=request.user.pk,
        list=str(_("Report on calls")),
        format=kind,
        filter=f"{part}: {_query(asked.chosen)}",
        rows=len(rows),
    )
    return export(kind, f"calls-{part}", found.head, rows)


def _query(chosen: str | Range[date]) -> str:
    """These days, in an address of the log or of the report."""
    return "&".join(f"{name}={value}" for name, value in DAYS.pairs(chosen))


@dataclass(frozen=True)
class _Asked:
    chosen: str | Range[date]
    first: date
    last: date
    problem: str


def _asked(request: PersonRequest) -> _Asked:
    context = Context(request.user, company_day())
    problem = ""
    try:
        chosen = DAYS.parse(request.GET, context) or USUAL
    except ValidationError as error:
        chosen, problem = USUAL, " ".join(error.messages)
    first, last = period(chosen, context)
    last = min(last or context.today, context.today)
    return _Asked(chosen, first or last - counted.LONGEST_PERIOD, last, problem)


@require_GET
def wallboard(request: PersonRequest) -> HttpResponse:
    if not works_here(request.user):
        raise Http404
    now = timezone.now()
    board = counted.wallboard(request.user, now=now)
    context = {"board": board, "now": now, "within": ANSWERS_WITHIN.value, "other": number_shown}
    return render(request, "calls/wallboard.html", context, blocks="board")
