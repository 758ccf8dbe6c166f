from django.utils.translation import gettext_lazy as _

from box.core.access.principals import members, providers
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    Holdings,
    Keepsake,
    assets,
    card_codes,
    card_icons,
    card_routes,
    cards,
    demo_shares,
    finders,
    holdings,
    keepsakes,
    searchables,
)


class StructureConfig(Room):
    name = "box.core.structure"
    # As databases know its tables and migrations: until 0.1 it was one room with the people.
    label = "org"

    def offer(self) -> None:
        from box.core.structure import export, names, searching
        from box.core.structure.access import DEPARTMENT_CODES, EDIT_STRUCTURE, members_of_departments
        from box.core.structure.demo import organise
        from box.core.structure.holdings import hand_over_departments, headed_by

        demo_shares.add("structure", organise)
        holdings.add("structure", Holdings(_("Head of departments"), headed_by, hand_over_departments))
        assets.add(
            "structure", Assets(styles=("structure/structure.css",), scripts=("structure/structure.js",))
        )
        providers.add("structure", DEPARTMENT_CODES)
        members.add("structure", members_of_departments)
        rights.add(EDIT_STRUCTURE, Right("company", _("Edit the structure")))
        names.kinds.add("departments", names.DEPARTMENTS)
        names.kinds.add("people", names.PEOPLE)
        cards.add(names.PERSON_KIND, names.person_cards)
        card_codes.add(names.PERSON_KIND, "U")
        finders.add(names.PERSON_KIND, names.found_people)
        card_icons.add(names.PERSON_KIND, "user")
        cards.add(names.DEPARTMENT_KIND, names.department_cards)
        card_routes.add("structure:department", names.DEPARTMENT_KIND)
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
