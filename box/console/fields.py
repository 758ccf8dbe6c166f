"""The fields that a company defines: of each kind of objects, in their order, and those in the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.console.access import only_for
from box.console.forms import FieldForm
from box.core.events.nonces import posted_once
from box.core.fields import actions
from box.core.fields.forms import FieldsForm
from box.core.fields.models import Field
from box.core.fields.sets import FieldSet, all_sets, set_at
from box.core.portal.access import can_change_settings
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
@only_for(can_change_settings)
def sets(request: PersonRequest) -> HttpResponse:
    return render(request, "console/field_sets.html", {"sets": list(all_sets().values())})


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def fields(request: PersonRequest, key: str) -> HttpResponse:
    of = _set(key)
    form = FieldForm(request.POST if request.method == "POST" else None, fields=of)
    if form.is_valid():
        try:
            made = _added(request, of, form)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The field %(name)s is there now.") % {"name": made.name})
            return redirect("console:fields", of.key)
    return _fields_page(request, of, form)


def _added(request: PersonRequest, of: FieldSet, form: FieldForm) -> Field:
    return posted_once(request, Field, lambda: actions.add_field(of, form.draft, by=request.user))


def _fields_page(request: PersonRequest, of: FieldSet, form: FieldForm) -> HttpResponse:
    standing = list(Field.objects.of(of.key).standing().in_order())
    context = {
        "set": of,
        "fields": standing,
        "archived": Field.objects.of(of.key).exclude(archived_at=None).order_by("-archived_at"),
        "preview": FieldsForm(standing, by=request.user) if standing else None,
    }
    return render_form(request, "console/fields.html", form, context)


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def field(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Field.objects.standing().in_order(), pk=pk)
    of, name = _set(one.set_key), one.name
    form = FieldForm(request.POST if request.method == "POST" else None, fields=of, of=one)
    if form.is_valid():
        try:
            actions.change_field(one, form.draft, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The field is saved."))
            return redirect("console:fields", of.key)
    return render_form(request, "console/field.html", form, {"set": of, "field": one, "name": name})


@require_POST
@only_for(can_change_settings)
def place(request: PersonRequest, pk: int) -> HttpResponse:
    """One place up or down."""
    one = get_object_or_404(Field.objects.standing(), pk=pk)
    actions.move_field(one, -1 if request.POST.get("to") == "up" else 1, by=request.user)
    return redirect("console:fields", _set(one.set_key).key)


@require_POST
@only_for(can_change_settings)
def archive(request: PersonRequest, pk: int) -> HttpResponse:
    """Into the archive, or back out of it."""
    one = get_object_or_404(Field, pk=pk)
    try:
        if request.POST.get("to") == "use":
            actions.restore_field(one, by=request.user)
            said = _("%(name)s is shown again.")
        else:
            actions.archive_field(one, by=request.user)
            said = _("%(name)s is in the archive; its values are kept.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, said % {"name": one.name})
    return redirect("console:fields", _set(one.set_key).key)


def _set(key: str) -> FieldSet:
    found = set_at(key)
    if found is None:
        raise Http404
    return found
