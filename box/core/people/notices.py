"""What people are told of what the company did with their account."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice

MERGED = Notice("org.merged", _("%(actor)s made one of two accounts that were yours: %(about)s"))
