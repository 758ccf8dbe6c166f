"""The phone in the browser: its panel, and what it asks of the portal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.calls.actions import browser_phone
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def phone(request: PersonRequest) -> HttpResponse:
    """GET shows the panel, POST gives its browser the line."""
    extension = browser_phone.phone_of(request.user)
    if extension is None:
        raise Http404
    if request.method == "GET":
        return render(request, "calls/phone.html", {"number": extension.number})
    given = browser_phone.connect_phone(by=request.user, now=timezone.now())
    seconds = (given.expires_at - timezone.now()).total_seconds()
    relays = [{name: value for name, value in asdict(one).items() if value} for one in given.relays]
    answer = {
        "number": given.number,
        "password": given.password,
        "socket": given.socket,
        "seconds": seconds,
        "relays": relays,
    }
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@require_POST
def number(request: PersonRequest) -> HttpResponse:
    """What the browser dials for what was typed or clicked, or why it may not."""
    if browser_phone.phone_of(request.user) is None:
        raise Http404
    try:
        goal = browser_phone.dialled(request.POST.get("number", "")[:60], by=request.user)
    except ValidationError as refused:
        return JsonResponse({"error": " ".join(refused.messages)}, status=REFUSED)
    return JsonResponse({"dial": goal})


@require_POST
def leaving(request: PersonRequest) -> HttpResponse:
    """The page goes while somebody is on the line."""
    if browser_phone.phone_of(request.user) is None:
        raise Http404
    browser_phone.await_return(by=request.user)
    return HttpResponse(status=204)
