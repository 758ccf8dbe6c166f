from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import MenuEntry, after_restore, help_pages, own_pages


class DavConfig(Room):
    name = "box.bridges.dav"

    def offer(self) -> None:
        from box.bridges.dav.access import USE, can_use
        from box.bridges.dav.actions import revoke_everybodys

        rights.add(USE, Right("integrations", _("Connect phones and mail programs"), default=(EVERYONE,)))
        after_restore.add("dav", revoke_everybodys)
        help_pages.add("dav", "devices")
        own = MenuEntry(
            key="devices",
            label=_("Phones and programs"),
            icon="device-mobile",
            url_name="dav:devices",
            order=32,
            is_for=can_use,
        )
        own_pages.add(own.key, own)
