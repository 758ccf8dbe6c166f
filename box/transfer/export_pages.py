"""Pages of open archives: the console's, of the portal, and everybody's own, of what is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.console.access import only_for
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.lib.pages import render_form
from box.transfer.access import can_migrate
from box.transfer.exports import KEPT, order_export, order_own, remove_export
from box.transfer.forms import ExportForm, OwnExportForm
from box.transfer.models import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

LISTED = 30


@require_http_methods(["GET", "POST"])
@only_for(can_migrate)
@recently_proven
def exports(request: PersonRequest) -> HttpResponse:
    """Archives of the portal; POST has one written."""
    form = ExportForm(request.POST or None, reader=request.user)
    return _page(request, form, lambda: order_export(form.filters(), recipient=form.key, by=request.user))


@require_http_methods(["GET", "POST"])
@recently_proven
def own(request: PersonRequest) -> HttpResponse:
    """Archives of what is the reader's own; POST has one written."""
    form = OwnExportForm(request.POST or None)
    return _page(request, form, lambda: order_own(recipient=form.key, by=request.user))


def _page(request: PersonRequest, form: OwnExportForm, order: Callable[[], Export]) -> HttpResponse:
    is_own = not isinstance(form, ExportForm)
    if request.method == "POST" and form.is_valid():
        try:
            posted_once(request, Export, order)
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            messages.success(request, _("The archive is being written: you find it here when it is ready."))
            return redirect(_address(is_own=is_own))
    found = Export.objects.filter(is_own=is_own)
    if is_own:
        found = found.filter(by=request.user)
    context = {
        "is_own": is_own,
        "exports": found.select_related("by", "file__blob").order_by("-id")[:LISTED],
        "kept_days": KEPT.days,
    }
    template = "transfer/own.html" if is_own else "transfer/exports.html"
    return render_form(request, template, form, context, blocks="exports")


def _address(*, is_own: bool) -> str:
    return "archives:own" if is_own else "transfer:exports"


@require_POST
@only_for(can_migrate)
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    """Of one that an administrator has ordered."""
    return _remove(request, get_object_or_404(Export, pk=pk, is_own=False))


@require_POST
def own_removal(request: PersonRequest, pk: int) -> HttpResponse:
    return _remove(request, get_object_or_404(Export, pk=pk, is_own=True, by=request.user))


def _remove(request: PersonRequest, export: Export) -> HttpResponse:
    remove_export(export, by=request.user)
    messages.success(request, _("The archive is removed."))
    return redirect(_address(is_own=export.is_own))
