"""Whose calendars somebody sees, and where they may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from box.apps.calendar.models import RoomRequest
from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.access.rights import has_right
from box.core.groups.models import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.apps.calendar.models import BookingPage, Calendar, Event, Room, RoomRequestQuerySet
    from box.core.accounts.models import User

COMPANY = "calendar.company"
ROOMS = "calendar.rooms"
OUTSIDERS = "calendar.outsiders"
BOOKING = "calendar.booking"


def has_own_calendar(user: User) -> bool:
    """Outside guests have what their groups have."""
    return EVERYONE in codes_of(user)


def shared_codes(user: User) -> list[str]:
    """Whose calendars, beside their own, a person has: of their groups, departments and the company."""
    return sorted(code for code in codes_of(user) if _is_shared(code))


def _is_shared(code: str) -> bool:
    return code == EVERYONE or (code.startswith(("DR", "G")) and not code.startswith("GM"))


def writable_codes(user: User) -> frozenset[str]:
    """The principals into whose calendars this person may write, in one query: for pages of many events."""
    if not user.is_active:
        return frozenset()
    codes = set(shared_codes(user))
    groups = {int(code[1:]) for code in codes if code.startswith("G")}
    archived = Group.objects.filter(pk__in=groups, archived_at__isnull=False).values_list("pk", flat=True)
    codes -= {f"G{pk}" for pk in archived} if groups else set()
    if not has_right(user, COMPANY):
        codes.discard(EVERYONE)
    return frozenset({*codes, code_of(user)} if has_own_calendar(user) else codes)


def can_write(user: User, calendar: Calendar, codes: frozenset[str] | None = None) -> bool:
    """Put events into it, and change and remove those that are there. `codes` are those of `writable_codes`,
    where they are known already."""
    return calendar.code in (writable_codes(user) if codes is None else codes)


def can_see(user: User, calendar: Calendar) -> bool:
    """Look into it at all: their own, or one that they share."""
    return calendar.code == code_of(user) or calendar.code in shared_codes(user)


def can_edit(user: User, event: Event, codes: frozenset[str] | None = None) -> bool:
    """Who may write into its calendar, and who has made it there."""
    if can_write(user, event.calendar, codes):
        return True
    is_theirs = event.organizer_id == user.pk and not event.calendar.is_personal and user.is_active
    return is_theirs and event.calendar.code == EVERYONE


def can_keep_minutes(user: User, event: Event) -> bool:
    """Write its agenda and its minutes: whoever takes part, and whoever may change the event."""
    if not user.is_active or event.removed_at is not None:
        return False
    return can_edit(user, event) or event.attendances.filter(user=user).exists()


def can_keep_rooms(user: User) -> bool:
    """Say which rooms there are, and who may book them."""
    return has_right(user, ROOMS)


def can_approve(user: User, room: Room) -> bool:
    """Say whether somebody gets a room that needs its keepers' word."""
    return not codes_of(user).isdisjoint(room.keepers) or can_keep_rooms(user)


def requests_kept_by(user: User) -> RoomRequestQuerySet:
    """Those about which this person has, or had, to say something."""
    if can_keep_rooms(user):
        return RoomRequest.objects.all()
    return RoomRequest.objects.filter(room__keepers__overlap=sorted(codes_of(user)))


def can_ask_outsiders(user: User) -> bool:
    """Have the portal write letters of invitation to addresses outside."""
    return has_right(user, OUTSIDERS)


def can_offer_times(user: User) -> bool:
    """Have pages on which people outside book a time."""
    return user.is_active and has_own_calendar(user) and has_right(user, BOOKING)


def demand_offering(user: User) -> None:
    """Raises PermissionDenied."""
    if not can_offer_times(user):
        raise PermissionDenied(_("Ask an administrator for the right to offer times to people outside."))


def can_lead_page_of(user: User, group: Group) -> bool:
    """Offer the times of its members."""
    return group.archived_at is None and group.moderators_code in codes_of(user)


def can_change_page(user: User, page: BookingPage) -> bool:
    """Its owner, and whoever leads the group whose times it offers."""
    if not can_offer_times(user):
        return False
    return page.owner_id == user.pk or f"GM{page.group_id}" in codes_of(user)


def is_offered(page: BookingPage) -> bool:
    """Whether somebody may be booked now: its owner may still offer it. The page is read with both."""
    if not page.is_on or page.retired_at is not None or not can_offer_times(page.owner):
        return False
    return page.group is None or can_lead_page_of(page.owner, page.group)


def readers_of(event: Event, people: Iterable[int]) -> list[str]:
    """The codes of whoever sees what the event is."""
    codes = {f"U{event.organizer_id}", *(f"U{pk}" for pk in people)}
    calendar = event.calendar
    if calendar.is_personal:
        codes.add(calendar.code)
        if calendar.is_open and not event.is_confidential:
            codes.add(EVERYONE)
    elif not event.is_confidential:
        codes.add(calendar.code)
    return sorted(codes)
