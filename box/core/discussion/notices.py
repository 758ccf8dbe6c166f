"""What people are told of comments, where an app has no words of its own for it."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

CALLS = Topic("discussion.mentions", _("Mentions of you in comments"), by_mail=True)
COMMENTS = Topic("discussion.comments", _("Comments on what is yours, or where you wrote"))

MENTIONED = Notice("discussion.mention", _("%(actor)s mentioned you in a comment on %(about)s"), CALLS)
COMMENTED = Notice("discussion.comment", _("%(actor)s commented on %(about)s"), COMMENTS)
