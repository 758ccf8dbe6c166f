from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    Widget,
    assets,
    card_routes,
    cards,
    console_pages,
    demo_shares,
    help_pages,
    menu,
    recordings,
    widgets,
)


class CallsConfig(Room):
    name = "box.apps.calls"

    def offer(self) -> None:
        from box.apps.calls import access
        from box.apps.calls.cards import call_cards
        from box.apps.calls.configuration import files_for
        from box.apps.calls.deliveries import ADDRESS, DELIVERIES
        from box.apps.calls.demo import telephone
        from box.apps.calls.models import KIND
        from box.apps.calls.playback import sounds_of
        from box.apps.calls.routing import ClientRouter
        from box.apps.calls.settings import ALL, check
        from box.bridges.telephony.configuration import configurations
        from box.bridges.telephony.fastagi import routers
        from box.core.registry.services import Service, services
        from box.core.registry.settings import Section, sections, settings
        from box.core.registry.worker import large_bodies

        services.add(
            "calls", Service(_("Calls"), _("The log of calls, and the client's card while it rings."))
        )
        entry = MenuEntry(
            key="calls",
            label=_("Calls"),
            icon="phone",
            url_name="calls:log",
            order=45,
            is_for=access.works_here,
        )
        menu.add(entry.key, entry)
        page = MenuEntry(
            key="calls",
            label=_("Telephony"),
            icon="phone",
            url_name="calls:exchanges",
            order=55,
            is_for=access.can_set_up,
        )
        console_pages.add(page.key, page)
        demo_shares.add("calls", telephone)
        widgets.add("calls", Widget("calls/widget.html", order=20, is_for=access.works_here))
        assets.add(
            "calls", Assets(styles=("calls/calls.css",), scripts=("calls/calls.js", "calls/prompts.js"))
        )
        sections.add("calls", Section(_("Calls"), order=65, check=check))
        for setting in ALL:
            settings.add(setting.key, setting)
        rights.add(access.SEE_ALL, Right("calls", _("See everybody's calls")))
        rights.add(access.LISTEN, Right("calls", _("Listen to recordings of others' calls that one sees")))
        outside = Right("calls", _("Call numbers outside from the portal"), default=(EVERYONE,))
        rights.add(access.CALL_OUTSIDE, outside)
        rights.add(access.SET_UP, Right("calls", _("Connect telephone exchanges, and keep recordings")))
        for name in (
            "exchanges",
            "new-exchange",
            "exchange",
            "numbers",
            "extensions",
            "configuration",
            "blocked",
        ):
            help_pages.add(f"calls:{name}", "telephony")
        cards.add(KIND, call_cards)
        recordings.add(KIND, sounds_of)
        card_routes.add("calls:call", KIND)
        large_bodies.add(ADDRESS, DELIVERIES)
        routers.add("calls", ClientRouter())
        configurations.add("calls", files_for)
