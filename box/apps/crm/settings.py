"""What an administrator chooses about the CRM for the whole portal; the rest is on its own pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Setting

SECTION = "crm"
ANSWERS_TO_RESPONSIBLE = Setting(
    "crm.answers_to_responsible",
    default=False,
    section=SECTION,
    label=_("Answers to letters of robots go to whoever looks after the client"),
    help=_(
        "Clients then see the e-mail address of the employee. Otherwise they answer to the address from which"
        " the portal sends letters."
    ),
)
ALL = (ANSWERS_TO_RESPONSIBLE,)
