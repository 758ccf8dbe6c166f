"""Each answer in its reader's language and time zone, and by the portal's settings of that moment."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from contextlib import AbstractContextManager

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare

from box.core.accounts.models import User
from box.core.accounts.sessions import SessionStore
from box.core.registry.company import LANGUAGE, TIME_ZONE
from box.core.registry.origin import Origin, acting_from, address_of
from box.core.registry.settings import as_of, read_version


class PersonMiddleware(AuthenticationMiddleware):
    """As Django's own, and who came with their session is not asked for again."""

    def process_request(self, request: HttpRequest) -> None:
        # Not when it is first asked for, as Django does: every page asks, and a hundred times through what
        # waits for that.
        request.user = _person_of(request)


def _person_of(request: HttpRequest) -> User | AnonymousUser:
    session: SessionStore = request.session  # type: ignore[assignment]
    # Asking it for anything reads it, and its person with it.
    signed_in, backend, digest = (
        session.get(key, "") for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)
    )
    person = session.person
    if (
        person is not None
        and signed_in == str(person.pk)
        and backend in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(digest, person.get_session_auth_hash())
    ):
        return person
    # Nobody, or whoever else it is: all that Django knows to do then, it does.
    return auth.get_user(request)


class ReaderMiddleware:
    """The person's own language, else the cookie's, else the browser's, else the box's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with _settings_for(request.user), acting_from(Origin(address=address_of(request))):
            language = self._language(request)
            zone = TIME_ZONE.value
            if request.user.is_authenticated and request.user.time_zone:
                zone = request.user.time_zone
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
        usual: str = LANGUAGE.value
        return usual


def _settings_for(user: User | AnonymousUser) -> AbstractContextManager[None]:
    """The person's row came with the version; for somebody unknown it is asked for."""
    version = getattr(user, "settings_version", None)
    return as_of(read_version() if version is None else version)
