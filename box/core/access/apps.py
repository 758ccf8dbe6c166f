from box.core.registry.apps import Room


class AccessConfig(Room):
    name = "box.core.access"

    def offer(self) -> None:

        pass
