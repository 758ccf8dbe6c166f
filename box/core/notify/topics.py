"""What a person is told of, and how: the topics that rooms offer, and what the person decided about them."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from box.core.notify.models import Preferences
from box.core.registry.notices import OTHER, Topic, notices
from box.core.registry.services import is_on


def topic_of(kind: str) -> Topic:
    """The topic that this kind of notice belongs to; rows may be of kinds that are told no more."""
    return notices[kind].topic if kind in notices else OTHER


def topics() -> list[Topic]:
    """Those that a person may decide about; of services that are switched off there is nothing to decide."""
    declared = dict.fromkeys(notice.topic for notice in notices)
    return [
        *(
            topic
            for topic in declared
            if topic != OTHER and not topic.is_always and is_on(topic.key.partition(".")[0])
        ),
        OTHER,
    ]


def is_told(preferences: Preferences | None, topic: Topic) -> bool:
    return preferences is None or topic.is_always or topic.key not in preferences.hidden


def is_mailed(preferences: Preferences | None, topic: Topic) -> bool:
    if preferences is None or topic.is_always:
        return topic.by_mail
    return topic.key not in preferences.unmailed if topic.by_mail else topic.key in preferences.mailed


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
