from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.capabilities import MenuEntry, console_pages, help_pages


class TransferConfig(Room):
    name = "box.transfer"

    def offer(self) -> None:
        from box.transfer.access import can_migrate

        page = MenuEntry(
            key="migrations",
            label=_("Migration"),
            icon="cloud-download",
            url_name="transfer:list",
            order=55,
            is_for=can_migrate,
        )
        console_pages.add(page.key, page)
        help_pages.add("transfer", "migration")
