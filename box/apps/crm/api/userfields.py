"""Definitions of own fields, for programs: `crm.deal.userfield.*` and its like.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/user-defined-fields/index.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from box.apps.crm.api.records import CLASSIC, All, Changed, New, One, declare_method
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import Currency
from box.core.fields.definitions import FILTERS, described
from box.core.fields.models import Field
from box.core.portal.field_definitions import (
    BY_ITSELF,
    LISTED,
    add_definition,
    archive_definition,
    change_definition,
    definition,
    listed_definitions,
    must_decide,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from box.apps.crm.models import RecordType
    from box.core.fields.sets import FieldSet
    from box.core.registry.rest import Call


def add_to(of: FieldSet, sent: Mapping[str, Any], call: Call) -> Field:
    """Raises ValidationError, PermissionDenied."""
    usual = Currency.objects.filter(is_base=True).values_list("code", flat=True).first() or ""
    return add_definition(of, sent, call, currency=usual)


def declare() -> None:
    for name, type_id in CLASSIC.items():
        if type_id in SETS:
            _declare(name, type_id)


def _declare(name: str, type_id: RecordType.Id) -> None:
    of, entity = SETS[type_id], f"CRM_{name.upper()}"

    def rows(call: Call) -> Any:
        must_decide(call)
        return listed_definitions(call, of, entity)

    def get(call: Call) -> Any:
        must_decide(call)
        return described(definition(call.values["ID"], of), entity, language="")

    def added(call: Call) -> Field:
        return add_to(of, call.values["FIELDS"], call)

    def changed(call: Call) -> bool:
        return change_definition(of, call.values["FIELDS"], call)

    def deleted(call: Call) -> bool:
        return archive_definition(of, call)

    yes, listed = {"type": "boolean"}, {"type": "array", "items": LISTED}
    filters = {"filters": FILTERS}
    for verb, about, parameters, answer, result, more in (
        ("list", gettext_lazy("The company's own fields; labels come with a filter by LANG."), All, rows,
         listed, filters),
        ("get", gettext_lazy("One of them, with its labels."), One, get, BY_ITSELF, {}),
        ("add", gettext_lazy("Adds one; answers with its number."), New, added, {"type": "integer"},
         {"makes": Field}),
        ("update", gettext_lazy("Changes its labels, its rules and its list."), Changed, changed, yes, {}),
        ("delete", gettext_lazy("Takes it out of sight; what stands in it is kept."), One, deleted, yes, {}),
    ):  # fmt: skip
        declare_method(f"crm.{name}.userfield.{verb}", about, parameters, answer, result, **more)
