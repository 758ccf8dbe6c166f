"""What a page of an application is given when the portal shows it in a frame.

The frame is two: ours, that nobody but the portal may hold and that may hold nothing but the application's
server, and within it theirs, to which ours posts what the cloud posts. The tokens are in no address and no
page that anybody else can read. Each frame has a pair of its own, for the person who looks.

Source: https://apidocs.bitrix24.com/api-reference/widgets/index.html
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.csp import CSP
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from box.lib.sealing import unseal
from box.rest.models import Grant, Placement, Webhook
from box.rest.oauth import ACCESS_LIVES, Tokens, give_tokens, is_authorized
from box.rest.oauth_endpoint import LOCAL
from box.rest.placements import origin_of, place_of
from box.rest.portal_id import member_id, server_name

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_OF_A_PERSON = 20
"""Frames of one application whose tokens serve; another one ends the oldest."""
SANDBOX = "allow-scripts allow-forms allow-same-origin allow-popups allow-downloads allow-modals"
"""Of its own origin, which is not ours; it can lead nobody away from the portal."""


@dataclass(frozen=True)
class Frame:
    """`address` is where the `fields` are posted, by a page under this `policy`."""

    address: str
    fields: dict[str, str]
    policy: dict[str, list[str]]


@transaction.atomic
def open_frame(placement: Placement, *, about: int | None, uri: str, by: User, now: datetime) -> Frame:
    """For a page about this object, if it is about one; `uri` is the page of the portal where it stands.
    Raises PermissionDenied where this person has not allowed the application."""
    application = placement.application
    if not is_authorized(application, by):
        raise PermissionDenied(_("Allow this application first to act in your name."))
    of_person = Grant.objects.filter(application=application, user=by, placement__isnull=False)
    oldest = of_person.order_by("-pk").values_list("webhook", flat=True)[MOST_OF_A_PERSON - 1 :]
    Webhook.objects.filter(pk__in=list(oldest)).delete()
    tokens = give_tokens(application, by, now, placement=placement)
    return Frame(_address(placement), _fields(placement, tokens, about, uri), policy_for(placement))


def _address(placement: Placement) -> str:
    told = {
        "DOMAIN": server_name(),
        "PROTOCOL": "1",
        "LANG": get_language() or "en",
        "APP_SID": secrets.token_hex(16),
    }
    return f"{placement.handler}{'&' if '?' in placement.handler else '?'}{urlencode(told)}"


def _fields(placement: Placement, tokens: Tokens, about: int | None, uri: str) -> dict[str, str]:
    place = place_of(placement.place)
    named = {place.key: str(about)} if place is not None and place.key else {}
    return {
        "AUTH_ID": tokens.access.text,
        "AUTH_EXPIRES": str(int(ACCESS_LIVES.total_seconds())),
        "REFRESH_ID": tokens.refresh.text,
        "SERVER_ENDPOINT": f"{settings.PORTAL_URL}/rest/",
        "APPLICATION_TOKEN": unseal(placement.application.token, settings.SECRET_KEY),
        "APPLICATION_SCOPE": ",".join(placement.application.scopes),
        "member_id": member_id(),
        "status": LOCAL,
        "PLACEMENT": placement.place,
        "PLACEMENT_OPTIONS": json.dumps({**named, "URI": uri}),
    }


def policy_for(placement: Placement) -> dict[str, list[str]]:
    """What our frame may do: run our script, post to the application's server, and show it in the portal."""
    origin = origin_of(placement.handler)
    return {
        "default-src": [CSP.NONE],
        "script-src": [CSP.SELF],
        "style-src": [CSP.SELF],
        "frame-src": [origin],
        "form-action": [origin],
        "base-uri": [CSP.NONE],
        "frame-ancestors": [CSP.SELF],
    }


def forget_frames(now: datetime) -> int:
    """Those whose tokens open nothing any more."""
    return Webhook.objects.filter(grant__placement__isnull=False, grant__refresh_ends_at__lt=now).delete()[0]
