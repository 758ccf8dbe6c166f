from box.core.registry.apps import Room
from box.core.registry.capabilities import Assets, assets


class DiscussionConfig(Room):
    name = "box.core.discussion"

    def offer(self) -> None:
        from box.core.discussion.threads import comments_within
        from box.core.relations.relatable import parts

        parts.add("discussion", comments_within)
        scripts = ("discussion/discussion.js", "discussion/emoji.js")
        assets.add("discussion", Assets(styles=("discussion/discussion.css",), scripts=scripts))
