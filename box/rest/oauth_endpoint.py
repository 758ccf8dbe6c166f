"""Where applications get their tokens: `/oauth/token/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from box.core.registry.origin import address_of
from box.core.registry.rest import ApiRefused
from box.rest.dialect import HEADERS, refused
from box.rest.limits import seconds_to_wait_of
from box.rest.oauth import ACCESS_LIVES, Tokens, application_by, exchange_code, refresh_tokens
from box.rest.portal_id import member_id, server_name

if TYPE_CHECKING:
    from django.http import HttpRequest

_GRANTS = {"authorization_code": ("code", exchange_code), "refresh_token": ("refresh_token", refresh_tokens)}
LOCAL = "L"
"""What the cloud calls an application that is one portal's own."""


@csrf_exempt
@login_not_required
def token(request: HttpRequest) -> JsonResponse:
    """By GET, as the cloud's libraries ask, or by POST, as the standard has it."""
    if request.method not in ("GET", "POST"):
        return refused(ApiRefused("invalid_request", "GET or POST", status=405), Allow="GET, POST")
    given: dict[str, str] = getattr(request, "token_parameters", {})
    try:
        return _answered(request, given)
    except ApiRefused as refusal:
        return refused(refusal)


def _answered(request: HttpRequest, given: dict[str, str]) -> JsonResponse:
    name, act = _GRANTS.get(given.get("grant_type", ""), ("", None))
    if act is None or not all(given.get(one) for one in ("client_id", "client_secret", name)):
        text = "grant_type, client_id, client_secret, and code or refresh_token are needed"
        raise ApiRefused("invalid_request", text, status=400)
    now = timezone.now()
    # So that nobody tries secrets: as often as any program may ask.
    if wait := seconds_to_wait_of(f"oauth:{address_of(request)}", now.timestamp()):
        return refused(
            ApiRefused("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503), **{"Retry-After": str(wait)}
        )
    application = application_by(given["client_id"], given["client_secret"])
    return JsonResponse(told(act(application, given[name], now=now)), headers=HEADERS)


def told(tokens: Tokens) -> dict[str, Any]:
    host = server_name()
    return {
        "access_token": tokens.access.text,
        "refresh_token": tokens.refresh.text,
        "expires": int(tokens.expires_at.timestamp()),
        "expires_in": int(ACCESS_LIVES.total_seconds()),
        "scope": ",".join(tokens.webhook.scopes),
        "domain": host,
        "server_endpoint": f"{settings.PORTAL_URL}/rest/",
        "client_endpoint": f"{settings.PORTAL_URL}/rest/",
        "member_id": member_id(),
        "status": LOCAL,
        "user_id": tokens.webhook.user_id,
    }
