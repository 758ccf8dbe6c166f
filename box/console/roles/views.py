"""Roles and who holds them, and what a person might do on some day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.console.access import only_for
from box.console.roles.forms import ReportForm, RoleForm
from box.core.access import actions
from box.core.access.models import Role
from box.core.access.report import rights_of
from box.core.access.roles import RoleNow, current
from box.core.accounts.access import can_edit_roles
from box.core.accounts.actions import set_administrator
from box.core.accounts.models import User
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.registry.origin import address_of
from box.core.structure.names import Principal, found_for, named
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.core.accounts.requests import PersonRequest

MOST_FOUND = 8


@require_GET
@only_for(can_edit_roles)
def roles(request: PersonRequest) -> HttpResponse:
    found = current().all
    names = named(code for role in found for code in role.grantees)
    administrators = User.objects.active().filter(is_administrator=True).by_name()
    context = {"roles": found, "names": names, "administrators": [_person(one) for one in administrators]}
    return render(request, "console/roles.html", context)


@require_http_methods(["GET", "POST"])
@only_for(can_edit_roles)
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    form = RoleForm(None, request.POST or None)
    if form.is_valid():
        try:
            made = posted_once(
                request, Role, lambda: _create(form, by=request.user, from_address=address_of(request))
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The role “%(name)s” is there.") % {"name": made.name})
            return redirect("console:roles")
    return _form_page(request, form, None)


def _create(form: RoleForm, *, by: User, from_address: str) -> Role:
    role = actions.create_role(form.cleaned_data["name"], form.cleaned_data["rights"], by=by)
    actions.set_grantees(role, form.cleaned_data["codes"], by=by)
    _set_sign_in(role, form, by=by, from_address=from_address)
    return role


@require_http_methods(["GET", "POST", "DELETE"])
@only_for(can_edit_roles)
@recently_proven
def role(request: PersonRequest, slug: str) -> HttpResponse:
    now = next((one for one in current().all if one.slug == slug), None)
    if now is None:
        raise Http404
    if request.method == "DELETE":
        return _delete(request, now)
    form = RoleForm(now, request.POST or None)
    if form.is_valid():
        try:
            _save(now, form, by=request.user, from_address=address_of(request))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            name = form.cleaned_data.get("name", now.name)
            messages.success(request, _("The role “%(name)s” is saved.") % {"name": name})
            return redirect("console:roles")
    return _form_page(request, form, now)


def _delete(request: PersonRequest, now: RoleNow) -> HttpResponse:
    if now.key:
        raise PermissionDenied(_("This role is part of the box."))
    actions.delete_role(_row(now), by=request.user)
    messages.success(request, _("The role “%(name)s” is deleted.") % {"name": now.name})
    return HttpResponse(headers={"HX-Location": reverse("console:roles")})


def _row(now: RoleNow) -> Role:
    return get_object_or_404(Role, pk=now.id or 0, deleted_at=None)


@transaction.atomic
def _save(now: RoleNow, form: RoleForm, *, by: User, from_address: str) -> None:
    wanted: set[str] = form.cleaned_data["codes"]
    role = actions.built_in_role(now.key) if now.key else _row(now)
    if now.is_administrators:
        _set_administrators(wanted, by=by)
    else:
        actions.set_rights(role, form.cleaned_data["rights"], by=by)
    if not now.key:
        actions.rename_role(role, form.cleaned_data["name"], by=by)
        actions.set_grantees(role, wanted, by=by)
    _set_sign_in(role, form, by=by, from_address=from_address)


def _set_sign_in(role: Role, form: RoleForm, *, by: User, from_address: str) -> None:
    needs = form.cleaned_data["needs_second_factor"]
    if needs != bool(form.initial.get("needs_second_factor")):
        actions.set_second_factor(role, needs, by=by)
    networks = form.cleaned_data["networks"].split()
    actions.set_networks(role, networks, by=by, from_address=from_address)


def _set_administrators(wanted: Iterable[str], *, by: User) -> None:
    ids = {int(code.removeprefix("U")) for code in wanted}
    were = User.objects.active().filter(is_administrator=True)
    # The new ones first: then there is always one left.
    for person in User.objects.filter(pk__in=ids).order_by("pk"):
        set_administrator(person, True, by=by)
    for person in were.exclude(pk__in=ids).order_by("pk"):
        set_administrator(person, False, by=by)


@require_GET
@only_for(can_edit_roles)
def principals(request: PersonRequest) -> HttpResponse:
    """Who can be granted a role, as found by a part of the name; with `people`, single people only."""
    text = request.GET.get("q", "")[:200]
    if "people" in request.GET:
        people = User.objects.active().employees()
        found = [
            _person(one)
            for one in (people.nearest(text, MOST_FOUND) if text else people.by_name()[:MOST_FOUND])
        ]
    else:
        found = found_for(request.user, text)
    return render(request, "principals.html", {"principals": found, "section": "console"}, blocks="options")


@require_GET
@only_for(can_edit_roles)
def report(request: PersonRequest) -> HttpResponse:
    """What a person may, or might on a day that is past, and through which roles."""
    form = ReportForm(request.GET)
    form.is_valid()
    person = User.objects.filter(pk=form.cleaned_data.get("person") or 0).first()
    text = form.cleaned_data.get("q", "")
    found = [] if person else User.objects.nearest(text, MOST_FOUND + 1)
    if len(found) == 1:
        person = found[0]
    context: dict[str, Any] = {"form": form, "person": person, "found": found, "report": None, "names": {}}
    if person:
        context["at"] = form.moment()
        context["report"] = rights_of(person, at=context["at"])
        context["names"] = named(context["report"].codes)
    return render(request, "console/report.html", context)


def _form_page(request: PersonRequest, form: RoleForm, now: RoleNow | None) -> HttpResponse:
    context = {"role": now, "chosen": _chosen(request, form, now)}
    return render_form(request, "console/role.html", form, context)


def _chosen(request: PersonRequest, form: RoleForm, now: RoleNow | None) -> list[Principal]:
    if form.is_bound:
        return list(named(request.POST.getlist("audience")).values())
    if now is None:
        return []
    if now.is_administrators:
        return [_person(one) for one in User.objects.active().filter(is_administrator=True).by_name()]
    return sorted(named(now.grantees).values(), key=lambda one: one.name)


def _person(person: User) -> Principal:
    return Principal(f"U{person.pk}", person.name, person.position)
