from django.utils.translation import gettext_lazy as _

from box.core.access.principals import members, providers
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.belongings import belongings
from box.core.registry.capabilities import (
    Aside,
    Assets,
    Holdings,
    Keepsake,
    MenuEntry,
    asides,
    assets,
    card_codes,
    card_icons,
    card_routes,
    cards,
    demo_shares,
    finders,
    holdings,
    keepsakes,
    menu,
    searchables,
)
from box.core.registry.notices import offer_notices


class OrgConfig(Room):
    name = "box.core.org"

    def offer(self) -> None:
        from box.core.accounts.access import can_see_company
        from box.core.imports.importers import importers
        from box.core.org import api, export, names, notices, searching, showing_today
        from box.core.org.access import DEPARTMENT_CODES, EDIT_STRUCTURE, members_of_departments
        from box.core.org.auditing import declare
        from box.core.org.belongings import BELONGINGS
        from box.core.org.demo import organise
        from box.core.org.importing import PeopleImporter
        from box.core.org.leaving import hand_over_departments, headed_by

        declare()
        api.declare()
        belongings.add("org", BELONGINGS)
        demo_shares.add("org", organise)
        holdings.add("org", Holdings(_("Head of departments"), headed_by, hand_over_departments))
        assets.add("org", Assets(styles=("org/org.css",), scripts=("org/structure.js", "org/photo.js")))
        providers.add("org", DEPARTMENT_CODES)
        members.add("org", members_of_departments)
        rights.add(EDIT_STRUCTURE, Right("company", _("Edit the structure")))
        importers.add(PeopleImporter.key, PeopleImporter())
        names.kinds.add("departments", names.DEPARTMENTS)
        names.kinds.add("people", names.PEOPLE)
        offer_notices(notices)
        cards.add(names.PERSON_KIND, names.person_cards)
        card_routes.add("org:person", names.PERSON_KIND)
        card_codes.add(names.PERSON_KIND, "U")
        finders.add(names.PERSON_KIND, names.found_people)
        card_icons.add(names.PERSON_KIND, "user")
        cards.add(names.DEPARTMENT_KIND, names.department_cards)
        card_routes.add("org:department", names.DEPARTMENT_KIND)
        card_codes.add(names.DEPARTMENT_KIND, "D")
        finders.add(names.DEPARTMENT_KIND, names.found_departments)
        card_icons.add(names.DEPARTMENT_KIND, "sitemap")
        keepsakes.add(
            export.KIND,
            Keepsake(
                _("Departments"),
                40,
                export.find,
                export.pack,
                export.is_there,
                export.is_same,
                export.put_back,
            ),
        )
        searchables.add("org.department", searching.DEPARTMENTS)
        company = MenuEntry(
            key="company",
            label=_("Company"),
            icon="users",
            url_name="org:people",
            order=90,
            is_for=can_see_company,
        )
        menu.add(company.key, company)
        asides.add("org", Aside(order=10, render=showing_today.aside, is_for=can_see_company))
