"""Calendars, when people are erased or two accounts become one. A person's own calendars are theirs; what
they made in those of others stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from box.apps.calendar.actions.appointments import forget_visitors_of
from box.apps.calendar.actions.audiences import tell_rewritten, write_audience
from box.apps.calendar.models import LONGEST_NAME, Calendar, Event, Room
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.registry.belongings import DECIDED, MADE, Belongings, Belongs, Deleted, OneEach, Stays, run

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair

PAGES = ngettext_lazy("%(num)s booking page", "%(num)s booking pages", "num")


def _kept(person: User) -> list[str]:
    count = Event.objects.there().filter(calendar__code=code_of(person)).count()
    if not count:
        return []
    text = ngettext("%(num)s event in their own calendars", "%(num)s events in their own calendars", count)
    return [text % {"num": count}]


def _forget(person: User, by: User) -> None:
    code = code_of(person)
    forget_visitors_of(person)
    tell_rewritten(Event.objects.filter(calendar__code=code).values_list("pk", flat=True))
    Calendar.objects.filter(code=code).delete()
    named = Q(bookers__contains=[code]) | Q(keepers__contains=[code])
    for room in Room.objects.filter(named).select_for_update():
        # A room that has lost its keepers waits for who manages rooms: nobody takes it unasked.
        room.bookers = [one for one in room.bookers if one != code]
        room.keepers = [one for one in room.keepers if one != code]
        room.save(update_fields=["bookers", "keepers"])


def _follow(pair: Pair) -> None:
    """The calendars of the one are the other's, beside theirs; of two main ones the first is."""
    gone, kept = f"U{pair.gone}", f"U{pair.kept}"
    if Calendar.objects.filter(code=kept, is_main=True).exists():
        called = User.objects.get(pk=pair.gone).name[:LONGEST_NAME]
        Calendar.objects.filter(code=gone, is_main=True).update(is_main=False, name=called)
    Calendar.objects.filter(code=gone).update(code=kept)
    for column in ("bookers", "keepers"):
        run(
            f"UPDATE calendar_room SET {column} = ARRAY(SELECT DISTINCT code"  # noqa: S608 - of two names
            f"   FROM unnest(array_replace({column}, %(gone_code)s, %(kept_code)s)) AS code ORDER BY code)"
            f" WHERE %(gone_code)s = ANY ({column})",
            pair,
        )
    for event in Event.objects.filter(calendar__code=kept).select_related("calendar"):
        write_audience(event)
    tell_rewritten(Event.objects.filter(calendar__code=kept).values_list("pk", flat=True))


BELONGINGS = Belongings(
    _("Calendar"),
    {
        "calendar.Event.organizer": Belongs(Stays(MADE)),
        "calendar.Event.changed_by": Belongs(Stays(DECIDED)),
        "calendar.Meeting.sent_by": Belongs(Stays(DECIDED)),
        "calendar.Decision.responsible": Belongs(Stays(MADE)),
        "calendar.Decision.made_by": Belongs(Stays(DECIDED)),
        "calendar.Present.user": Belongs(Stays(MADE), OneEach("meeting")),
        "calendar.RoomRequest.asked_by": Belongs(Stays(MADE)),
        "calendar.RoomRequest.decided_by": Belongs(Stays(DECIDED)),
        "calendar.Revision.by": Belongs(Stays(DECIDED)),
        "calendar.Feed.by": Belongs(Deleted()),
        "calendar.BookingPage.owner": Belongs(Deleted(), said=PAGES),
        # Of who goes into another account the calendar goes on saying that the time is taken.
        "calendar.HeldTime.user": Belongs(Deleted(), Deleted()),
        "calendar.Attendance.user": Belongs(Deleted(), OneEach("event")),
    },
    found=_kept,
    erase=_forget,
    moves=lambda gone, kept: _kept(gone),
    follow=_follow,
)
