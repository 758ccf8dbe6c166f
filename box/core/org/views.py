"""The company's people: finding them, and what an administrator does about them."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.core.accounts import actions as accounts
from box.core.accounts.access import can_edit_profile, can_manage_people, can_see_company
from box.core.accounts.models import User
from box.core.events.nonces import once
from box.core.org import actions
from box.core.org.forms import EmployeeForm, PeopleFilter, new_password
from box.core.org.models import Department
from box.lib.pages import REFUSED, render, with_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest

PAGE = 50
SUGGESTED = 8


def for_administrators[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: Any = args[0]
        if not can_manage_people(request.user):
            raise PermissionDenied(_("Only administrators change who works here."))
        return view(*args, **kwargs)

    return guarded


@require_GET
def people(request: PersonRequest) -> HttpResponse:
    if not can_see_company(request.user):
        raise Http404
    wanted = PeopleFilter(request.GET)
    wanted.is_valid()
    chosen = wanted.cleaned_data
    found = list(_people(**chosen)[: PAGE + 1])
    context = {
        "people": found[:PAGE],
        "has_more": len(found) > PAGE,
        "departments": Department.objects.by_name(),
        "q": chosen.get("q", ""),
        "department": chosen.get("department"),
        "status": chosen.get("status", ""),
        "can_manage": can_manage_people(request.user),
    }
    return render(request, "org/people.html", context, blocks="rows")


def _people(
    q: str = "", department: Department | None = None, status: str = "", after: int | None = None
) -> Any:
    found = User.objects.filter(is_extranet=False, status=status) if status else User.objects.employees()
    if q:
        found = found.matching(q)
    if department:
        found = found.filter(memberships__department__path__contains=[department.pk]).distinct()
    if after and (last := User.objects.filter(pk=after).first()):
        found = found.below(last)
    return found.by_name().prefetch_related("memberships__department")


@require_GET
def suggestions(request: PersonRequest) -> HttpResponse:
    if not can_see_company(request.user):
        raise Http404
    text = request.GET.get("q", "").strip()[:200]
    found = User.objects.employees().matching(text).by_name()[:SUGGESTED] if text else []
    return render(request, "org/suggestions.html", {"people": found, "q": text}, blocks="found")


@require_http_methods(["GET", "POST"])
@for_administrators
def new(request: PersonRequest) -> HttpResponse:
    first = {"password": new_password(), "language": request.user.language or request.LANGUAGE_CODE}
    form = EmployeeForm(request.POST or None, initial=first)
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
    return _person_page(request, _person(request, pk))


@require_http_methods(["POST", "DELETE"])
@for_administrators
def suspension(request: PersonRequest, pk: int) -> HttpResponse:
    change = accounts.suspend_user if request.method == "POST" else accounts.return_user
    return _changed(request, pk, change)


@require_http_methods(["POST", "DELETE"])
@for_administrators
def dismissal(request: PersonRequest, pk: int) -> HttpResponse:
    change = accounts.dismiss_user if request.method == "POST" else accounts.return_user
    return _changed(request, pk, change)


def _changed(request: PersonRequest, pk: int, change: Callable[..., None]) -> HttpResponse:
    person = _person(request, pk)
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


def _person(request: PersonRequest, pk: int) -> User:
    seen = User.objects.visible_to(request.user).prefetch_related("memberships__department")
    person: User = get_object_or_404(seen, pk=pk)
    return person


def _person_page(request: PersonRequest, person: User) -> HttpResponse:
    context = {
        "person": person,
        "can_edit": can_edit_profile(request.user, person),
        "can_manage": can_manage_people(request.user) and person != request.user,
    }
    return render(request, "org/person.html", context, blocks="person")
