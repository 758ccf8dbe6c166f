"""The fields of profiles that administrators define, in their order, and those in the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.console.access import only_for
from box.console.forms import OwnFieldForm
from box.core.accounts import custom_field_actions
from box.core.accounts.models import OwnField
from box.core.events.nonces import once
from box.core.portal.access import can_change_settings
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def fields(request: PersonRequest) -> HttpResponse:
    form = OwnFieldForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = once(
                OwnField,
                lambda: custom_field_actions.add_field(form.draft, by=request.user),
                nonce=request.POST.get("nonce", ""),
                actor_id=request.user.pk,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Profiles have the field %(name)s now.") % {"name": made.name})
            return redirect("console:own-fields")
    context = {
        "form": form,
        "fields": OwnField.objects.standing().in_order(),
        "archived": OwnField.objects.exclude(archived_at=None).order_by("-archived_at"),
    }
    return render(request, "console/own_fields.html", context, status=REFUSED if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def field(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(OwnField.objects.standing(), pk=pk)
    form = OwnFieldForm(request.POST if request.method == "POST" else None, of=one)
    name = one.name
    if form.is_valid():
        try:
            custom_field_actions.change_field(one, form.draft, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The field is saved."))
            return redirect("console:own-fields")
    context = {"form": form, "field": one, "name": name}
    return render(request, "console/own_field.html", context, status=REFUSED if form.is_bound else 200)


@require_POST
@only_for(can_change_settings)
def place(request: PersonRequest, pk: int) -> HttpResponse:
    """One place up or down."""
    one = get_object_or_404(OwnField.objects.standing(), pk=pk)
    custom_field_actions.move_field(one, -1 if request.POST.get("to") == "up" else 1, by=request.user)
    return redirect("console:own-fields")


@require_http_methods(["POST"])
@only_for(can_change_settings)
def archive(request: PersonRequest, pk: int) -> HttpResponse:
    """Into the archive, or back out of it."""
    one = get_object_or_404(OwnField, pk=pk)
    try:
        if request.POST.get("to") == "profiles":
            custom_field_actions.restore_field(one, by=request.user)
            said = _("Profiles show %(name)s again.")
        else:
            custom_field_actions.archive_field(one, by=request.user)
            said = _("%(name)s is in the archive; its values are kept.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, said % {"name": one.name})
    return redirect("console:own-fields")
