from box.core.registry.apps import Room
from box.core.registry.capabilities import Assets, assets


class DiscussionConfig(Room):
    name = "box.core.discussion"

    def offer(self) -> None:

        scripts = ("discussion/discussion.js", "discussion/emoji.js")
        assets.add("discussion", Assets(styles=("discussion/discussion.css",), scripts=scripts))
