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
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.lists.views import answer
from box.core.people.forms import EmployeeForm, new_password
from box.core.people.lists import STATUS, people_list
from box.core.people.views.absences import coming_absences
from box.core.people.views.skills import skills_context
from box.core.registry.capabilities import Ref, asides_of, profile_of
from box.core.registry.environment import format_birthday, format_date
from box.core.structure import actions
from box.core.structure.access import must_manage
from box.core.structure.holdings import manager_of
from box.core.structure.models import Membership
from box.core.structure.names import PERSON_KIND
from box.lib.pages import render, render_form, wants_part, with_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest


def for_people_editors[**P, R: HttpResponseBase](view: Callable[P, R]) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        request: Any = args[0]
        if not can_manage_people(request.user):
            raise PermissionDenied(_("Ask an administrator for the right to change who works here."))
        return view(*args, **kwargs)

    return guarded


@require_http_methods(["GET", "POST"])
def people(request: PersonRequest) -> HttpResponseBase:
    if not can_see_company(request.user):
        raise Http404
    listed = people_list(request.user, is_by_status=bool(request.GET.get(STATUS)))
    asides = [] if wants_part(request) else asides_of(request)
    return answer(
        request,
        listed,
        "people/people.html",
        {"asides": asides, "can_manage": can_manage_people(request.user)},
    )


@require_http_methods(["GET", "POST"])
@for_people_editors
def new(request: PersonRequest) -> HttpResponse:
    # An administrator is made by whoever gives their password, not by whoever sits down at the desk.
    makes_administrator = request.user.is_administrator and "is_administrator" in request.POST
    return (recently_proven(_new) if makes_administrator else _new)(request)


def _new(request: PersonRequest) -> HttpResponse:
    first = {"password": new_password(), "language": request.user.language or request.LANGUAGE_CODE}
    form = EmployeeForm(request.POST or None, initial=first, by=request.user)
    if form.is_valid():
        try:
            person = posted_once(request, User, lambda: _employ(form, by=request.user))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("%(name)s can sign in now.") % {"name": person.name})
            return redirect("people:person", person.pk)
    return render_form(request, "people/new.html", form)


def _employ(form: EmployeeForm, *, by: User) -> User:
    person = accounts.create_user(form.new_user(), password=form.cleaned_data["password"], by=by)
    if department := form.cleaned_data["department"]:
        actions.add_member(department, person, by=by)
    return person


@require_GET
def person(request: PersonRequest, pk: int) -> HttpResponse:
    person = _person(request, pk)
    if person.merged_into_id is not None:
        return redirect("people:person", person.merged_into_id)
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


def _person(request: PersonRequest, pk: int) -> User:
    seen = User.objects.visible_to(request.user).select_related("profile")
    places = Membership.objects.select_related("department").order_by("id")
    seen = seen.prefetch_related(Prefetch("memberships", places))
    person: User = get_object_or_404(seen, pk=pk)
    return person


def _person_page(request: PersonRequest, person: User) -> HttpResponse:
    context = {
        "person": person,
        "person_ref": Ref(PERSON_KIND, person.pk),
        "can_edit": can_edit_profile(request.user, person),
        "can_manage": can_manage(request.user, person) and person != request.user,
        "manager": manager_of(person),
        "own": shown_of(person, reader=request.user),
        "birthday": birthday_said(person, reader=request.user),
        **coming_absences(request, person),
        **({"skills": []} if wants_part(request) else skills_context(request, person)),
        "parts": [] if wants_part(request) else profile_of(request, person),
    }
    return render(request, "people/person.html", context, blocks="person")
