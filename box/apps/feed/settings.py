"""What an administrator chooses about the feed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Setting

TELL_JOINED = Setting(
    "feed.tell_joined", default=True, section="feed", label=_("Tell everybody who is new in the company")
)
TELL_HEADS = Setting(
    "feed.tell_heads", default=True, section="feed", label=_("Tell everybody who heads a department now")
)
TELL_POSITIONS = Setting(
    "feed.tell_positions", default=True, section="feed", label=_("Tell everybody who has a new position")
)
TELL_GROUPS = Setting(
    "feed.tell_groups", default=True, section="feed", label=_("Tell everybody of new open groups")
)
TELL_BIRTHDAYS = Setting(
    "feed.tell_birthdays",
    default=False,
    section="feed",
    label=_("Tell everybody whose birthday it is"),
    help=_("Every morning, of those who have told the portal theirs. Ask your colleagues first."),
)
DISLIKES = Setting("feed.dislikes", default=True, section="feed", label=_("Posts can be disliked"))

ALL = (DISLIKES, TELL_JOINED, TELL_HEADS, TELL_POSITIONS, TELL_GROUPS, TELL_BIRTHDAYS)
