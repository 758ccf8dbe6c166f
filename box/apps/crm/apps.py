from box.core.registry.apps import Room
from box.core.registry.belongings import belongings
from box.core.registry.capabilities import holdings


class CrmConfig(Room):
    name = "box.apps.crm"

    def offer(self) -> None:
        from box.apps.crm.belongings import BELONGINGS, HOLDINGS

        belongings.add("crm", BELONGINGS)
        holdings.add("crm", HOLDINGS)
