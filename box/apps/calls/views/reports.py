"""What the log adds up to, and the wallboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from box.apps.calls import reports as counted
from box.apps.calls.access import works_here
from box.apps.calls.settings import ANSWERS_WITHIN
from box.apps.calls.words import length
from box.core.lists.filters import Context, Dates, period
from box.core.registry.company import company_day
from box.core.registry.filtering import Moment
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

USUAL = "this-month"
DAYS = Dates("day", gettext_lazy("Day"), Moment("started_at"), is_always_set=True)
OFFERED = ("today", "yesterday", "this-week", "last-week", "this-month", "last-month")


@require_GET
def report(request: PersonRequest) -> HttpResponse:
    if not works_here(request.user):
        raise Http404
    context = Context(request.user, company_day())
    problem = ""
    try:
        chosen = DAYS.parse(request.GET, context) or USUAL
    except ValidationError as error:
        chosen, problem = USUAL, " ".join(error.messages)
    first, last = period(chosen, context)
    last = min(last or context.today, context.today)
    labels = DAYS.labels
    shown = {
        "report": counted.report(request.user, first or last - counted.LONGEST_PERIOD, last),
        "query": "&".join(f"{name}={value}" for name, value in DAYS.pairs(chosen)),
        "chosen": chosen,
        "words": DAYS.words(chosen, context),
        "periods": [(key, labels[key]) for key in OFFERED],
        "within": ANSWERS_WITHIN.value,
        "length": length,
        "problem": problem,
    }
    return render(request, "calls/reports.html", shown, status=REFUSED if problem else 200)


@require_GET
def wallboard(request: PersonRequest) -> HttpResponse:
    if not works_here(request.user):
        raise Http404
    now = timezone.now()
    board = counted.wallboard(request.user, now=now)
    context = {"board": board, "now": now, "within": ANSWERS_WITHIN.value}
    return render(request, "calls/wallboard.html", context, blocks="board")
