"""Where one is led: never out of the portal; and what a browser remembers of its person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from box.core.registry.context import THEME_COOKIE

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

# Until the browser is closed, or its person comes back.
STAYS_OUT_COOKIE = "__Host-stays-out"
REMEMBERED_SECONDS = 365 * 24 * 3600


def safe_address(request: HttpRequest, address: str) -> str:
    """The address if it is one of the portal, else where one begins. A part of a path is none: a redirect
    would take it for the name of a page."""
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    is_whole = address.startswith(("/", "https://"))
    return address if is_ours and is_whole else resolve_url(settings.LOGIN_REDIRECT_URL)


def remember(response: HttpResponse, *, language: str = "", theme: str = "") -> HttpResponse:
    for name, value in ((settings.LANGUAGE_COOKIE_NAME, language), (THEME_COOKIE, theme)):
        if value:
            set_lasting_cookie(response, name, value)
    return response


def stay_out(response: HttpResponse) -> HttpResponse:
    """Whoever signs out is led to the form from now on: another way might lead back in at once, also from a
    page in another tab that only hears of it."""
    response.set_cookie(STAYS_OUT_COOKIE, "1", secure=True, httponly=True, samesite="Lax")
    return response


def stays_out(request: HttpRequest) -> bool:
    return request.COOKIES.get(STAYS_OUT_COOKIE) == "1"


def come_back(request: HttpRequest, response: HttpResponse) -> None:
    if stays_out(request):
        response.delete_cookie(STAYS_OUT_COOKIE, samesite="Lax")


def set_lasting_cookie(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=REMEMBERED_SECONDS, secure=True, httponly=True, samesite="Lax")
