from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE, members, providers
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    Holdings,
    Keepsake,
    MenuEntry,
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


class GroupsConfig(Room):
    name = "box.core.groups"

    def offer(self) -> None:
        from box.core.accounts.models import circles
        from box.core.groups import export, searching
        from box.core.groups.access import CREATE, GROUP_CODES, INVITE_GUESTS, members_of_groups
        from box.core.groups.demo import gather
        from box.core.groups.holdings import held, pass_on
        from box.core.groups.models import KIND, found_groups, group_cards, people_of_groups_of
        from box.core.groups.names import GROUPS
        from box.core.registry.services import Service, services
        from box.core.structure.names import kinds

        services.add("groups", Service(_("Groups"), _("People of one project or interest, with guests too.")))
        providers.add("groups", GROUP_CODES)
        members.add("groups", members_of_groups)
        circles.add("groups", people_of_groups_of)
        kinds.add("groups", GROUPS)
        rights.add(CREATE, Right("groups", _("Create groups"), default=(EVERYONE,)))
        guests = Right("groups", _("Invite outside guests into groups that one leads"), default=(EVERYONE,))
        rights.add(INVITE_GUESTS, guests)
        cards.add(KIND, group_cards)
        finders.add(KIND, found_groups)
        card_routes.add("groups:group", KIND)
        card_codes.add(KIND, "G")
        card_icons.add(KIND, "users-group")
        entry = MenuEntry(
            key="groups", label=_("Groups"), icon="users-group", url_name="groups:list", order=60
        )
        menu.add("groups", entry)
        searchables.add(KIND, searching.GROUPS)
        kept = (export.find, export.pack, export.is_there, export.is_same, export.put_back, export.find_own)
        keepsakes.add(KIND, Keepsake(_("Groups"), 50, *kept))
        holdings.add("groups", Holdings(label=_("Groups"), held=held, hand_over=pass_on))
        assets.add("groups", Assets(styles=("groups/groups.css",)))
        demo_shares.add("groups", gather)
