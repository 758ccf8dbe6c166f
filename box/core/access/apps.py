from box.core.registry.apps import Room
from box.core.registry.belongings import belongings


class AccessConfig(Room):
    name = "box.core.access"

    def offer(self) -> None:

        from box.core.access.belongings import BELONGINGS

        belongings.add("access", BELONGINGS)
