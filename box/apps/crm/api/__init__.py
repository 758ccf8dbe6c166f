"""The CRM, for programs: the same actions and permissions as on its pages, in Bitrix24's dialect.

Records go by two sets of methods: `crm.deal.*` and its like (capital names, everything a text), and
`crm.item.*` for every type (names like `stageId`, numbers as numbers). Both are made of one table of fields.
"""

from django.utils.translation import gettext_lazy as _

from box.core.registry.rest import Scope, scopes

SCOPE, ROOM = "crm", "crm"


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
