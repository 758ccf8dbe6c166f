"""Who is meant by an address of an event, and by which address programs know somebody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.db.models import Q
from django.db.models.functions import Lower

from box.apps.calendar.actions import GuestDraft
from box.core.accounts.models import User
from box.core.registry.dav import dav_host

if TYPE_CHECKING:
    from box.core.accounts.models import UserQuerySet
    from box.lib.icalendars import Attendee


def people_meant(attendees: Iterable[Attendee]) -> tuple[tuple[str, ...], tuple[GuestDraft, ...]]:
    """Codes of those who work here, and the others as guests."""
    by_email = {one.email: one for one in attendees}
    here = people_at(by_email, User.objects.active())
    codes = tuple(dict.fromkeys(f"U{one.pk}" for one in here.values()))
    guests = (one for email, one in by_email.items() if email not in here and not _number(email))
    return codes, tuple(GuestDraft(one.email, one.name) for one in guests)


def people_at(emails: Iterable[str], among: UserQuerySet) -> Mapping[str, User]:
    """Who is known by these addresses, which are in lower case: by their e-mail, or by their number."""
    wanted = set(emails)
    numbers = [int(number) for email in wanted if (number := _number(email))]
    rows = among.annotate(address=Lower("email")).filter(Q(address__in=wanted) | Q(pk__in=numbers))
    found = {}
    for one in rows:
        for email in ((one.email or "").lower(), f"u{one.pk}@{dav_host()}"):
            if email in wanted:
                found[email] = one
    return found


def _number(email: str) -> str:
    name, _at, host = email.partition("@")
    is_ours = host == dav_host() and name[:1] == "u" and name[1:].isdecimal() and len(name) < 19
    return name[1:] if is_ours else ""
