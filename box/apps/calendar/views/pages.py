"""The calendar itself, what it shows, and the team's day side by side."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from box.apps.calendar.access import can_offer_times, has_own_calendar
from box.apps.calendar.forms import moment_of
from box.apps.calendar.presenters import (
    LONGEST_WINDOW,
    calendars_of,
    items_of,
    layer_items,
    layer_switches,
    team_day,
)
from box.apps.calendar.views.days import SHOWN_HOURS, day_of
from box.core.access.principals import codes_of, people_behind
from box.core.accounts.models import User
from box.core.portal.calendar import work_calendar, working_hours
from box.core.structure.models import Department
from box.core.structure.names import found_for
from box.lib.pages import number_of, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

MOST_SIDE_BY_SIDE = 40


@require_GET
def home(request: PersonRequest) -> HttpResponse:
    begins, ends = working_hours()
    calendars = calendars_of(request.user)
    context = {
        "calendars": calendars,
        "can_write": any(one.can_write for one in calendars),
        "layers": layer_switches(),
        "has_own": has_own_calendar(request.user),
        "can_offer": can_offer_times(request.user),
        "begins": begins,
        "ends": ends,
        # As the script counts: Sunday is 0.
        "work_days": sorted((day + 1) % 7 for day in work_calendar().weekdays),
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "calendar/home.html", context)


@require_GET
def items(request: PersonRequest) -> HttpResponse:
    """For the page's script: what there is between two moments."""
    try:
        since = moment_of(request.GET.get("start", ""))
        before = moment_of(request.GET.get("end", ""))
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=400)
    if not timedelta(0) < before - since <= LONGEST_WINDOW:
        return JsonResponse({"error": _("Ask for at most a hundred days.")}, status=400)
    keys = request.GET.get("layers", "")[:500].split(",")
    found = items_of(request.user, since, before) + layer_items(keys, request.user, since, before)
    return JsonResponse(found, safe=False)


@require_GET
def team(request: PersonRequest) -> HttpResponse:
    """The day of a department, person by person: one's own unless another is chosen; the whole company's for
    whoever is in none."""
    if not has_own_calendar(request.user):
        raise Http404
    day = day_of(request.GET.get("on", ""))
    department = _department(request)
    code = department.code_with_below if department else f"U{request.user.pk}"
    people = User.objects.visible_to(request.user).active().filter(people_behind([code])).distinct().by_name()
    shown = list(people[: MOST_SIDE_BY_SIDE + 1])
    context = {
        "columns": team_day(request.user, shown[:MOST_SIDE_BY_SIDE], day),
        "day": day,
        "today": timezone.localdate(),
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "department": department,
        "departments": Department.objects.standing().by_name()[:500],
        "hours": SHOWN_HOURS,
        "is_cut": len(shown) > MOST_SIDE_BY_SIDE,
        "most": MOST_SIDE_BY_SIDE,
    }
    return render(request, "calendar/team.html", context, blocks="day")


@require_GET
def principals(request: PersonRequest) -> HttpResponse:
    """Whom one may invite, as found by a part of the name."""
    found = found_for(request.user, request.GET.get("q", "")[:200])
    return render(request, "principals.html", {"principals": found, "section": "calendar"}, blocks="options")


def _department(request: PersonRequest) -> Department | None:
    pk = number_of(request.GET, "of")
    standing = Department.objects.standing()
    if pk is not None:
        return get_object_or_404(standing, pk=pk)
    own = [int(code[1:]) for code in codes_of(request.user) if code[:1] == "D" and code[1:].isdigit()]
    return standing.filter(pk__in=own).by_name().first() or standing.filter(parent=None).first()
