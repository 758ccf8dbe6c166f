from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.capabilities import MenuEntry, cards, demo_shares, menu, notices


class FeedConfig(Room):
    name = "box.apps.feed"

    def offer(self) -> None:
        from box.apps.feed.demo import write_posts
        from box.apps.feed.models import post_cards

        demo_shares.add("feed", write_posts)
        menu.add("feed", MenuEntry(key="feed", label=_("Feed"), icon="news", url_name="feed:list", order=10))
        cards.add("feed.post", post_cards)
        notices.add("feed.comment", _("%(actor)s commented on your post %(about)s"))
