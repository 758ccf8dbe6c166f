"""The CRM, for programs: the same actions and permissions as on its pages, in Bitrix24's dialect.

Records go by two sets of methods: `crm.deal.*` and its like (capital names, everything a text), and
`crm.item.*` for every type (names like `stageId`, numbers as numbers). Both are made of one table of fields.
"""

from django.utils.translation import gettext_lazy as _

from box.core.registry.rest import Place, Scope, places, scopes

SCOPE, ROOM = "crm", "crm"
_WITH_TABS = {
    **{slug.upper(): slug for slug in ("lead", "deal", "contact", "company", "quote")},
    "SMART_INVOICE": "invoice",
}
"""Types whose cards have tabs of applications, by their names in those of places."""


def declare() -> None:
    from box.apps.crm.api import (
        activities,
        catalogues,
        comments,
        contacts,
        duplicates,
        hooks,
        lines,
        own_files,
        records,
        statuses,
        userfieldconfig,
        userfields,
    )

    scopes.add(SCOPE, Scope(_("CRM"), _("Work with leads, deals and clients as you may."), room=ROOM))
    for name, slug in _WITH_TABS.items():
        places.add(f"CRM_{name}_DETAIL_TAB", Place(ROOM, SCOPE, kind=f"crm.{slug}", key="ID"))
    for part in (
        records,
        own_files,
        contacts,
        lines,
        catalogues,
        statuses,
        activities,
        comments,
        duplicates,
        hooks,
    ):
        part.declare()
    userfields.declare()
    userfieldconfig.declare()
