"""Posts. The feed is ordered by id."""

from box.apps.feed.models.badges import Award, Badge, in_language
from box.apps.feed.models.personal import (
    SCHEDULED,
    ScheduledFile,
    ScheduledPost,
    draft_address,
    scheduled_cards,
)
from box.apps.feed.models.polls import Ballot, Poll, PollOption
from box.apps.feed.models.posts import (
    IS_FAVOURITE,
    KIND,
    LIST,
    PAGE,
    Announcement,
    Mark,
    Post,
    PostAddressee,
    PostFile,
    PostQuerySet,
    PostTag,
    PostVersion,
    Receipt,
    addressees_of,
    first_since,
    post_cards,
)
from box.apps.feed.models.system_posts import SystemEntry, SystemFact

__all__ = [
    "IS_FAVOURITE",
    "KIND",
    "LIST",
    "PAGE",
    "SCHEDULED",
    "Announcement",
    "Award",
    "Badge",
    "Ballot",
    "Mark",
    "Poll",
    "PollOption",
    "Post",
    "PostAddressee",
    "PostFile",
    "PostQuerySet",
    "PostTag",
    "PostVersion",
    "Receipt",
    "ScheduledFile",
    "ScheduledPost",
    "SystemEntry",
    "SystemFact",
    "addressees_of",
    "draft_address",
    "first_since",
    "in_language",
    "post_cards",
    "scheduled_cards",
]
