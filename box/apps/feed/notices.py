"""What the feed tells people."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

MENTIONS = Topic("feed.mentions", _("Mentions of you in the feed"), by_mail=True)
COMMENTS = Topic("feed.comments", _("Comments on your posts"))
REQUIRED = Topic("feed.reading", _("Required reading"), by_mail=True)
SCHEDULED_POSTS = Topic("feed.scheduled", _("Your scheduled posts"), by_mail=True)
THANKS = Topic("feed.thanks", _("Badges and gifts for you"))

MENTIONED = Notice("feed.mention", _("%(actor)s mentioned you in the post %(about)s"), MENTIONS)
MENTIONED_IN_COMMENT = Notice(
    "feed.comment-mention", _("%(actor)s mentioned you in a comment on %(about)s"), MENTIONS
)
COMMENTED = Notice("feed.comment", _("%(actor)s commented on your post %(about)s"), COMMENTS)
COMMENTED_ELSEWHERE = Notice("feed.followed", _("%(actor)s commented on %(about)s"), COMMENTS)
TO_READ = Notice("feed.reading", _("%(actor)s asks you to read %(about)s and to confirm it"), REQUIRED)
UNPUBLISHED = Notice(
    "feed.unpublished", _("Your scheduled post could not be published: %(about)s"), SCHEDULED_POSTS
)
THANKED = Notice("feed.thanked", _("%(actor)s thanks you: %(about)s"), THANKS)
GIVEN = Notice("feed.given", _("%(actor)s has a gift for you: %(about)s"), THANKS)
