"""Lines, queues and forwarding of a PBX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.calls.actions import trunks as actions
from box.apps.calls.forms.trunks import CallQueueForm, ForwardForm, TrunkForm
from box.apps.calls.views.guards import found_pbx, only_for_administrators, posted
from box.bridges.telephony.actions import remove_extension
from box.bridges.telephony.models import CallQueue, Extension, Trunk
from box.lib.pages import REFUSED, lead_on, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms

    from box.bridges.telephony.models import Pbx
    from box.core.accounts.requests import PersonRequest


@require_GET
@only_for_administrators
def trunks(request: PersonRequest, pk: int) -> HttpResponse:
    pbx = found_pbx(pk)
    context = {
        "pbx": pbx,
        "tab": "trunks",
        "trunks": list(pbx.trunks.order_by("name")),
        "queues": list(pbx.call_queues.order_by("number")),
    }
    return render(request, "calls/setup/trunks.html", context)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@only_for_administrators
def new_trunk(request: PersonRequest, pk: int) -> HttpResponse:
    return _trunk(request, Trunk(pbx=found_pbx(pk)))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST", "DELETE"])
@only_for_administrators
def trunk(request: PersonRequest, pk: int, number: int) -> HttpResponse:
    found = get_object_or_404(Trunk.objects.select_related("pbx"), pk=number, pbx=pk)
    if request.method == "DELETE":
        actions.remove_trunk(found, by=request.user)
        return _gone(request, pk, _("The line is removed."))
    return _trunk(request, found)


def _trunk(request: PersonRequest, found: Trunk) -> HttpResponse:
    form = TrunkForm(posted(request), trunk=found)

    def keep() -> None:
        actions.save_trunk(form.trunk(), by=request.user)

    title = found.name or _("Add a line")
    return _kept(request, found.pbx, form, keep) or _form(request, found, form, title)


@require_http_methods(["GET", "POST"])
@only_for_administrators
def new_queue(request: PersonRequest, pk: int) -> HttpResponse:
    return _queue(request, CallQueue(pbx=found_pbx(pk)))


@require_http_methods(["GET", "POST", "DELETE"])
@only_for_administrators
def queue(request: PersonRequest, pk: int, number: int) -> HttpResponse:
    found = get_object_or_404(CallQueue.objects.select_related("pbx"), pk=number, pbx=pk)
    if request.method == "DELETE":
        actions.remove_queue(found, by=request.user)
        return _gone(request, pk, _("The queue is removed."))
    return _queue(request, found)


def _queue(request: PersonRequest, found: CallQueue) -> HttpResponse:
    form = CallQueueForm(posted(request), queue=found)

    def keep() -> None:
        actions.save_queue(form.queue(), by=request.user)

    title = found.name or _("Add a queue")
    return _kept(request, found.pbx, form, keep) or _form(request, found, form, title)


@require_http_methods(["GET", "POST", "DELETE"])
@only_for_administrators
def extension(request: PersonRequest, pk: int, number: int) -> HttpResponse:
    """Where its calls go on; or it is taken away."""
    found = get_object_or_404(Extension.objects.select_related("pbx", "user"), pk=number, pbx=pk)
    extensions = redirect("calls:extensions", pk)
    if request.method == "DELETE":
        remove_extension(found, by=request.user)
        return lead_on(request, extensions.headers["Location"], _("The extension is taken away."))
    form = ForwardForm(posted(request), extension=found)
    if form.is_valid():
        try:
            asked = form.cleaned_data["forwards_to"], form.cleaned_data["after"]
            actions.forward_extension(found, *asked, by=request.user)
        except ValidationError as error:
            form.add_error("forwards_to", error)
        else:
            messages.success(request, _("It is noted. Fetch the configuration of the PBX anew."))
            return extensions
    return _form(request, found, form, found.number, tab="extensions")


def _kept(
    request: PersonRequest, pbx: Pbx, form: TrunkForm | CallQueueForm, keep: Callable[[], None]
) -> HttpResponse | None:
    if not form.is_valid():
        return None
    try:
        keep()
    except ValidationError as error:
        form.add_error(None, error)
        return None
    messages.success(request, _("It is noted. Fetch the configuration of the PBX anew."))
    return redirect("calls:trunks", pbx.pk)


def _gone(request: PersonRequest, pk: int, said: str) -> HttpResponse:
    return lead_on(request, redirect("calls:trunks", pk).headers["Location"], said)


def _form(
    request: PersonRequest,
    found: Trunk | CallQueue | Extension,
    form: forms.BaseForm,
    title: str,
    *,
    tab: str = "trunks",
) -> HttpResponse:
    context = {"pbx": found.pbx, "form": form, "title": title, "tab": tab, "is_new": found.pk is None}
    status = REFUSED if form.is_bound else 200
    return render(request, "calls/setup/trunks_form.html", context, status=status)
