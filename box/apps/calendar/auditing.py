"""What the audit log tells of calendars: who has shown one outside, and asked people from there."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.apps.calendar.events import FeedEnded, FeedMade, GuestsAsked
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
