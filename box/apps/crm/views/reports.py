"""Reports of money, the payments behind them, and what is planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.crm.access import can_administer
from box.apps.crm.actions.plans import EARLIEST, LATEST, MONTHS, set_plan
from box.apps.crm.frame import tabs_for
from box.apps.crm.models import Payment, Plan
from box.apps.crm.payments import has_reports, payment_list
from box.apps.crm.permissions import Operation
from box.apps.crm.presenters import base_currency, quantity
from box.apps.crm.reports import WAYS, By, report_of
from box.apps.crm.views.lookup import entered
from box.core.accounts.models import User
from box.core.fields.kinds import number_of as decimal_of
from box.core.lists.preferences import preferences_of
from box.core.lists.presenters import Table
from box.core.lists.query import AS
from box.core.lists.views import answer, found, read
from box.core.registry.company import company_day
from box.core.registry.environment import format_month
from box.lib.pages import REFUSED, numbers_in, render

if TYPE_CHECKING:
    from django.http import HttpResponse, QueryDict
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

MOST_ADDED = 20
MOST_PEOPLE = 300


@require_http_methods(["GET", "POST"])
def payments(request: PersonRequest) -> HttpResponseBase:
    _entered(request)
    operation = Operation.EXPORT if request.GET.get(AS) else Operation.READ
    listed = payment_list(request.user, operation)
    return answer(request, listed, "crm/payments.html", {"tabs": tabs_for(request.user)})


@require_GET
def report(request: PersonRequest, by: str) -> HttpResponse:
    """Of this year, unless other days are chosen."""
    _entered(request)
    if by not in set(By):
        raise Http404
    if not request.GET:
        return redirect(f"{request.path}?on=this-year")
    listed = payment_list(request.user)
    query = read(request, listed)
    told = report_of(found(listed, query), query, By(by), reverse("crm:payments-list"))
    preferences = preferences_of(request.user, listed.key)
    table = Table(listed, query, request.path, preferences, way=reverse("crm:report", args=[By.MONTH]))
    context = {
        "tabs": tabs_for(request.user), "report": told, "table": table, "ways": WAYS,
        "rest": query.address(), "can_plan": can_administer(request.user), "year": company_day().year,
    }  # fmt: skip
    return render(request, "crm/report.html", context, blocks=("list", "tools"))


@require_http_methods(["GET", "POST"])
def plans(request: PersonRequest, year: int) -> HttpResponse:
    """What is expected of whom, month by month; POST sets it. Whom `person` names comes into the table."""
    _entered(request)
    if not can_administer(request.user) or not EARLIEST <= year <= LATEST:
        raise Http404
    people = _planned_people(request, year)
    problem = ""
    if request.method == "POST":
        try:
            changed = _save(request.POST, people, year, request.user)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("The plan is saved.") if changed else _("Nothing was changed."))
            return redirect("crm:plans", year)
    context = {
        "tabs": tabs_for(request.user), "year": year, "rows": _rows(people, year, request.POST),
        "months": [format_month(date(year, month, 1)) for month in range(1, MONTHS + 1)],
        "currency": base_currency(), "problem": problem, "first": EARLIEST, "last": LATEST,
    }  # fmt: skip
    return render(request, "crm/plans.html", context, status=REFUSED if problem else 200)


def _planned_people(request: PersonRequest, year: int) -> list[User]:
    """Of whom something is expected or came in that year, and whom the page was asked to add."""
    payments = Payment.objects.filter(on__year=year, direction=Payment.Direction.IN)
    ids = {
        *Plan.objects.filter(month__year=year).values_list("user", flat=True),
        *payments.order_by().values_list("record__responsible", flat=True).distinct(),
        *numbers_in(one[1:] for one in request.GET.getlist("person")[:MOST_ADDED] if one.startswith("U")),
        *numbers_in(request.POST.getlist("person")[:MOST_PEOPLE]),
    }
    return list(
        User.objects.employees().filter(pk__in=ids).order_by("last_name", "first_name", "pk")[:MOST_PEOPLE]
    )


def _rows(people: Sequence[User], year: int, given: QueryDict) -> list[tuple[User, list[tuple[str, str]]]]:
    """Of each person the names of twelve inputs, with what stands in them."""
    plans = Plan.objects.filter(user__in=people, month__year=year).values_list("user", "month", "amount")
    known = {(user, month.month): quantity(amount) for user, month, amount in plans}
    return [
        (
            person,
            [
                (name, given.get(name, known.get((person.pk, month), "")))
                for month in range(1, MONTHS + 1)
                for name in [_name(person, month)]
            ],
        )
        for person in people
    ]


def _name(person: User, month: int) -> str:
    return f"plan-{person.pk}-{month}"


@transaction.atomic
def _save(given: QueryDict, people: Sequence[User], year: int, by: User) -> int:
    """Of how many people it says something else. Those that the form does not name stay. Raises
    ValidationError."""
    named = set(numbers_in(given.getlist("person")[:MOST_PEOPLE]))
    changed = 0
    for person in people:
        if person.pk in named:
            amounts = {month: _amount(given.get(_name(person, month), "")) for month in range(1, MONTHS + 1)}
            changed += set_plan(person, year, amounts, by=by)
    return changed


def _amount(text: str) -> Decimal:
    if not text.strip():
        return Decimal(0)
    try:
        return decimal_of(text)
    except ValueError:
        raise ValidationError(_("“%(text)s” is no number.") % {"text": text[:40]}) from None


def _entered(request: PersonRequest) -> None:
    if not has_reports(entered(request)):
        raise Http404
