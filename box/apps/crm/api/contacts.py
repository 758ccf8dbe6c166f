"""The contacts of a deal, the first of them first.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/contacts/crm-deal-contact-items-get.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from box.apps.crm.api.records import One, contacts_of, declare_method, found
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import RecordType
from box.core.registry.rest import listed

if TYPE_CHECKING:
    from box.core.registry.rest import Call


def items(call: Call) -> Any:
    deal = found(call, catalog().types[RecordType.Id.DEAL])
    if not fields_for(call.user, RecordType.Id.DEAL).sees("contacts"):
        return []
    return [
        {"CONTACT_ID": pk, "SORT": 10 * place, "ROLE_ID": 0, "IS_PRIMARY": "Y" if place == 1 else "N"}
        for place, pk in enumerate(contacts_of([deal.pk])[deal.pk], 1)
    ]


def declare() -> None:
    about = gettext_lazy("The contacts of a deal, the first of them first.")
    row = listed(CONTACT_ID="integer", SORT="integer", ROLE_ID="integer", IS_PRIMARY="string")
    declare_method("crm.deal.contact.items.get", about, One, items, row)
