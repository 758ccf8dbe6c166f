"""What the audit log tells of calendars: who has shown one outside, and asked people from there."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from box.apps.calendar.events import BookingPageChanged, FeedEnded, FeedMade, GuestsAsked
from box.core.registry.auditing import Audited, audited


def declare() -> None:
    said = _("made link %(feed_id)s by which programs read calendar %(calendar_id)s")
    audited.add("calendar.feed-made", Audited(said, event=FeedMade))
    ended = Audited(
        _("ended link %(feed_id)s by which programs read calendar %(calendar_id)s"), event=FeedEnded
    )
    audited.add("calendar.feed-ended", ended)
    asked = _("invited %(count)s people outside to event %(event_id)s by letter")
    audited.add("calendar.guests-asked", Audited(asked, event=GuestsAsked))
    for change, sentence in _PAGES.items():
        audited.add(f"calendar.page-{change}", Audited(sentence, event=BookingPageChanged, told=_is(change)))


_PAGES = {
    "added": _("added the booking page “%(title)s” for people outside"),
    "changed": _("changed the booking page “%(title)s”"),
    "switched-on": _("switched the booking page “%(title)s” on"),
    "switched-off": _("switched the booking page “%(title)s” off"),
    "readdressed": _("gave the booking page “%(title)s” another address"),
    "removed": _("took the booking page “%(title)s” away"),
}


def _is(change: str) -> Callable[[BookingPageChanged], bool]:
    return lambda event: event.change == change
