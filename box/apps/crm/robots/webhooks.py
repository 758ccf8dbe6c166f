"""What robots tell addresses outside: sent behind the transaction of the run, at least once.

Numbers and no contents, as all that leaves the box by itself: who may know more asks for it. The form is that
of Bitrix24's robots (`document_id`), with a signature as our outgoing webhooks have it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.models import Robot, RobotCall, RobotRun
from box.lib.egress import Unreachable, post
from box.lib.php_query import flat
from box.lib.sealing import SealBroken, seal, unseal

if TYPE_CHECKING:
    from box.apps.crm.models import Record

MOST_ATTEMPTS = 10
LONGEST_PAUSE = timedelta(hours=4)
# Nobody else sends it meanwhile: longer than a request may take.
TAKEN_FOR = timedelta(minutes=2)
LASTS_SECONDS = 60
_DOCUMENTS = {"lead": "CCrmDocumentLead", "deal": "CCrmDocumentDeal"}


def new_token() -> str:
    """Sealed, as it is stored."""
    return seal(secrets.token_hex(16), settings.SECRET_KEY)


def token_of(robot: Robot) -> str:
    """By which its receiver knows that the box has sent it."""
    return unseal(robot.settings["token"], settings.SECRET_KEY)


def send_due(now: datetime) -> int:
    """How much arrived. An address that does not answer is left alone until the next time; so is what is left
    after a minute, for whoever took more then would not have it for as long as a request may take."""
    arrived, silent, began = 0, set[str](), monotonic()
    while monotonic() - began < LASTS_SECONDS and (call := _taken(now, silent)) is not None:
        if said := _vain(call):
            _give_up(call, said, now)
        elif _send(call, now):
            arrived += 1
        else:
            silent.add(call.address)
    return arrived


@transaction.atomic
def _taken(now: datetime, silent: set[str]) -> RobotCall | None:
    """The next one, for whoever asks alone: killed now, it is due again after a while."""
    due = RobotCall.objects.due(now).exclude(address__in=silent).order_by("due_at", "pk")
    call = (
        due.select_for_update(skip_locked=True, of=("self",))
        .select_related("run__record", "run__robot")
        .first()
    )
    if call is None:
        return None
    call.attempts += 1
    call.due_at = now + TAKEN_FOR
    call.save(update_fields=["attempts", "due_at"])
    return call


def _vain(call: RobotCall) -> str:
    """Why no attempt would go well, in words; empty where one may."""
    robot = call.run.robot
    if robot.retired_at is not None or not robot.is_on or robot.effect != Robot.Effect.WEBHOOK:
        return _("The robot was switched off meanwhile.")
    try:
        token_of(robot)
    except SealBroken:
        return _("The robot's secret is another box's: make a new robot in its place.")
    return ""


def _send(call: RobotCall, now: datetime) -> bool:
    try:
        call.status, call.error = _post(call), ""
    except Unreachable as trouble:
        call.status, call.error = None, str(trouble)[:400]
    if call.status is not None and 200 <= call.status < 300:
        call.sent_at = now
    elif call.attempts >= MOST_ATTEMPTS:
        said = call.error or _("It was answered with %(status)s.") % {"status": call.status}
        _give_up(call, said, now)
        return False
    else:
        call.due_at = now + pause_after(call.attempts)
    call.save(update_fields=["status", "error", "sent_at", "due_at"])
    return call.sent_at is not None


@transaction.atomic
def _give_up(call: RobotCall, said: str, now: datetime) -> None:
    call.failed_at = now
    call.error = call.error or said
    call.save(update_fields=["status", "error", "failed_at"])
    RobotRun.objects.filter(pk=call.run_id).update(status=RobotRun.Status.FAILED, said=said)


def _post(call: RobotCall) -> int:
    robot, ts = call.run.robot, str(int(call.created_at.timestamp()))
    token = token_of(robot)
    body = body_of(call.run.record, robot, ts, token)
    signature = hmac.new(token.encode(), f"{ts}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": f"Korobka/{settings.VERSION}",
        "X-Korobka-Delivery": f"robot-{call.run_id}",
        "X-Korobka-Signature": f"t={ts},v1={signature}",
    }
    return post(call.address, body, headers, reachable=settings.REACHABLE_NETWORKS)


def body_of(record: Record, robot: Robot, ts: str, token: str) -> bytes:
    slug = record.type.slug
    name = slug.upper() if record.type.is_built_in else f"DYNAMIC_{record.type_id}"
    return flat(
        {
            "event": "ONCRMROBOT",
            "document_id": ["crm", _DOCUMENTS.get(slug, "CCrmDocument"), f"{name}_{record.pk}"],
            "data": {"FIELDS": {"ID": record.pk, "ENTITY_TYPE_ID": record.type_id}},
            "robot": {"ID": robot.pk, "NAME": robot.name},
            "ts": ts,
            "auth": {"domain": urlsplit(settings.PORTAL_URL).netloc, "application_token": token},
        }
    ).encode()


def pause_after(attempts: int) -> timedelta:
    """1 minute, 2, 4 ... four hours."""
    return min(timedelta(minutes=2 ** min(attempts - 1, 10)), LONGEST_PAUSE)


def discard_waiting() -> int:
    """After a restore: what waited at that moment has long been sent, and is not sent again."""
    said = "not sent: the box was restored"
    return RobotCall.objects.waiting().update(failed_at=timezone.now(), error=said)
