from django.utils.translation import gettext_lazy as _

from box.core.access.principals import expanders
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.belongings import belongings
from box.core.registry.capabilities import holdings


class CrmConfig(Room):
    name = "box.apps.crm"

    def offer(self) -> None:
        from box.apps.crm.access import IMPORT, SET_UP
        from box.apps.crm.belongings import BELONGINGS, HOLDINGS
        from box.apps.crm.permissions import reads
        from box.core.registry.services import Service, services

        services.add("crm", Service(_("CRM"), _("Leads, deals and clients, and what comes next with them.")))
        expanders.add("crm", reads)
        belongings.add("crm", BELONGINGS)
        holdings.add("crm", HOLDINGS)
        rights.add(SET_UP, Right("crm", _("Set up the CRM: pipelines, fields, roles")))
        rights.add(IMPORT, Right("crm", _("Import into the CRM")))
