"""A person's absences: what colleagues read of them, and writing them down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.core.accounts.access import can_see_company
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.core.people.absences import can_write_absences, remove_absence, write_absence
from box.core.people.forms import AbsenceForm
from box.core.people.models import Absence
from box.core.people.today import kind_for_all
from box.core.registry.company import company_day
from box.lib.pages import lead_on, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

SHOWN = 50
ON_PROFILE = 3


def coming_absences(request: PersonRequest, person: User) -> dict[str, Any]:
    """What the profile says of them: the present one and the next ones. Outside guests learn nothing."""
    if person.is_extranet or person.is_erased or not can_see_company(request.user):
        return {"absences": [], "can_write_absences": False}
    may = can_write_absences(request.user, person)
    coming = Absence.objects.filter(user=person, ends_on__gte=company_day()).select_related("substitute")
    return {"absences": _shown(coming.order_by("starts_on")[:ON_PROFILE], may), "can_write_absences": may}


def _shown(absences: Any, may_know: bool) -> list[Absence]:
    found = list(absences)
    if not may_know:
        for one in found:
            one.kind = kind_for_all(one.kind)
    return found


@require_http_methods(["GET", "POST"])
def absences(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows them, POST writes a new one down."""
    person = _whose(request, pk)
    may = can_write_absences(request.user, person)
    if request.method == "POST" and not may:
        raise PermissionDenied(_("Absences are written down by the person, and by who leads them."))
    form = AbsenceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            posted_once(request, Absence, lambda: write_absence(person, form.away, by=request.user))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, _address(person), _("The absence is written down."))
    found = Absence.objects.filter(user=person).select_related("substitute").order_by("-ends_on")[:SHOWN]
    context = {"person": person, "absences": _shown(found, may), "can_write": may}
    return render_form(request, "people/absences.html", form, context)


@require_http_methods(["GET", "POST", "DELETE"])
def absence(request: PersonRequest, pk: int) -> HttpResponse:
    """POST gives it other days, DELETE takes it away."""
    if not can_see_company(request.user):
        raise Http404
    one = get_object_or_404(Absence.objects.select_related("user", "substitute"), pk=pk)
    if not can_write_absences(request.user, one.user):
        raise PermissionDenied(_("Absences are written down by the person, and by who leads them."))
    if request.method == "DELETE":
        remove_absence(one, by=request.user)
        return lead_on(request, _address(one.user), _("The absence is taken back."))
    form = AbsenceForm(request.POST if request.method == "POST" else None, of=one)
    if form.is_valid():
        try:
            write_absence(one.user, form.away, by=request.user, absence=one)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, _address(one.user), _("The absence is written down."))
    return render_form(request, "people/absence.html", form, {"person": one.user, "absence": one})


def _whose(request: PersonRequest, pk: int) -> User:
    if not can_see_company(request.user):
        raise Http404
    found: User = get_object_or_404(User.objects.filter(is_extranet=False), pk=pk)
    return found


def _address(person: User) -> str:
    return reverse("people:absences", args=[person.pk])
