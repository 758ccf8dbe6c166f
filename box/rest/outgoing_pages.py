"""The pages of outgoing webhooks, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.registry.rest import hook_events
from box.lib.pages import render, render_form
from box.rest import outgoing
from box.rest.access import can_send_out
from box.rest.forms import ListenerForm
from box.rest.models import PAGE, Listener

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
def listeners(request: PersonRequest) -> HttpResponse:
    for_administrators(request)
    context = {"listeners": Listener.objects.newest_first(), "events": dict(hook_events.items())}
    return render(request, "rest/listeners.html", context)


@require_http_methods(["GET", "POST"])
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    for_administrators(request)
    form = ListenerForm(request.POST or None)
    if form.is_valid():
        try:
            made = posted_once(
                request, Listener, lambda: outgoing.add_listener(form.new_listener(), by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("rest:listener", made.pk)
    return render_form(request, "rest/new_listener.html", form)


@never_cache
@require_GET
@recently_proven
def listener(request: PersonRequest, pk: int) -> HttpResponse:
    """With its token, and what was sent there lately."""
    for_administrators(request)
    found = get_object_or_404(Listener.objects.select_related("by"), pk=pk)
    context = {
        "listener": found,
        "token": outgoing.token_of(found),
        "sendings": found.sendings.newest_first()[:PAGE],
        "events": dict(hook_events.items()),
    }
    return render(request, "rest/listener.html", context)


@require_POST
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    for_administrators(request)
    found = get_object_or_404(Listener, pk=pk)
    outgoing.remove_listener(found, by=request.user)
    messages.success(request, _("%(name)s is told of nothing any more.") % {"name": found.name})
    return redirect("rest:listeners")


@require_POST
def resumption(request: PersonRequest, pk: int) -> HttpResponse:
    for_administrators(request)
    found = get_object_or_404(Listener, pk=pk)
    outgoing.resume_listener(found, by=request.user)
    messages.success(request, _("%(name)s is told of what happens from now on.") % {"name": found.name})
    return redirect("rest:listener", found.pk)


def for_administrators(request: PersonRequest) -> None:
    if not can_send_out(request.user):
        raise Http404
