from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.capabilities import MenuEntry, console_pages, help_pages, own_pages


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
        own = MenuEntry(
            key="my-data", label=_("Your data"), icon="archive", url_name="archives:own", order=40
        )
        own_pages.add(own.key, own)
        help_pages.add("transfer", "migration")
        help_pages.add("archives", "my-data")
