from box.core.registry.apps import Room


class DiscussionConfig(Room):
    name = "box.core.discussion"
