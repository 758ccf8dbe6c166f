"""Pulse: one page, and the way from a tool that few use to a post that explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from box.apps.pulse.access import can_see
from box.apps.pulse.models import COMPANY
from box.apps.pulse.presenters import POINTS, of_departments, pulse, rating
from box.core.registry.capabilities import creators
from box.core.registry.services import is_on, services
from box.core.structure.presenters import structure
from box.lib.pages import number_of, render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    if not can_see(request.user):
        raise Http404
    period = request.GET.get("by", "")
    period = period if period in POINTS else "week"
    departments = structure.value.departments
    asked = number_of(request.GET, "department")
    # Hours are counted for the whole company only.
    department = next((one for one in departments if one.pk == asked), None) if period != "hour" else None
    now = timezone.now()
    shares = of_departments(period, now=now) if period != "hour" and department is None else {}
    context = {
        "pulse": pulse(
            period, department=department.pk if department else COMPANY, now=now, all_label=_("The portal")
        ),
        "department": department,
        "structure": structure.value,
        "shares": tuple((one.pk, one.name, shares[one.pk]) for one in departments if one.pk in shares),
        "rating": rating(),
    }
    return render(request, "pulse/overview.html", context)


@require_POST
def draft(request: PersonRequest, tool: str) -> HttpResponse:
    """Opens a post that explains the tool, for the person to change and publish."""
    if not can_see(request.user) or tool not in services or not is_on(tool):
        raise Http404
    if "feed.post" not in creators or not is_on("feed"):
        raise PermissionDenied(_("The feed is switched off: there is nowhere to write."))
    service = services[tool]
    text = _("%(tool)s: have you tried it yet?\n\n%(about)s\n\nYou find it in the menu on the left.")
    return redirect(
        creators["feed.post"](text % {"tool": service.label, "about": service.help}, request.user)
    )
