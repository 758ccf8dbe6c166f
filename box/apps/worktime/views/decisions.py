"""What a manager decides: corrections that were asked for, and reports that were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from box.apps.worktime import actions
from box.apps.worktime.access import can_decide, decided_by, has_team
from box.apps.worktime.forms import ConfirmationForm, DecisionForm
from box.apps.worktime.models import Correction, Report
from box.apps.worktime.presenters import asked_hours, period_name
from box.apps.worktime.views.guard import for_employees
from box.lib.pages import render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

WAITING_PAGE = 50


@require_GET
@for_employees
def approvals(request: PersonRequest) -> HttpResponse:
    """What waits for this person's decision, oldest first."""
    if not has_team(request.user):
        raise Http404
    people = decided_by(request.user).values("pk")
    corrections = (
        Correction.objects.filter(status=Correction.Status.ASKED, user__in=people)
        .select_related("user")
        .order_by("id")[:WAITING_PAGE]
    )
    reports = Report.objects.waiting().filter(user__in=people).select_related("user")[:WAITING_PAGE]
    context = {
        **asked_hours(corrections),
        "corrections": corrections,
        "reports": [(report, period_name(report)) for report in reports],
    }
    return render(request, "worktime/approvals.html", context)


@require_POST
@for_employees
def decision(request: PersonRequest, pk: int) -> HttpResponse:
    """Approves a correction or refuses it. What one doesn't decide on isn't there."""
    asked = get_object_or_404(Correction.objects.select_related("user"), pk=pk)
    if not can_decide(request.user, asked.user_id):
        if asked.user_id == request.user.pk:
            raise PermissionDenied(_("Your manager decides on this."))
        raise Http404
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise PermissionDenied(_("Approve or refuse."))
    is_approved = form.cleaned_data["decision"] == "approve"
    try:
        actions.decide_correction(
            asked, is_approved=is_approved, by=request.user, remark=form.cleaned_data["remark"]
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("worktime:approvals")


@require_POST
@for_employees
def confirmation(request: PersonRequest, pk: int) -> HttpResponse:
    """Confirms a report that was sent, with a score and a remark."""
    report = get_object_or_404(Report.objects.filter(sent_at__isnull=False), pk=pk)
    if not can_decide(request.user, report.user_id):
        if report.user_id == request.user.pk:
            raise PermissionDenied(_("Your manager confirms this."))
        raise Http404
    form = ConfirmationForm(request.POST)
    if not form.is_valid():
        raise PermissionDenied(_("Choose one of the scores."))
    actions.confirm_report(report, **form.cleaned_data, by=request.user)
    messages.success(request, _("The report is confirmed."))
    return redirect("worktime:approvals")
