"""What people are told of working days."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice

FORGOTTEN = Notice("worktime.forgotten", _("You did not finish your working day: correct %(about)s"))
ASKED = Notice("worktime.asked", _("%(actor)s asks you to correct a working day: %(about)s"))
APPROVED = Notice("worktime.approved", _("%(actor)s approved your correction: %(about)s"))
REFUSED = Notice("worktime.refused", _("%(actor)s refused your correction: %(about)s"))
SENT = Notice("worktime.sent", _("%(actor)s sent you a report: %(about)s"))
CONFIRMED = Notice("worktime.confirmed", _("%(actor)s confirmed your report: %(about)s"))
