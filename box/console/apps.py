from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.capabilities import MenuEntry, menu


class ConsoleConfig(Room):
    name = "box.console"

    def offer(self) -> None:
        from box.console.access import can_use_console

        entry = MenuEntry(
            key="console",
            label=_("Console"),
            icon="server-cog",
            url_name="console:health",
            order=100,
            is_for=can_use_console,
        )
        menu.add(entry.key, entry)
