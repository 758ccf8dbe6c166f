from box.core.registry.apps import Room


class DraftsConfig(Room):
    name = "box.core.drafts"

    def offer(self) -> None:
        pass
