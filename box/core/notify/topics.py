"""What a person is told of, and how: the topics that rooms offer, and what the person decided about them."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.utils.translation import gettext_lazy as _

from box.core.notify.models import Preferences
from box.core.registry.capabilities import NoticeTopic, notice_topics
from box.core.registry.services import is_on

OTHER = "other"
_OTHER = NoticeTopic(_("Everything else"), ())


def topic_of(kind: str) -> str:
    """The topic that this kind of notice belongs to."""
    return next((key for key, topic in notice_topics.items() if kind in topic.kinds), OTHER)


def topics() -> list[tuple[str, NoticeTopic]]:
    """Those that a person may decide about; of services that are switched off there is nothing to decide."""
    return [
        *(
            (key, one)
            for key, one in notice_topics.items()
            if is_on(key.partition(".")[0]) and not one.is_always
        ),
        (OTHER, _OTHER),
    ]


def is_told(preferences: Preferences | None, topic: str) -> bool:
    return preferences is None or topic not in preferences.hidden or _is_always(topic)


def is_mailed(preferences: Preferences | None, topic: str) -> bool:
    usual = topic in notice_topics and notice_topics[topic].by_mail
    if preferences is None or _is_always(topic):
        return usual
    return topic not in preferences.unmailed if usual else topic in preferences.mailed


def _is_always(topic: str) -> bool:
    return topic in notice_topics and notice_topics[topic].is_always


def quiet_until(now: datetime, begin: time | None, end: time | None) -> datetime | None:
    """When the quiet hours end in which `now`, a moment in the person's zone, lies; None: it does not."""
    if begin is None or end is None or begin == end:
        return None
    clock = now.time()
    is_quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not is_quiet:
        return None
    day = now.date() if clock < end else now.date() + timedelta(days=1)
    return datetime.combine(day, end, tzinfo=now.tzinfo)
