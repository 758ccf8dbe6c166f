from box.core.access.principals import expanders
from box.core.registry.apps import Room
from box.core.registry.belongings import belongings
from box.core.registry.capabilities import holdings


class CrmConfig(Room):
    name = "box.apps.crm"

    def offer(self) -> None:
        from box.apps.crm.belongings import BELONGINGS, HOLDINGS
        from box.apps.crm.permissions import reads

        expanders.add("crm", reads)
        belongings.add("crm", BELONGINGS)
        holdings.add("crm", HOLDINGS)
