"""What this person's telephone does at the moment, and what they do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from box.apps.calls import access
from box.apps.calls.actions import call_control
from box.apps.calls.actions.browser_phone import phone_of
from box.apps.calls.models import LoggedCall
from box.apps.calls.presenters import live_calls
from box.apps.calls.settings import OPENS_CARD
from box.bridges.telephony.models import Command
from box.core.events.nonces import once
from box.lib.pages import REFUSED, render, with_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest


@require_GET
def now(request: PersonRequest) -> HttpResponse:
    """The same in every tab: each asks when it is told that something has changed."""
    if not access.works_here(request.user):
        raise Http404
    calls = live_calls(request.user, now=timezone.now())
    context = {
        "calls": calls,
        "opens_card": OPENS_CARD.value,
        "can_dial": _can_dial(request),
        "has_phone": phone_of(request.user) is not None,
    }
    return render(request, "calls/now.html", context)


@require_POST
def dialled(request: PersonRequest) -> HttpResponse:
    """A click on a number. The same click is one call, however often it arrives."""
    if not access.works_here(request.user):
        raise Http404
    number = request.POST.get("number", "")[:60]
    said = _("Your telephone rings: pick up, and %(number)s is called.") % {"number": number}
    return _asked(request, lambda: call_control.dial(number, by=request.user), said)


@require_POST
def end(request: PersonRequest, pk: int) -> HttpResponse:
    call = _found(request, pk)
    return _asked(request, lambda: call_control.end_call(call, by=request.user), "")


@require_POST
def transfer(request: PersonRequest, pk: int) -> HttpResponse:
    call = _found(request, pk)
    number, is_attended = request.POST.get("number", "")[:60], request.POST.get("how") == "attended"
    said = (
        _("When they have answered, hang up to pass the call on.")
        if is_attended
        else _("The call is passed on.")
    )

    def pass_on() -> Command:
        return call_control.pass_on(call, number, is_attended=is_attended, by=request.user)

    return _asked(request, pass_on, said)


@require_POST
def waiting(request: PersonRequest, pk: int) -> HttpResponse:
    """Puts whoever is on the line on hold, or takes them back."""
    call = _found(request, pk)
    if request.POST.get("waits") == "no":
        return _asked(request, lambda: call_control.take_back(call, by=request.user), "")
    said = _("On hold. Take the call back here: your telephone rings then.")
    return _asked(request, lambda: call_control.hold_call(call, by=request.user), said)


def _found(request: PersonRequest, pk: int) -> LoggedCall:
    return get_object_or_404(LoggedCall.objects.visible_to(request.user), pk=pk)


def _can_dial(request: PersonRequest) -> bool:
    return call_control.extension_of(request.user) is not None


def _asked(request: PersonRequest, act: Callable[[], Command], said: str) -> HttpResponse:
    nonce = request.POST.get("nonce", "")
    try:
        once(Command, act, nonce=nonce, actor_id=request.user.pk)
    except ValidationError as refused:
        return with_toast(HttpResponse(status=REFUSED), " ".join(refused.messages))
    response = HttpResponse(status=204)
    return with_toast(response, said) if said else response
