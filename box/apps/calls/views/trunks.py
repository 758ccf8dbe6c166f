"""Lines, queues, menus and forwarding of a PBX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.calls.actions import trunks as actions
from box.apps.calls.forms.trunks import CallMenuForm, CallQueueForm, ForwardForm, TrunkForm
from box.apps.calls.prompts import menu_of
from box.apps.calls.views.guards import found_pbx, only_for_administrators, posted
from box.bridges.telephony.actions import remove_extension
from box.bridges.telephony.models import CallMenu, CallQueue, Extension, Trunk
from box.core.files.display import link_to_blob
from box.core.registry.capabilities import Recorded
from box.lib.pages import lead_on, render, render_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.functional import _StrOrPromise

    from box.apps.calls.forms.trunks import PbxRowForm
    from box.core.accounts.requests import PersonRequest


@dataclass(frozen=True)
class Kind:
    """What lines, queues and menus have of their own; all else of their pages is the same."""

    rows: QuerySet[Any]
    form: Callable[..., PbxRowForm[Any]]
    add: _StrOrPromise
    removed: _StrOrPromise


LINE = Kind(Trunk.objects.all(), TrunkForm, gettext_lazy("Add a line"), gettext_lazy("The line is removed."))
QUEUE = Kind(
    CallQueue.objects.all(), CallQueueForm, gettext_lazy("Add a queue"), gettext_lazy("The queue is removed.")
)
MENU = Kind(
    CallMenu.objects.all(), CallMenuForm, gettext_lazy("Add a menu"), gettext_lazy("The menu is removed.")
)


@require_GET
@only_for_administrators
def trunks(request: PersonRequest, pk: int) -> HttpResponse:
    pbx = found_pbx(pk)
    context = {
        "pbx": pbx,
        "tab": "trunks",
        "trunks": list(pbx.trunks.order_by("name")),
        "queues": list(pbx.call_queues.order_by("number")),
        "menus": list(pbx.call_menus.order_by("number")),
    }
    return render(request, "calls/setup/trunks.html", context)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@only_for_administrators
def new_part(request: PersonRequest, pk: int, kind: Kind) -> HttpResponse:
    """A line, a queue or a menu."""
    return _edited(request, kind.rows.model(pbx=found_pbx(pk)), kind)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST", "DELETE"])
@only_for_administrators
def part(request: PersonRequest, pk: int, number: int, kind: Kind) -> HttpResponse:
    """As it is; or it is removed."""
    found = get_object_or_404(kind.rows.select_related("pbx"), pk=number, pbx=pk)
    if request.method == "DELETE":
        actions.remove_part(found, by=request.user)
        return lead_on(request, redirect("calls:trunks", pk).headers["Location"], str(kind.removed))
    return _edited(request, found, kind)


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
    title = f"{found.number} · {found.user.name}" if found.user else found.number
    return _form(request, found, form, title, tab="extensions")


@require_GET
@only_for_administrators
def prompt(request: PersonRequest, pk: int, number: int) -> HttpResponse:
    """What callers of the menu hear, to be listened to here."""
    found = CallMenu.objects.select_related("prompt").filter(pk=number, pbx=pk).first()
    if found is None or found.prompt is None:
        raise Http404
    return redirect(link_to_blob(found.prompt, f"{found.name}.wav", host=request.get_host()))


@login_not_required
@require_GET
def fetched_prompt(request: HttpRequest, token: str) -> HttpResponse:
    """The same for the PBX, which has the address from its configuration: every caller hears it anyway."""
    found = menu_of(token)
    if found is None or found.prompt is None:
        raise Http404
    return redirect(link_to_blob(found.prompt, f"{found.name}.wav", host=request.get_host()))


def _edited(request: PersonRequest, found: actions.Part, kind: Kind) -> HttpResponse:
    title = found.name or str(kind.add)
    form = kind.form(posted(request), request.FILES if request.method == "POST" else None, row=found)
    if form.is_valid():
        try:
            actions.save_part(form.row(), prompt=form.cleaned_data.get("prompt"), by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("It is noted. Fetch the configuration of the PBX anew."))
            return redirect("calls:trunks", found.pbx_id)
    return _form(request, found, form, title)


def _form(
    request: PersonRequest,
    found: actions.Part | Extension,
    form: forms.BaseForm,
    title: str,
    *,
    tab: str = "trunks",
) -> HttpResponse:
    heard = None
    if isinstance(found, CallMenu) and found.pk and found.prompt_id:
        heard = Recorded(reverse("calls:prompt", args=[found.pbx_id, found.pk]), found.prompt_seconds, ())
    context = {"pbx": found.pbx, "title": title, "tab": tab, "heard": heard, "is_new": found.pk is None}
    return render_form(request, "calls/setup/trunks_form.html", form, context)
