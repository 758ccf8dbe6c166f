from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    assets,
    demo_shares,
    menu,
)


class PulseConfig(Room):
    name = "box.apps.pulse"

    def offer(self) -> None:
        from box.apps.pulse.access import SEE, can_see
        from box.apps.pulse.demo import use
        from box.apps.pulse.settings import ALL
        from box.core.registry.services import Service, services
        from box.core.registry.settings import Section, sections, settings

        entry = MenuEntry(
            key="pulse",
            label=_("Pulse"),
            icon="heartbeat",
            url_name="pulse:overview",
            order=95,
            is_for=can_see,
        )
        menu.add(entry.key, entry)
        services.add("pulse", Service(_("Pulse"), _("Which tools of the portal the company uses.")))
        sections.add("pulse", Section(_("Pulse"), order=70))
        for setting in ALL:
            settings.add(setting.key, setting)
        rights.add(SEE, Right("pulse", _("See how much the portal is used"), default=(EVERYONE,)))
        assets.add("pulse", Assets(("pulse/pulse.css",), ("pulse/chart.js",)))
        demo_shares.add("pulse", use)
