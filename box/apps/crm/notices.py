"""What the CRM tells people."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

YOURS = Topic("crm.yours", _("Leads, deals and clients that are yours now"), by_mail=True)
STEPS = Topic("crm.steps", _("Your next steps in the CRM"), by_mail=True)
COMMENTS = Topic("crm.comments", _("Comments in the CRM"))
MENTIONS = Topic("crm.mentions", _("Mentions of you in the CRM"), by_mail=True)

RESPONSIBLE = Notice("crm.responsible", _("%(actor)s made you responsible for %(about)s"), YOURS)
OBSERVER = Notice("crm.observer", _("%(actor)s made you an observer of %(about)s"), YOURS)
GIVEN_STEP = Notice("crm.step", _("%(actor)s planned a step of yours: %(about)s"), STEPS)
OVERDUE = Notice("crm.overdue", _("Your next step is overdue: %(about)s"), STEPS)
COMMENTED = Notice("crm.comment", _("%(actor)s commented on %(about)s"), COMMENTS)
MENTIONED = Notice("crm.mention", _("%(actor)s mentioned you in %(about)s"), MENTIONS)
PAPER_DUE = Notice("crm.paper-due", _("Today is the last day of %(about)s"), STEPS)
FORM_ANSWERED = Notice("crm.form", _("Somebody has sent a form on the website: %(about)s"), YOURS)
ROBOT_REMINDS = Notice("crm.robot", _("A robot of the CRM reminds you: %(about)s"))
