"""Each answer in its reader's language and time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation


class ReaderMiddleware:
    """The person's own language, else the cookie's, else the browser's, else the box's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = self._language(request)
        zone = (request.user.time_zone if request.user.is_authenticated else "") or settings.TIME_ZONE
        with translation.override(language), timezone.override(zoneinfo.ZoneInfo(zone)):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response

    @staticmethod
    def _language(request: HttpRequest) -> str:
        known = dict(settings.LANGUAGES)
        if request.user.is_authenticated and request.user.language in known:
            own: str = request.user.language
            return own
        cookie = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if cookie in known:
            return str(cookie)
        if "HTTP_ACCEPT_LANGUAGE" in request.META:
            return translation.get_language_from_request(request)
        return str(settings.LANGUAGE_CODE)
