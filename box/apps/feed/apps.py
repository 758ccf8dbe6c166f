from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.auditing import Audited, audited
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    Panel,
    after_restore,
    assets,
    audience_counts,
    card_routes,
    cards,
    creators,
    demo_shares,
    menu,
    panels,
    profile_parts,
    searchables,
)


class FeedConfig(Room):
    name = "box.apps.feed"

    def offer(self) -> None:
        from box.apps.feed import notices
        from box.apps.feed.access import ANNOUNCE, DEFINE_BADGES, POST_TO_ALL, can_comment, can_moderate
        from box.apps.feed.badges import given_to
        from box.apps.feed.demo import write_posts
        from box.apps.feed.events import PostDeleted
        from box.apps.feed.models import KIND, SCHEDULED, Post, draft_address, post_cards, scheduled_cards
        from box.apps.feed.panels import panel
        from box.apps.feed.presenters import posts_addressed_to
        from box.apps.feed.searching import COMMENTS, POSTS
        from box.apps.feed.settings import ALL, DISLIKES
        from box.core.discussion.searching import comment_cards
        from box.core.discussion.threads import Discussed, Told, threads
        from box.core.registry.services import Service, services
        from box.core.registry.settings import Section, sections, settings

        services.add("feed", Service(_("Feed"), _("What the company tells itself, with comments and likes.")))
        demo_shares.add("feed", write_posts)
        panels.add("feed", Panel(label=_("Feed"), icon="news", order=10, render=panel))
        self._offer_rows()
        searchables.add(KIND, POSTS)
        searchables.add("feed.comment", COMMENTS)
        assets.add(
            "feed",
            Assets(
                styles=("feed/feed.css",),
                scripts=("feed/feed.js", "feed/poll.js", "feed/viewer.js"),
            ),
        )
        menu.add("feed", MenuEntry(key="feed", label=_("Feed"), icon="news", url_name="feed:list", order=10))
        rights.add(POST_TO_ALL, Right("feed", _("Write to all employees"), default=(EVERYONE,)))
        audited.add("feed.deleted", Audited(_("deleted post number %(post_id)s"), event=PostDeleted))
        card_routes.add("feed:post", "feed.post")
        cards.add(KIND, post_cards)
        cards.add("feed.comment", comment_cards(KIND))
        cards.add(SCHEDULED, scheduled_cards)
        told = Told(notices.MENTIONED_IN_COMMENT, own=notices.COMMENTED, followed=notices.COMMENTED_ELSEWHERE)
        threads.add(
            KIND,
            Discussed(
                Post.objects.there,
                can_write=can_comment,
                can_moderate=can_moderate,
                told=told,
                has_dislikes=lambda: DISLIKES.value,
            ),
        )
        audited.add("feed.exported", Audited(_("saved as %(format)s who has read the post %(about)s")))
        creators.add("feed.post", draft_address)
        audience_counts.add("feed", posts_addressed_to)
        rights.add(ANNOUNCE, Right("feed", _("Write announcements that everybody confirms to have read")))
        rights.add("feed.pin", Right("feed", _("Pin posts on top of the feed")))
        sections.add("feed", Section(_("Feed"), order=50))
        for setting in ALL:
            settings.add(setting.key, setting)
        rights.add(DEFINE_BADGES, Right("feed", _("Decide which badges and gifts there are")))
        profile_parts.add("feed", given_to)

    def _offer_rows(self) -> None:
        """What is put back, forgotten with a person, told by a restored box already, asked by programs."""
        from box.apps.feed.receipts import skip_due_reminders

        after_restore.add("feed", skip_due_reminders)
