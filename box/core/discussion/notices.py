"""What people are told of comments, where an app has no words and no topic of its own for it."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice

MENTIONED = Notice("discussion.mention", _("%(actor)s mentioned you in a comment on %(about)s"))
COMMENTED = Notice("discussion.comment", _("%(actor)s commented on %(about)s"))
