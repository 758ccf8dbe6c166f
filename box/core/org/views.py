"""The company's people: finding them, and what an administrator does about them."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.core.accounts import actions as accounts
from box.core.accounts.access import (
    can_edit_profile,
    can_manage,
    can_manage_people,
    can_see_company,
)
from box.core.accounts.custom_fields import shown_of
from box.core.accounts.models import User
from box.core.events.nonces import once
from box.core.org import actions
from box.core.org.absence_pages import coming_absences
from box.core.org.forms import EmployeeForm, PeopleFilter, new_password
from box.core.org.leaving import manager_of
from box.core.org.models import Absence, Department, Membership, Skill
from box.core.org.showing import departments_of, structure
from box.core.org.skill_pages import skills_context
from box.core.org.today import company_day, today
from box.core.registry.capabilities import asides_of, profile_of
from box.core.registry.environment import format_birthday, format_date
from box.lib.pages import REFUSED, render, wants_part, with_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest

PAGE = 50


def for_people_editors[**P, R: HttpResponseBase](view: Callable[P, R]) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        request: Any = args[0]
        if not can_manage_people(request.user):
            raise PermissionDenied(_("Ask an administrator for the right to change who works here."))
        return view(*args, **kwargs)

    return guarded


@require_GET
def people(request: PersonRequest) -> HttpResponse:
    if not can_see_company(request.user):
        raise Http404
    wanted = PeopleFilter(request.GET)
    wanted.is_valid()
    chosen = wanted.cleaned_data
    found = list(people_found(**chosen)[: PAGE + 1])
    is_guess = not found and bool(chosen.get("q"))
    if is_guess:
        found = User.objects.employees().resembling(chosen["q"])
    context = {
        "people": found[:PAGE],
        "departments": departments_of(found[:PAGE]),
        "has_more": len(found) > PAGE,
        "is_guess": is_guess and bool(found),
        "structure": structure.value,
        "q": chosen.get("q", ""),
        "department": chosen.get("department"),
        "status": chosen.get("status", ""),
        "new": chosen.get("new", False),
        "away": chosen.get("away", False),
        "skill": chosen.get("skill"),
        "out": today.value.out,
        "asides": [] if wants_part(request) else asides_of(request),
        "filter": wanted,
        "can_manage": can_manage_people(request.user),
    }
    return render(request, "org/people.html", context, blocks="rows")


def people_found(
    *,
    q: str = "",
    department: Department | None = None,
    status: str = "",
    new: bool = False,
    away: bool = False,
    skill: Skill | None = None,
    after: int | None = None,
) -> Any:
    of_status = User.objects.themselves().filter(is_extranet=False, status=status)
    found = of_status if status else User.objects.employees()
    if q:
        found = found.matching(q)
    if department:
        found = found.filter(memberships__department__path__contains=[department.pk]).distinct()
    if new:
        found = found.new(timezone.now())
    if away:
        found = found.filter(pk__in=Absence.objects.on(company_day()).values("user"))
    if skill:
        found = found.filter(skills__skill=skill)
    if after and (last := User.objects.filter(pk=after).first()):
        found = found.below(last, text=q)
    return found.nearest_first(q) if q else found.by_name()


@require_http_methods(["GET", "POST"])
@for_people_editors
def new(request: PersonRequest) -> HttpResponse:
    first = {"password": new_password(), "language": request.user.language or request.LANGUAGE_CODE}
    form = EmployeeForm(request.POST or None, initial=first, by=request.user)
    if form.is_valid():
        try:
            person = once(
                User,
                lambda: _employ(form, by=request.user),
                nonce=request.POST.get("nonce", ""),
                actor_id=request.user.pk,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("%(name)s can sign in now.") % {"name": person.name})
            return redirect("org:person", person.pk)
    return render(request, "org/new.html", {"form": form}, status=REFUSED if form.is_bound else 200)


def _employ(form: EmployeeForm, *, by: User) -> User:
    person = accounts.create_user(form.new_user(), password=form.cleaned_data["password"], by=by)
    if department := form.cleaned_data["department"]:
        actions.add_member(department, person, by=by)
    return person


@require_GET
def person(request: PersonRequest, pk: int) -> HttpResponse:
    person = _person(request, pk)
    if person.merged_into_id is not None:
        return redirect("org:person", person.merged_into_id)
    return _person_page(request, person)


@require_http_methods(["POST", "DELETE"])
@for_people_editors
def suspension(request: PersonRequest, pk: int) -> HttpResponse:
    change = accounts.suspend_user if request.method == "POST" else accounts.return_user
    return changed(request, pk, change)


def changed(request: PersonRequest, pk: int, change: Callable[..., None]) -> HttpResponse:
    """Does it, and shows the person as they are now; what cannot be is 403 with a word."""
    person = _person(request, pk)
    must_manage(request.user, person)
    try:
        change(person, by=request.user)
    except ValidationError as error:
        raise PermissionDenied(" ".join(error.messages)) from None
    said = {
        User.Status.ACTIVE: _("%(name)s works here again and can sign in."),
        User.Status.SUSPENDED: _("%(name)s is suspended and signed out everywhere."),
        User.Status.DISMISSED: _("%(name)s is dismissed and signed out everywhere."),
    }[User.Status(person.status)]
    return with_toast(_person_page(request, person), said % {"name": person.name})


def birthday_said(person: User, *, reader: User) -> str:
    """As the person shows it to colleagues; to themselves and whoever edits people all of it."""
    if person.birthday_on is None:
        return ""
    shown = person.birthday_shown
    if reader.pk == person.pk or can_manage(reader, person) or shown == User.BirthdayShown.YEAR:
        return format_date(person.birthday_on)
    return "" if shown == User.BirthdayShown.NOBODY else format_birthday(person.birthday_on)


def must_manage(user: User, person: User) -> None:
    if person.merged_into_id is not None:
        raise PermissionDenied(_("This account was merged into another: that one is the person."))
    if not can_manage(user, person):
        raise PermissionDenied(_("Only administrators change other administrators."))


def _person(request: PersonRequest, pk: int) -> User:
    seen = User.objects.visible_to(request.user).select_related("profile")
    places = Membership.objects.select_related("department").order_by("id")
    seen = seen.prefetch_related(Prefetch("memberships", places))
    person: User = get_object_or_404(seen, pk=pk)
    return person


def _person_page(request: PersonRequest, person: User) -> HttpResponse:
    context = {
        "person": person,
        "can_edit": can_edit_profile(request.user, person),
        "can_manage": can_manage(request.user, person) and person != request.user,
        "manager": manager_of(person),
        "own": shown_of(person, reader=request.user),
        "birthday": birthday_said(person, reader=request.user),
        **coming_absences(request, person),
        **({"skills": []} if wants_part(request) else skills_context(request, person)),
        "parts": [] if wants_part(request) else profile_of(request, person),
    }
    return render(request, "org/person.html", context, blocks="person")
