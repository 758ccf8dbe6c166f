"""Who is meant by an address of an event, and by which address programs know somebody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import Q
from django.db.models.functions import Lower

from box.apps.calendar.actions import GuestDraft
from box.core.accounts.models import User
from box.core.registry.dav import dav_host

if TYPE_CHECKING:
    from box.lib.icalendars import Attendee


def people_meant(attendees: Iterable[Attendee]) -> tuple[tuple[str, ...], tuple[GuestDraft, ...]]:
    """Codes of those who work here, and the others as guests."""
    by_email = {one.email: one for one in attendees}
    numbers = [int(number) for email in by_email if (number := _number(email))]
    found = User.objects.active().annotate(address=Lower("email"))
    here = list(found.filter(Q(address__in=by_email) | Q(pk__in=numbers)))
    for one in here:
        by_email.pop((one.email or "").lower(), None)
        by_email.pop(f"u{one.pk}@{dav_host()}", None)
    codes = tuple(f"U{one.pk}" for one in here)
    guests = (one for one in by_email.values() if not _number(one.email))
    return codes, tuple(GuestDraft(one.email, one.name) for one in guests)


def _number(email: str) -> str:
    name, _at, host = email.partition("@")
    is_ours = host == dav_host() and name[:1] == "u" and name[1:].isdecimal() and len(name) < 19
    return name[1:] if is_ours else ""
