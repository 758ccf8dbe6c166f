"""What the CRM tells people."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice

ROBOT_REMINDS = Notice("crm.robot", _("A robot of the CRM reminds you: %(about)s"))
