from box.core.registry.apps import Room
from box.core.registry.belongings import belongings


class DiscussionConfig(Room):
    name = "box.core.discussion"

    def offer(self) -> None:

        from box.core.discussion.belongings import BELONGINGS

        belongings.add("discussion", BELONGINGS)
