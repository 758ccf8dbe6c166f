from django.utils.translation import gettext_lazy as _

from box.core.access.principals import providers
from box.core.registry.apps import Room
from box.core.registry.capabilities import MenuEntry, demo_shares, menu


class OrgConfig(Room):
    name = "box.core.org"

    def offer(self) -> None:
        from box.core.accounts.access import can_see_company
        from box.core.org.access import department_codes
        from box.core.org.demo import organise

        demo_shares.add("org", organise)
        providers.add("org", department_codes)
        company = MenuEntry(
            key="company",
            label=_("Company"),
            icon="users",
            url_name="org:people",
            order=90,
            is_for=can_see_company,
        )
        menu.add(company.key, company)
