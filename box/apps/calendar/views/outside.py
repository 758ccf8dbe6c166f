"""Pages for people without an account. The address is the key: it stays out of logs of others, of caches and
of search engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from box.core.accounts.throttle import Quota
from box.core.registry.company import LANGUAGE
from box.core.registry.origin import address_of

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

# Of one network within a quarter of an hour.
MOST_OPENED = 120

LANGUAGES = dict(settings.LANGUAGES)

type View = Callable[[HttpRequest, str], HttpResponseBase]


def language_of(request: HttpRequest) -> str:
    """The one that was chosen on the page, else the browser's, else the company's."""
    chosen = request.GET.get("language", "")
    if chosen in LANGUAGES:
        return chosen
    has_own = bool(request.headers.get("Accept-Language"))
    return translation.get_language_from_request(request) if has_own else LANGUAGE.value


def discreet(what: str, language: Callable[[HttpRequest], str]) -> Callable[[View], View]:
    """Opens without an account, in this language, so often and no more, and leaves no trace of its address
    anywhere else. `what` is counted by itself."""

    def discreetly(view: View) -> View:
        @login_not_required
        @never_cache
        @wraps(view)
        def answered(request: HttpRequest, token: str) -> HttpResponseBase:
            with translation.override(language(request)):
                if Quota(what, address_of(request), MOST_OPENED).take(timezone.now()):
                    response = view(request, token)
                else:
                    response = HttpResponse(_("Please try again in a quarter of an hour."), status=429)
            # Not `no-referrer`: a form would not say where it comes from then, and be refused.
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers["X-Robots-Tag"] = "noindex, nofollow"
            return response

        return answered

    return discreetly
