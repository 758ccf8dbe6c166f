"""Who is signed in and still may not go on: from a foreign network, or without the factor that is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.roles import may_come_from
from box.core.accounts.factors import begin_grace, is_overdue
from box.core.registry.origin import address_of

# What can be done without: setting it up, and leaving.
OPEN = frozenset(
    f"accounts:{name}"
    for name in (
        *("security", "totp", "recovery-codes", "passkeys", "passkeys-challenge"),
        *("proof", "sign-out", "sign-in", "preferences"),
    )
)


class GateMiddleware:
    """Stands within ReaderMiddleware: it asks for settings and roles as of this request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated:
            request.session.touch(timezone.now())  # type: ignore[attr-defined]
        return response

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        user, name = request.user, request.resolver_match.view_name if request.resolver_match else ""
        if not user.is_authenticated:
            return None
        if name != "accounts:sign-out" and not may_come_from(user, address_of(request)):
            raise PermissionDenied(_("Your role may be used from the company's own network only."))
        now = timezone.now()
        # The role may be younger than the session.
        begin_grace(user, now)
        if name in OPEN or not is_overdue(user, now):
            return None
        address = f"{reverse('accounts:security')}?{urlencode({'next': request.get_full_path()})}"
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(headers={"HX-Redirect": address})
        return redirect(address)
