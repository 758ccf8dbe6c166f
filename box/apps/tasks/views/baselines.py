"""The baselines of a project: kept, listed and dropped. The chart shows one of them below what is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.apps.tasks.access import can_keep_baselines
from box.apps.tasks.actions.baselines import MOST_BASELINES, drop_baseline, take_baseline
from box.apps.tasks.models import LONGEST_BASELINE, Baseline
from box.apps.tasks.views.lookup import project_for
from box.core.events.nonces import posted_once
from box.core.registry.environment import format_date
from box.lib.pages import REFUSED, lead_on, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def baselines(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows them, POST keeps the dates of now."""
    project, problem = project_for(request, pk), ""
    if request.method == "POST":
        if not can_keep_baselines(request.user, project):
            raise PermissionDenied(_("The baselines of a project are kept by its moderators."))
        try:
            posted_once(
                request,
                Baseline,
                lambda: take_baseline(project, request.POST.get("name", ""), by=request.user),
            )
            return lead_on(request, request.path, _("The dates are kept."))
        except ValidationError as error:
            problem = " ".join(error.messages)
    kept = Baseline.objects.filter(project=project).annotate(count=Count("bars")).select_related("taken_by")
    context = {
        "project": project,
        "baselines": kept.order_by("-pk"),
        "can_keep": can_keep_baselines(request.user, project),
        "suggested": format_date(timezone.localdate()),
        "longest": LONGEST_BASELINE,
        "most": MOST_BASELINES,
        "problem": problem,
    }
    return render(request, "tasks/baselines.html", context, status=REFUSED if problem else 200)


@require_http_methods(["DELETE"])
def baseline(request: PersonRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Baseline.objects.select_related("project"), pk=pk)
    project_for(request, found.project_id)
    drop_baseline(found, by=request.user)
    here = reverse("tasks:baselines", args=[found.project_id])
    return lead_on(request, here, _("“%(name)s” is dropped.") % {"name": found.name})
