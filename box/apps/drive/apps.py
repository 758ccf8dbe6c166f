from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.auditing import About, Audited, audited
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    Panel,
    assets,
    card_routes,
    cards,
    demo_shares,
    menu,
    panels,
    searchables,
)


class DriveConfig(Room):
    name = "box.apps.drive"

    def offer(self) -> None:
        from box.apps.drive.access import CHANGE_COMPANY, SHOW_OUTSIDE
        from box.apps.drive.models import KIND, item_cards
        from box.apps.drive.panels import panel
        from box.apps.drive.searching import FOLDERS
        from box.core.registry.services import Service, services

        services.add("drive", Service(_("Drive"), _("Files of people, groups and the company, in folders.")))
        entry = MenuEntry(key="drive", label=_("Drive"), icon="folder", url_name="drive:home", order=50)
        menu.add(entry.key, entry)
        assets.add("drive", Assets(styles=("drive/drive.css",), scripts=("drive/drive.js",)))
        panels.add("drive", Panel(label=_("Drive"), icon="folder", order=30, render=panel))
        rights.add(CHANGE_COMPANY, Right("drive", _("Change the company drive"), default=(EVERYONE,)))
        rights.add(SHOW_OUTSIDE, Right("drive", _("Make links for outsiders"), default=(EVERYONE,)))
        cards.add(KIND, item_cards)
        card_routes.add("drive:item", KIND)
        searchables.add("drive.folder", FOLDERS)
        self._offer_rows()
        self._offer_audit()

    def _offer_rows(self) -> None:
        """What programs ask, what is put back, made one, forgotten with a person, shown to who tries it."""
        from box.apps.drive.demo import fill_drives

        demo_shares.add("drive", fill_drives)

    def _offer_audit(self) -> None:
        from box.apps.drive.events import ItemsPurged, LinkEnded, LinkMade
        from box.apps.drive.models import KIND
        from box.apps.drive.views.public_links import FETCHED as FETCHED_OUTSIDE
        from box.apps.drive.views.versions import FETCHED as FETCHED_VERSION

        def about(event: LinkMade | LinkEnded) -> About:
            return About(KIND, event.item_id, event.name)

        made = Audited(_("made a link for outsiders to %(about)s"), event=LinkMade, about=about)
        audited.add("drive.link-made", made)
        ended = Audited(_("a link for outsiders to %(about)s was ended"), event=LinkEnded, about=about)
        audited.add("drive.link-ended", ended)
        purged = Audited(_("deleted “%(name)s” and what was in it for good"), event=ItemsPurged)
        audited.add("drive.purged", purged)
        audited.add(FETCHED_VERSION, Audited(_("fetched version %(number)s of %(about)s")))
        fetched = Audited(_("fetched %(about)s by link number %(number)s of %(by)s"))
        audited.add(FETCHED_OUTSIDE, fetched)
