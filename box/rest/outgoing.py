"""Telling addresses outside what happened: at least once, in order, each by itself.

A listener that does not answer is left alone for a while, and whatever waits for it waits with it: it costs
one attempt and not one for each event. After some days it is paused, and administrators are told.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.notify.actions import notify
from box.core.registry.capabilities import Card, Ref
from box.core.registry.rest import hook_events
from box.core.registry.settings import Remembered, raise_version
from box.lib.egress import Unreachable, post
from box.lib.php_query import flat
from box.lib.sealing import seal, unseal
from box.rest.access import can_send_out
from box.rest.events import ListenerAdded, ListenerRemoved
from box.rest.models import Application, Listener, Sending
from box.rest.notices import PAUSED
from box.rest.portal_id import member_id, server_name

if TYPE_CHECKING:
    from django.db.models import QuerySet

KIND = "rest.listener"
LONGEST_PAUSE = timedelta(hours=4)
PAUSED_AFTER = timedelta(days=3)
KEPT_FOR = timedelta(days=30)
# Of one listener, before it is the next one's turn.
MOST_IN_A_TURN = 100
LONGEST_TURN = 10.0
"""Seconds: the message that is being sent then is the last one."""
# What an answer says about this message, and nothing about whether the next one will arrive.
_REFUSALS = frozenset(range(400, 500)) - {401, 403, 404, 407, 408, 410, 429}


def _listened_to() -> frozenset[str]:
    told = Listener.objects.filter(paused_at=None).values_list("events", flat=True)
    return frozenset(event for events in told for event in events)


listened_to = Remembered(_listened_to)
"""The events that some address is told of: of others nothing is stored."""


@dataclass(frozen=True)
class NewListener:
    name: str
    address: str
    events: tuple[str, ...]


@transaction.atomic
def add_listener(new: NewListener, *, by: User, of: Application | None = None) -> Listener:
    """Told from now on. Its token is made here, see `token_of`, or is that of the application whose address
    it is."""
    if unknown := sorted(set(new.events) - {key for key, _event in hook_events.items()}):
        raise ValidationError(_("There is no such event: %(names)s.") % {"names": ", ".join(unknown)})
    listener = Listener.objects.create(
        name=new.name,
        address=new.address,
        events=sorted(set(new.events)),
        token=of.token if of else new_token(),
        application=of,
        by=by,
    )
    raise_version()
    emit(
        ListenerAdded(
            listener_id=listener.pk,
            name=listener.name,
            address=listener.address,
            events=tuple(listener.events),
            by_id=by.pk,
        )
    )
    return listener


@transaction.atomic
def remove_listener(listener: Listener, *, by: User) -> None:
    """With all that waits for it."""
    emit(ListenerRemoved(listener_id=listener.pk, name=listener.name, address=listener.address, by_id=by.pk))
    listener.delete()
    raise_version()


@transaction.atomic
def resume_listener(listener: Listener, *, by: User) -> None:
    """It is tried again at once; what happened meanwhile it never hears of."""
    Listener.objects.filter(pk=listener.pk).update(
        paused_at=None, failing_since=None, retry_at=None, attempts=0
    )
    raise_version()


def new_token() -> str:
    """Sealed, as rows keep it."""
    return seal(secrets.token_hex(16), settings.SECRET_KEY)


def token_of(listener: Listener) -> str:
    return unseal(listener.token, settings.SECRET_KEY)


def queue(event: str, data: Mapping[str, Any], *, key: int) -> int:
    """For every listener that is told of it, once under this key; returns for how many."""
    listeners: Iterable[Listener] = Listener.objects.told_of(event)
    rows = [Sending(listener=one, key=key, event=event, data=data) for one in listeners]
    Sending.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def send_waiting(now: datetime) -> int:
    """Sends what is due, in turns, until nothing is, and returns how much arrived. One after another: call it
    from one place only."""
    count, began = 0, monotonic()
    while due := list(Listener.objects.due(now).filter(pk__in=_waited_for()).order_by("pk")):
        for one in due:
            count += _send_to(one, now)
            now, began = now + timedelta(seconds=monotonic() - began), monotonic()
    return count


def _waited_for() -> QuerySet[Sending, int]:
    return Sending.objects.waiting().values_list("listener", flat=True)


def _send_to(listener: Listener, now: datetime) -> int:
    """A turn of a listener: whoever answers slowly keeps nobody else waiting for all that there is for it."""
    count, until = 0, monotonic() + LONGEST_TURN
    for _message in range(MOST_IN_A_TURN):
        sending = listener.sendings.waiting().order_by("id").first()
        if sending is None or monotonic() >= until:
            break
        try:
            sending.status = _post(listener, sending)
            sending.error = ""
        except Unreachable as trouble:
            sending.status, sending.error = None, str(trouble)
        is_there = sending.status is not None and 200 <= sending.status < 300
        is_refused = sending.status in _REFUSALS
        if is_there:
            sending.sent_at = now
            count += 1
        elif is_refused:
            sending.failed_at = now
        sending.save(update_fields=["status", "error", "sent_at", "failed_at"])
        if not is_there and not is_refused:
            _leave_alone(listener, now)
            break
        if listener.failing_since is not None:
            listener.failing_since, listener.retry_at, listener.attempts = None, None, 0
            listener.save(update_fields=["failing_since", "retry_at", "attempts"])
    return count


def _post(listener: Listener, sending: Sending) -> int:
    """In the form that Bitrix24 sends, https://apidocs.bitrix24.com/api-reference/events/index.html

    Beside the token in it stands a signature: HMAC-SHA256 by the token over `<ts>.<body>`.
    """
    token, ts = token_of(listener), str(int(sending.created_at.timestamp()))
    body = flat(
        {
            "event": sending.event,
            "event_handler_id": listener.pk,
            "data": sending.data,
            "ts": ts,
            "auth": {
                "domain": server_name(),
                "client_endpoint": f"{settings.PORTAL_URL}/rest/",
                # Where Bitrix24 renews tokens of applications; here the portal itself does.
                "server_endpoint": f"{settings.PORTAL_URL}/rest/",
                "member_id": member_id(),
                "application_token": token,
            },
        }
    ).encode()
    signature = hmac.new(token.encode(), f"{ts}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": f"Korobka/{settings.VERSION}",
        "X-Korobka-Delivery": str(sending.pk),
        "X-Korobka-Signature": f"t={ts},v1={signature}",
    }
    return post(listener.address, body, headers, reachable=settings.REACHABLE_NETWORKS)


def pause_after(attempts: int) -> timedelta:
    """1 minute, 2, 4 ... four hours."""
    return min(timedelta(minutes=2 ** min(attempts - 1, 10)), LONGEST_PAUSE)


@transaction.atomic
def _leave_alone(listener: Listener, now: datetime) -> None:
    listener.attempts += 1
    listener.failing_since = listener.failing_since or now
    listener.retry_at = now + pause_after(listener.attempts)
    if now - listener.failing_since >= PAUSED_AFTER:
        listener.paused_at = now
        listener.sendings.waiting().update(failed_at=now)
        raise_version()
        _tell_administrators(listener)
    listener.save(update_fields=["attempts", "failing_since", "retry_at", "paused_at"])


def _tell_administrators(listener: Listener) -> None:
    key = f"{PAUSED}:{listener.pk}:{listener.paused_at:%Y%m%d%H%M}"
    for person in User.objects.active().filter(is_administrator=True):
        notify(person, PAUSED, about=Ref(KIND, listener.pk), key=key)


def discard_waiting() -> int:
    """After a restore: what waited at that moment has long been sent, and is not sent again."""
    return Sending.objects.waiting().update(failed_at=timezone.now(), error="not sent: the box was restored")


def forget_sendings(now: datetime) -> int:
    return Sending.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def listener_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    if not can_send_out(reader):
        return {}
    return {
        one.pk: Card(Ref(KIND, one.pk), one.name, reverse("rest:listener", args=[one.pk]))
        for one in Listener.objects.filter(pk__in=ids)
    }
