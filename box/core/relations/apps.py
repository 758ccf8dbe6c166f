from box.core.registry.apps import Room
from box.core.registry.capabilities import Assets, assets


class RelationsConfig(Room):
    name = "box.core.relations"

    def offer(self) -> None:
        assets.add("relations", Assets(styles=("relations/relations.css",)))
