"""Posts. The feed is ordered by id."""

from box.apps.feed.models.badges import Award, Badge, in_language
from box.apps.feed.models.personal import (
    SCHEDULED,
    SavedView,
    SavedViewQuerySet,
    ScheduledFile,
    ScheduledPost,
    draft_address,
    scheduled_cards,
)
from box.apps.feed.models.polls import Ballot, Poll, PollOption
from box.apps.feed.models.posts import (
    IS_FAVOURITE,
    KIND,
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
    post_cards,
)
from box.apps.feed.models.system_posts import SystemEntry, SystemFact

__all__ = [
    "IS_FAVOURITE",
    "KIND",
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
    "SavedView",
    "SavedViewQuerySet",
    "ScheduledFile",
    "ScheduledPost",
    "SystemEntry",
    "SystemFact",
    "addressees_of",
    "draft_address",
    "in_language",
    "post_cards",
    "scheduled_cards",
]
