from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room


class PortalConfig(Room):
    name = "box.core.portal"

    def offer(self) -> None:
        import box.core.portal.calendar
        import box.core.portal.setup  # noqa: F401 - both add their settings
        from box.core.access.rights import Right, rights
        from box.core.registry.capabilities import help_pages

        # Rooms that stand below the help, or share a page.
        for key, page in {
            "accounts": "profile",
            "people": "company",
            "notify": "notifications",
            "portal": "index",
            "console:settings": "settings",
            "console:setup-step": "settings",
            "console:section": "settings",
            "console:calendar": "calendar",
            "console:roles": "roles",
        }.items():
            help_pages.add(key, page)
        rights.add("console.settings", Right("console", _("Change the settings of the portal")))
