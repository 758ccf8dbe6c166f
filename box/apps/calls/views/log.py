"""The log of calls, and one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.calls import access
from box.apps.calls.actions import misses, recordings
from box.apps.calls.forms.calls import NoteForm
from box.apps.calls.lists import call_list
from box.apps.calls.models import LoggedCall, Recording
from box.apps.calls.playback import address_of_sound
from box.apps.calls.presenters import shown_call
from box.core.lists.views import answer
from box.core.registry.capabilities import made_of_for
from box.lib.pages import lead_on, render

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def log(request: PersonRequest) -> HttpResponseBase:
    _employees_only(request)
    return answer(request, call_list(request.user), "calls/log.html")


@require_GET
def call(request: PersonRequest, pk: int) -> HttpResponse:
    return _page(request, _found(request, pk))


@require_http_methods(["POST", "DELETE"])
def settlement(request: PersonRequest, pk: int) -> HttpResponse:
    """That a missed call is done, or is to be done after all."""
    found = _writable(request, pk)
    if request.method == "DELETE":
        misses.reopen_miss(found, by=request.user)
        return _done(request, found, _("The call waits again."))
    misses.settle_miss(found, by=request.user)
    return _done(request, found, _("The missed call is done."))


@require_POST
def note(request: PersonRequest, pk: int) -> HttpResponse:
    found = _writable(request, pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _done(request, found, " ".join(map(str, form.errors["note"])))
    recordings.write_note(found, form.cleaned_data["note"], by=request.user)
    return _done(request, found, _("The notes are saved."))


@require_POST
def hold(request: PersonRequest, pk: int) -> HttpResponse:
    """Keeps the recordings beyond their time, or lets them go."""
    found = _found(request, pk)
    if not access.can_hold(request.user):
        raise PermissionDenied(_("Ask an administrator of telephony to keep the recording."))
    recordings.hold_recordings(found, is_held=request.POST.get("held") == "yes", by=request.user)
    return _done(request, found, _("It is noted."))


@require_GET
def recording(request: PersonRequest, pk: int, number: int) -> HttpResponse:
    """The sound itself, straight from the store. That it was heard is in the audit log."""
    found = _found(request, pk)
    kept = get_object_or_404(Recording.objects.select_related("blob", "logged"), pk=number, logged=found)
    link = address_of_sound(request.user, kept, request.get_host())
    return HttpResponseRedirect(link, headers={"Cache-Control": "no-store"})


def _employees_only(request: PersonRequest) -> None:
    if not access.works_here(request.user):
        raise Http404


def _found(request: PersonRequest, pk: int) -> LoggedCall:
    calls = LoggedCall.objects.visible_to(request.user).select_related("user", "settled_by", "call__pbx")
    return get_object_or_404(calls, pk=pk)


def _writable(request: PersonRequest, pk: int) -> LoggedCall:
    found = _found(request, pk)
    if not access.can_write(request.user, found):
        raise PermissionDenied(_("Only who took part in this call, or leads those who did, may write here."))
    return found


def _page(request: PersonRequest, found: LoggedCall) -> HttpResponse:
    context = {
        "call": shown_call(found, request.user),
        "can_write": access.can_write(request.user, found),
        "can_listen": access.can_listen(request.user, found),
        "can_hold": access.can_hold(request.user),
        "made": [(one, one.address(found.ref)) for one in made_of_for(request.user)],
        "form": NoteForm(initial={"note": found.note}),
    }
    return render(request, "calls/call.html", context)


def _done(request: PersonRequest, found: LoggedCall, said: str) -> HttpResponse:
    return lead_on(request, found.get_absolute_url(), said)
