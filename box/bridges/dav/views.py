"""One's own phones and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.bridges.dav import actions
from box.bridges.dav.access import can_use
from box.bridges.dav.forms import DeviceForm
from box.bridges.dav.models import Device
from box.bridges.dav.passwords import DevicePassword
from box.bridges.dav.session import FOLDER
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
def devices(request: PersonRequest) -> HttpResponse:
    found = list(Device.objects.of(request.user).connected().order_by("-id"))
    if not can_use(request.user) and not found:
        raise Http404
    context = {"devices": found, "can_use": can_use(request.user), "server": _server()}
    return render(request, "dav/devices.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    if not can_use(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to connect phones and programs."))
    form = DeviceForm(request.POST or None)
    if form.is_valid():
        password = DevicePassword.new()
        try:
            device = posted_once(
                request,
                Device,
                lambda: actions.add_device(form.cleaned_data["name"], password, by=request.user),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _shown_once(request, device, password)
    return render_form(request, "dav/new.html", form)


def _shown_once(request: PersonRequest, device: Device, password: DevicePassword) -> HttpResponse:
    if device.digest != password.digest:
        messages.info(request, _("You have connected this device already, and its password was shown then."))
        return redirect("dav:devices")
    context = {
        "device": device, "password": password.text, "server": _server(), "login": request.user.login,
    }  # fmt: skip
    return render(request, "dav/made.html", context)


@require_POST
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    device = get_object_or_404(Device.objects.of(request.user).connected(), pk=pk)
    actions.remove_device(device, by=request.user)
    said = _("“%(name)s” gets nothing any more: its password opens nothing.") % {"name": device.name}
    messages.success(request, said)
    return redirect("dav:devices")


def _server() -> str:
    return f"{settings.PORTAL_URL}{FOLDER}/"
