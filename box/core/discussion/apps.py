from box.core.registry.apps import Room
from box.core.registry.capabilities import erasers


class DiscussionConfig(Room):
    name = "box.core.discussion"

    def offer(self) -> None:
        from box.core.discussion import erasing, merging

        merging.declare()
        erasers.add("discussion", erasing.ERASER)
