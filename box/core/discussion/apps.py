from box.core.registry.apps import Room
from box.core.registry.belongings import belongings
from box.core.registry.capabilities import Assets, assets
from box.core.registry.notices import offer_notices


class DiscussionConfig(Room):
    name = "box.core.discussion"

    def offer(self) -> None:

        from box.core.discussion import notices
        from box.core.discussion.belongings import BELONGINGS

        offer_notices(notices)
        scripts = ("discussion/discussion.js", "discussion/emoji.js")
        assets.add("discussion", Assets(styles=("discussion/discussion.css",), scripts=scripts))
        belongings.add("discussion", BELONGINGS)
