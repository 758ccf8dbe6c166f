"""What one planned and did, by days, weeks and months."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.apps.worktime import actions
from box.apps.worktime.access import can_decide, decided_by
from box.apps.worktime.actions import zone_of
from box.apps.worktime.clock import local_day
from box.apps.worktime.forms import ConfirmationForm, ReportForm
from box.apps.worktime.lists import report_list
from box.apps.worktime.models import Report, first_day
from box.apps.worktime.presenters import period_name
from box.apps.worktime.views.guard import for_employees
from box.core.events.nonces import posted_once
from box.core.lists.views import answer, first_page
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
@for_employees
def reports(request: PersonRequest) -> HttpResponseBase:
    """One's own reports, the latest first, and a new one."""
    if request.method == "POST" and "do" not in request.POST:
        return _new(request)
    today = local_day(timezone.now(), zone_of(request.user))
    form = ReportForm(initial={"period": Report.Period.WEEK, "starts_on": today})
    context = {"form": form, "begun": None}
    return answer(request, report_list(request.user), "worktime/reports.html", context)


def _new(request: PersonRequest) -> HttpResponse:
    form, begun = ReportForm(request.POST), None
    if form.is_valid():
        period, day = form.cleaned_data["period"], form.cleaned_data["starts_on"]
        try:
            return redirect(_written(request, form, period, day, write=actions.begin_report))
        except ValidationError as error:
            form.add_error(None, error)
            own = Report.objects.filter(user=request.user, period=period)
            begun = own.filter(starts_on=first_day(period, day)).first()
    table = first_page(report_list(request.user), request.path, reader=request.user)
    context = {"form": form, "table": table, "begun": begun and (begun, period_name(begun))}
    return render(request, "worktime/reports.html", context, status=REFUSED)


def _written(
    request: PersonRequest, form: ReportForm, period: str, day: date, *, write: Callable[..., Report]
) -> Report:
    return posted_once(
        request,
        Report,
        lambda: write(
            period,
            day,
            plan=form.cleaned_data["plan"],
            text=form.cleaned_data["text"],
            is_sent=request.POST.get("send") == "yes",
            by=request.user,
        ),
    )


@require_http_methods(["GET", "POST"])
@for_employees
def report(request: PersonRequest, pk: int) -> HttpResponse:
    """One's own, to go on writing; somebody's that was sent, to read and confirm."""
    seen = Q(user=request.user) | Q(user__in=decided_by(request.user).values("pk"), sent_at__isnull=False)
    one = get_object_or_404(Report.objects.select_related("user", "confirmed_by").filter(seen), pk=pk)
    if request.method == "GET":
        return _page(request, one, ReportForm(instance=one))
    if one.user_id != request.user.pk:
        raise PermissionDenied(_("Only who writes a report changes it."))
    form = ReportForm(request.POST, instance=one)
    if form.is_valid():
        try:
            return redirect(_written(request, form, one.period, one.starts_on, write=actions.write_report))
        except ValidationError as error:
            form.add_error(None, error)
    return _page(request, one, form, status=REFUSED)


def _page(request: PersonRequest, one: Report, form: ReportForm, *, status: int = 200) -> HttpResponse:
    is_open = one.sent_at is not None and one.confirmed_at is None
    context = {
        "report": one,
        "name": period_name(one),
        "form": form if one.user_id == request.user.pk and not one.confirmed_at else None,
        "confirmation": ConfirmationForm() if is_open and can_decide(request.user, one.user_id) else None,
    }
    return render(request, "worktime/report.html", context, status=status)
