"""A company's own entities, made of the same parts as deals; and which fields each type has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.crm.actions import setup as actions
from box.apps.crm.custom_fields import all_sets
from box.apps.crm.models import RecordType
from box.apps.crm.setup.access import only_administrators, setup_page
from box.apps.crm.setup.forms import NewTypeForm, TypeForm
from box.core.events.nonces import posted_once
from box.core.portal.access import can_change_settings

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
@only_administrators
def types(request: PersonRequest) -> HttpResponse:
    """GET shows them, POST adds one."""
    form = NewTypeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = posted_once(
                request, RecordType, lambda: actions.add_type(**form.cleaned_data, by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("“%(name)s” have a tab of their own now.") % {"name": made.label})
            return redirect("crm:setup-types")
    context = {"types": list(RecordType.objects.all()), "form": form}
    return setup_page(request, "types", "crm/setup/types.html", context, is_refused=form.is_bound)


@require_http_methods(["GET", "POST"])
@only_administrators
def kind(request: PersonRequest, pk: int) -> HttpResponse:
    """Calls an own entity otherwise."""
    one = get_object_or_404(RecordType, pk=pk)
    data = request.POST if request.method == "POST" else None
    form = TypeForm(data, initial={"name": one.name, "plural": one.plural})
    if form.is_valid():
        try:
            actions.change_type(one, **form.cleaned_data, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("crm:setup-types")
    context = {"kind": one, "form": form}
    return setup_page(request, "types", "crm/setup/type.html", context, is_refused=form.is_bound)


@require_POST
@only_administrators
def retirement(request: PersonRequest, pk: int) -> HttpResponse:
    """`to` is away, or back."""
    one = get_object_or_404(RecordType, pk=pk)
    try:
        actions.retire_type(one, request.POST.get("to") != "back", by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("crm:setup-types")


@require_GET
@only_administrators
def fields(request: PersonRequest) -> HttpResponse:
    """Defined where all fields of the portal are: by whoever may change its settings."""
    context = {"sets": list(all_sets()), "may_define": can_change_settings(request.user)}
    return setup_page(request, "fields", "crm/setup/fields.html", context)
