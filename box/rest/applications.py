"""What an application keeps with the portal: which addresses of its own are told of events, and its settings.

Sources: https://apidocs.bitrix24.com/api-reference/events/index.html,
https://apidocs.bitrix24.com/api-reference/common/settings/index.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.registry.rest import ApiRefused, hook_events, scopes
from box.core.registry.services import is_on
from box.rest.access import can_send_out
from box.rest.models import Application
from box.rest.outgoing import NewListener, add_listener, new_token, remove_listener

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.rest.models import Listener, ListenerQuerySet

MOST_HANDLERS = 200
MOST_OPTIONS = 200
LONGEST_OPTIONS = 64 * 1024
"""Characters of all settings of an application together, as JSON."""


def application_of(webhook_id: int) -> Application:
    """Whoever calls by a token of it. Raises ApiRefused for a webhook that somebody has made by hand."""
    found = Application.objects.filter(grants__webhook=webhook_id, retired_at=None).first()
    if found is None:
        raise _no_application()
    return found


def held(application: Application) -> Application:
    """Until the transaction is over. Raises ApiRefused where it was removed since it was read."""
    found = Application.objects.select_for_update(no_key=True).filter(pk=application.pk, retired_at=None)
    if (one := found.first()) is None:
        raise _no_application()
    return one


def _no_application() -> ApiRefused:
    return ApiRefused("ACCESS_DENIED", "Access denied! Application context required", status=403)


def events_for(application: Application, scope: str = "") -> list[str]:
    """Names of events of the rooms that its scopes open, or this one of them."""
    rooms = {scopes[key].room for key in application.scopes if key in scopes and scope in ("", key)}
    return sorted(key for key, one in hook_events.items() if one.room in rooms and is_on(one.room))


@transaction.atomic
def bind_event(application: Application, event: str, address: str, *, by: User) -> Listener:
    """Its address is told of the event from now on; once, however often it asks. Raises ApiRefused, and
    PermissionDenied for whoever may not decide what leaves the box."""
    _must_decide(by)
    application = held(application)
    if event not in events_for(application):
        raise ApiRefused("ERROR_EVENT_NOT_FOUND", "Event not found")
    _check_address(address)
    known = application.listeners.filter(events=[event], address=address).first()
    if known is not None:
        return known
    if application.listeners.count() >= MOST_HANDLERS:
        raise ValidationError(
            _("An application has %(most)s handlers at most: unbind one first.") % {"most": MOST_HANDLERS}
        )
    give_token(application)
    return add_listener(NewListener(application.name, address, (event,)), by=by, of=application)


def give_token(application: Application) -> None:
    """One of the application and not of each address: by it its own server knows the portal. Of one that is
    held."""
    if not application.token:
        application.token = new_token()
        application.save(update_fields=["token"])


@transaction.atomic
def unbind_event(application: Application, event: str, address: str, *, by: User) -> int:
    """Returns how many handlers are told of it no more. Raises PermissionDenied."""
    _must_decide(by)
    return _remove(application.listeners.filter(events=[event], address=address), by=by)


def remove_handlers(application: Application, *, by: User) -> int:
    """All of an application that is removed: within a transaction."""
    return _remove(application.listeners.all(), by=by)


def _remove(listeners: ListenerQuerySet, *, by: User) -> int:
    rows = list(listeners)
    for one in rows:
        remove_listener(one, by=by)
    return len(rows)


def _must_decide(by: User) -> None:
    if not can_send_out(by):
        raise PermissionDenied("Access denied! Event binding requires administrator access rights")


def _check_address(address: str) -> None:
    try:
        URLValidator(schemes=["https", "http"])(address)
    except ValidationError:
        raise ApiRefused(
            "ERROR_ARGUMENT", "HANDLER: an address that begins with https:// or http://"
        ) from None
    parts = urlsplit(address)
    if parts.username or parts.password or len(address) > 500:
        raise ApiRefused("ERROR_ARGUMENT", "HANDLER: 500 characters at most, without a user and a password")


# Settings


@transaction.atomic
def set_options(application: Application, options: Mapping[str, Any], *, by: User) -> None:
    """These values under these names; the others stay. Raises PermissionDenied, and ValidationError for more
    than is kept."""
    if not by.is_administrator:
        raise PermissionDenied("Administrator authorization required")
    application = held(application)
    application.options = {**application.options, **{str(name): value for name, value in options.items()}}
    if len(application.options) > MOST_OPTIONS or len(json.dumps(application.options)) > LONGEST_OPTIONS:
        said = _("An application keeps %(most)s settings with %(size)s characters at most.")
        raise ValidationError(said % {"most": MOST_OPTIONS, "size": LONGEST_OPTIONS})
    application.save(update_fields=["options"])
