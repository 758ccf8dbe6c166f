"""Definitions of own fields, for programs: `crm.deal.userfield.*` and its like.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/user-defined-fields/index.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.api.records import CLASSIC, All, Changed, New, One, declare_method
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import Currency
from box.core.fields import definitions
from box.core.fields.actions import add_field, archive_field, change_field, restore_field
from box.core.fields.models import Field
from box.core.portal.access import can_change_settings
from box.core.registry.filtering import condition_of, order_of
from box.core.registry.rest import Call, Listing, not_found, shaped

if TYPE_CHECKING:
    from box.apps.crm.models import RecordType
    from box.core.fields.sets import FieldSet

ORDERS = {"ID": "id", "FIELD_NAME": "code", "SORT": "place", "USER_TYPE_ID": "kind"}
_ROW = dict.fromkeys(
    ("ID", "ENTITY_ID", "FIELD_NAME", "USER_TYPE_ID", "SORT", "MULTIPLE", "MANDATORY", "SHOW_FILTER",
     "SHOW_IN_LIST", "EDIT_IN_LIST", "IS_SEARCHABLE"),
    "string",
)  # fmt: skip
SETTINGS = {"type": "object", "additionalProperties": {"type": ["string", "integer", "number", "null"]}}


def _row(said: Mapping[str, Any]) -> dict[str, Any]:
    """Its shape, with what is said to people."""
    shape = shaped(**_ROW, XML_ID="string?")
    texts = dict.fromkeys((*definitions.LABELS, "HELP_MESSAGE", "ERROR_MESSAGE"), said)
    return {**shape, "properties": {**shape["properties"], "SETTINGS": SETTINGS, **texts}}


# In the one language that was asked for; of one field in each of them.
_IN_A_LIST = _row({"type": ["string", "null"]})
_BY_ITSELF = _row(shaped(**dict.fromkeys(definitions.LANGUAGES, "string?")))


def must_decide(call: Call) -> None:
    if not can_change_settings(call.user):
        raise PermissionDenied(_("Only who may change settings decides about fields."))


def _found(call: Call, of: FieldSet) -> Field:
    must_decide(call)
    field = Field.objects.of(of.key).standing().in_order().filter(pk=call.values["ID"]).first()
    if field is None:
        raise not_found(_("There is no such field."))
    return field


def _listed(call: Call, of: FieldSet, entity: str) -> Listing[Field]:
    must_decide(call)
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
def add_to(of: FieldSet, sent: Mapping[str, Any], call: Call) -> Field:
    """One that was taken away before is there again, with what stands in it."""
    must_decide(call)
    usual = Currency.objects.filter(is_base=True).values_list("code", flat=True).first() or ""
    draft = definitions.new_draft(sent, currency=usual)
    archived = Field.objects.of(of.key).filter(code=draft.code).exclude(archived_at=None).first()
    if archived is not None and (archived.kind, archived.is_several) == (draft.kind, draft.is_several):
        restore_field(archived, by=call.user)
        change_field(archived, draft, by=call.user)
        return archived
    return add_field(of, draft, by=call.user)


def change_in(call: Call, of: FieldSet) -> bool:
    field = _found(call, of)
    change_field(field, definitions.changed_draft(field, call.values["FIELDS"]), by=call.user)
    return True


def archive_in(call: Call, of: FieldSet) -> bool:
    """Out of sight: what stands in it comes back with it."""
    archive_field(_found(call, of), by=call.user)
    return True


def declare() -> None:
    for name, type_id in CLASSIC.items():
        if type_id in SETS:
            _declare(name, type_id)


def _declare(name: str, type_id: RecordType.Id) -> None:
    of, entity = SETS[type_id], f"CRM_{name.upper()}"

    def rows(call: Call) -> Any:
        return _listed(call, of, entity)

    def get(call: Call) -> Any:
        return definitions.described(_found(call, of), entity, language="")

    def added(call: Call) -> Field:
        return add_to(of, call.values["FIELDS"], call)

    def changed(call: Call) -> bool:
        return change_in(call, of)

    def deleted(call: Call) -> bool:
        return archive_in(call, of)

    yes, listed = {"type": "boolean"}, {"type": "array", "items": _IN_A_LIST}
    filters = {"filters": definitions.FILTERS}
    for verb, about, parameters, answer, result, more in (
        ("list", gettext_lazy("The company's own fields; labels come with a filter by LANG."), All, rows,
         listed, filters),
        ("get", gettext_lazy("One of them, with its labels."), One, get, _BY_ITSELF, {}),
        ("add", gettext_lazy("Adds one; answers with its number."), New, added, {"type": "integer"},
         {"makes": Field}),
        ("update", gettext_lazy("Changes its labels, its rules and its list."), Changed, changed, yes, {}),
        ("delete", gettext_lazy("Takes it out of sight; what stands in it is kept."), One, deleted, yes, {}),
    ):  # fmt: skip
        declare_method(f"crm.{name}.userfield.{verb}", about, parameters, answer, result, **more)
