"""Definitions of own fields, for programs: what the methods of all rooms whose objects have some share.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/user-defined-fields/index.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.fields import definitions
from box.core.fields.actions import add_field, archive_field, change_field, restore_field
from box.core.fields.models import Field
from box.core.portal.access import can_change_settings
from box.core.registry.filtering import condition_of, order_of
from box.core.registry.rest import Call, Listing, not_found, shaped

if TYPE_CHECKING:
    from box.core.fields.sets import FieldSet

ORDERS = {"ID": "id", "FIELD_NAME": "code", "SORT": "place", "USER_TYPE_ID": "kind"}
SETTINGS = {"type": "object", "additionalProperties": {"type": ["string", "integer", "number", "null"]}}
_ROW = dict.fromkeys(
    ("ID", "ENTITY_ID", "FIELD_NAME", "USER_TYPE_ID", "SORT", "MULTIPLE", "MANDATORY", "SHOW_FILTER",
     "SHOW_IN_LIST", "EDIT_IN_LIST", "IS_SEARCHABLE"),
    "string",
)  # fmt: skip


def row_schema(said: Mapping[str, Any]) -> dict[str, Any]:
    """The shape of a definition, with that of what is said to people."""
    shape = shaped(**_ROW, XML_ID="string?")
    texts = dict.fromkeys((*definitions.LABELS, "HELP_MESSAGE", "ERROR_MESSAGE"), said)
    return {**shape, "properties": {**shape["properties"], "SETTINGS": SETTINGS, **texts}}


LISTED = row_schema({"type": ["string", "null"]})
"""In the one language that was asked for."""
BY_ITSELF = row_schema(shaped(**dict.fromkeys(definitions.LANGUAGES, "string?")))
"""In each language."""


def must_decide(call: Call) -> None:
    if not can_change_settings(call.user):
        raise PermissionDenied(_("Only who may change settings decides about fields."))


def definition(pk: int, of: FieldSet) -> Field:
    """Raises ApiRefused where none of the set stands under this number."""
    field = Field.objects.of(of.key).standing().in_order().filter(pk=pk).first()
    if field is None:
        raise not_found(_("There is no such field."))
    return field


def listed_definitions(call: Call, of: FieldSet, entity: str) -> Listing[Field]:
    """By the call's FILTER and ORDER; with a filter by LANG the labels come in that language."""
    given = {str(name).upper(): value for name, value in call.values["FILTER"].items()}
    language = given.pop("LANG", None)
    rows = Field.objects.of(of.key).standing().filter(condition_of(given, definitions.FILTERS))
    return Listing(
        rows.prefetch_related("choices"),
        lambda page: [
            definitions.described(one, entity, language=str(language) if language else None) for one in page
        ],
        order_of("", call.values["ORDER"], ORDERS, usual=("place", "id")),
    )


@transaction.atomic
def add_definition(
    of: FieldSet,
    sent: Mapping[str, Any],
    call: Call,
    *,
    currency: str = "",
    prefix: str = definitions.CRM_PREFIX,
) -> Field:
    """One that was taken away before is there again, with what stands in it. `currency` is the usual one, of
    money without one; `prefix` stands before names that have none. Raises ValidationError,
    PermissionDenied."""
    must_decide(call)
    draft = definitions.new_draft(sent, currency=currency, prefix=prefix)
    archived = Field.objects.of(of.key).filter(code=draft.code).exclude(archived_at=None).first()
    if archived is not None and (archived.kind, archived.is_several) == (draft.kind, draft.is_several):
        restore_field(archived, by=call.user)
        change_field(archived, draft, by=call.user)
        return archived
    return add_field(of, draft, by=call.user)


def change_definition(of: FieldSet, sent: Mapping[str, Any], call: Call) -> bool:
    """That of the call's ID. Raises ApiRefused, ValidationError, PermissionDenied."""
    must_decide(call)
    field = definition(call.values["ID"], of)
    change_field(field, definitions.changed_draft(field, sent), by=call.user)
    return True


def archive_definition(of: FieldSet, call: Call) -> bool:
    """Out of sight: what stands in it comes back with it. Raises ApiRefused, PermissionDenied."""
    must_decide(call)
    archive_field(definition(call.values["ID"], of), by=call.user)
    return True
