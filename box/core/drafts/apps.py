from box.core.registry.apps import Room
from box.core.registry.belongings import belongings


class DraftsConfig(Room):
    name = "box.core.drafts"

    def offer(self) -> None:
        from box.core.drafts.belongings import BELONGINGS

        belongings.add("drafts", BELONGINGS)
