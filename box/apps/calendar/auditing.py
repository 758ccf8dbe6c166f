"""What the audit log tells of calendars: who has shown one outside."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.apps.calendar.events import FeedEnded, FeedMade
from box.core.registry.auditing import Audited, audited


def declare() -> None:
    said = _("made link %(feed_id)s by which programs read calendar %(calendar_id)s")
    audited.add("calendar.feed-made", Audited(said, event=FeedMade))
    ended = Audited(
        _("ended link %(feed_id)s by which programs read calendar %(calendar_id)s"), event=FeedEnded
    )
    audited.add("calendar.feed-ended", ended)
