"""Browsers in which somebody has signed in before: others' failures don't close them, new ones are told."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.digests import digest
from box.core.accounts.events import BrowserAppeared
from box.core.accounts.models import KnownBrowser
from box.core.accounts.notices import NEW_BROWSER, call_people
from box.core.accounts.redirects import set_lasting_cookie
from box.core.events.outbox import emit
from box.core.registry.capabilities import Card, Ref
from box.core.registry.origin import address_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from box.core.accounts.models import User

KIND = "accounts.browser"
COOKIE = "__Host-browser"

_BROWSERS = (
    ("Edge", r"Edg"),
    ("Opera", r"OPR"),
    ("Yandex", r"YaBrowser"),
    ("Firefox", r"Firefox"),
    ("Chrome", r"Chrom"),
    ("Safari", r"Safari"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone|iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS"),
    ("Linux", r"Linux"),
)


def known_browser(request: HttpRequest, name: str) -> str:
    """The name of this browser if somebody with this login has signed in with it before; else nothing."""
    token, typed = request.COOKIES.get(COOKIE, ""), name.strip().lower()
    known = KnownBrowser.objects.filter(Q(user__login=typed) | Q(user__email=typed), digest=digest(token))
    return digest(token) if token and known.exists() else ""


def is_known_to(user: User, request: HttpRequest) -> bool:
    """Whether this person has signed in with this browser before."""
    token = request.COOKIES.get(COOKIE, "")
    return bool(token) and KnownBrowser.objects.filter(user=user, digest=digest(token)).exists()


@transaction.atomic
def remember_browser(request: HttpRequest, response: HttpResponse, user: User) -> HttpResponse:
    """From now on it is known. One that is new to somebody who has others is told of."""
    token = request.COOKIES.get(COOKIE, "") or secrets.token_urlsafe(32)
    had_others = KnownBrowser.objects.filter(user=user).exclude(digest=digest(token)).exists()
    browser, is_new = KnownBrowser.objects.update_or_create(
        user=user,
        digest=digest(token),
        defaults={
            "agent": request.headers.get("User-Agent", "")[:300],
            "address": address_of(request) or None,
            "seen_at": timezone.now(),
        },
    )
    if is_new and had_others:
        emit(BrowserAppeared(user_id=user.pk, browser_id=browser.pk))
        about = Ref(KIND, browser.pk)
        call_people([user.pk], NEW_BROWSER, about=about, key=f"browser:{browser.pk}", by_id=None)
    set_lasting_cookie(response, COOKIE, token)
    return response


def described(agent: str) -> str:
    """`Firefox, Windows`: what a person recognises of what their browser says of itself."""
    found = [
        next((name for name, pattern in names if re.search(pattern, agent)), "")
        for names in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or _("Unknown browser")


def browser_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`: everybody knows of their own only."""
    return {
        browser.pk: Card(
            Ref(KIND, browser.pk),
            " ".join(filter(None, [described(browser.agent), browser.address])),
            reverse("accounts:security"),
        )
        for browser in KnownBrowser.objects.filter(pk__in=ids, user=reader)
    }
