"""What the PBX is told while a call comes in: not at all, closed, or the responsible employee first."""

from __future__ import annotations

from django.db import close_old_connections
from django.utils import timezone

from box.apps.calls.clients import responsible_for
from box.apps.calls.models import BlockedNumber, Participant
from box.apps.calls.settings import CLOSES, RESPONSIBLE_FIRST
from box.bridges.telephony.fastagi import Inquiry, Route, Way
from box.bridges.telephony.models import Extension
from box.core.accounts.models import User
from box.core.portal.calendar import is_open
from box.core.registry.company import PHONE_REGION
from box.core.registry.services import is_on
from box.lib import phones


class ClientRouter:
    """See `box.bridges.telephony.fastagi.Router`."""

    def route(self, inquiry: Inquiry) -> Route:
        close_old_connections()
        try:
            return decide(phones.normal(inquiry.caller, PHONE_REGION.value) or "")
        finally:
            close_old_connections()


def decide(number: str) -> Route:
    """By the caller's number in E.164; empty where it is withheld."""
    if not is_on("calls"):
        return Route(Way.USUAL)
    if number and BlockedNumber.objects.filter(number=number).exists():
        return Route(Way.REFUSE)
    if CLOSES.value and not is_open(timezone.now()):
        return Route(Way.CLOSED)
    person = responsible_for(number) if RESPONSIBLE_FIRST.value else None
    if person is None or not person.is_active or _is_busy(person):
        return Route(Way.USUAL)
    extension = Extension.objects.in_use().filter(user=person).first()
    return Route(Way.FIRST, extension.number) if extension else Route(Way.USUAL)


def _is_busy(person: User) -> bool:
    """Who talks is not rung."""
    return Participant.objects.filter(user=person, answered_at__isnull=False).busy(timezone.now()).exists()
