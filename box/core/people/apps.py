from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.capabilities import Aside, Assets, MenuEntry, asides, assets, card_routes, menu
from box.core.registry.dav import dav_sources


class PeopleConfig(Room):
    name = "box.core.people"

    def offer(self) -> None:
        from box.core.accounts.access import can_see_company
        from box.core.imports.importers import importers
        from box.core.people import asides as today
        from box.core.people.dav import PeopleSource
        from box.core.people.importing import PeopleImporter
        from box.core.structure.names import PERSON_KIND

        assets.add("people", Assets(styles=("people/people.css",), scripts=("people/photo.js",)))
        dav_sources.add("people", PeopleSource())
        importers.add(PeopleImporter.key, PeopleImporter())
        card_routes.add("people:person", PERSON_KIND)
        company = MenuEntry(
            key="company",
            label=_("Company"),
            icon="users",
            url_name="people:people",
            order=90,
            is_for=can_see_company,
        )
        menu.add(company.key, company)
        asides.add("people", Aside(order=10, render=today.aside, is_for=can_see_company))
