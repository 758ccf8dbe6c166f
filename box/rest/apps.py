from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    MenuEntry,
    after_restore,
    cards,
    console_pages,
    help_pages,
    menu,
    object_tabs,
    own_pages,
)


class RestConfig(Room):
    name = "box.rest"

    def offer(self) -> None:
        from box.core.registry.settings import Section, sections, settings
        from box.core.registry.worker import large_bodies
        from box.rest.access import MANAGE, USE, can_manage, can_use
        from box.rest.actions import revoke_everybodys
        from box.rest.outgoing import KIND, discard_waiting, listener_cards
        from box.rest.placements import has_applications, tabs_about
        from box.rest.settings import ALL
        from box.rest.uploads import ADDRESS, UPLOADS

        rights.add(USE, Right("integrations", _("Make webhooks for programs"), default=(EVERYONE,)))
        rights.add(MANAGE, Right("integrations", _("See and revoke the webhooks of everybody")))
        sections.add("rest", Section(_("Integrations"), order=80))
        for setting in ALL:
            settings.add(setting.key, setting)
        large_bodies.add(ADDRESS, UPLOADS)
        after_restore.add("rest", revoke_everybodys)
        after_restore.add("rest.sendings", discard_waiting)
        cards.add(KIND, listener_cards)
        help_pages.add("rest", "integrations")
        object_tabs.add("rest", tabs_about)
        entry = MenuEntry(
            key="applications",
            label=_("Applications"),
            icon="plug-connected",
            url_name="rest:pages",
            order=90,
            is_for=has_applications,
        )
        menu.add(entry.key, entry)
        own = MenuEntry(
            key="integrations",
            label=_("Integrations"),
            icon="plug-connected",
            url_name="rest:own",
            order=30,
            is_for=can_use,
        )
        own_pages.add(own.key, own)
        page = MenuEntry(
            key="integrations",
            label=_("Integrations"),
            icon="plug-connected",
            url_name="rest:everybodys",
            order=65,
            is_for=can_manage,
        )
        console_pages.add(page.key, page)
