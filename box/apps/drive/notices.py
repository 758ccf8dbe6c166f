"""What drives tell people."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

SHARES = Topic("drive.shared", _("Files and folders shared with you"))

SHARED = Notice("drive.shared", _("%(actor)s shared %(about)s with you"), SHARES)
