"""Definitions of own fields of all types of records by one set of methods, `userfieldconfig.*`.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/userfieldconfig/index.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.api import ROOM
from box.apps.crm.api.records import CLASSIC
from box.apps.crm.api.userfields import add_to
from box.apps.crm.custom_fields import SETS
from box.core.fields import definitions
from box.core.fields.actions import archive_field, change_field
from box.core.fields.models import Field
from box.core.portal.field_definitions import ORDERS, SETTINGS, must_decide
from box.core.registry.filtering import condition_of, order_of
from box.core.registry.rest import (
    DOCS,
    ApiRefused,
    AsSent,
    Call,
    Conditions,
    Listing,
    ListParameters,
    MethodGroup,
    Parameters,
    Scope,
    Sorting,
    in_small_letters,
    listed,
    not_found,
    scopes,
    shaped,
)

if TYPE_CHECKING:
    from box.core.fields.sets import FieldSet

SCOPE, MODULE = "userfieldconfig", "crm"
_CONFIG = MethodGroup(
    prefix="userfieldconfig.",
    room=ROOM,
    scopes=(SCOPE,),
    source=f"{DOCS}crm/universal/userfieldconfig/index.html",
)
_ENTITIES: Mapping[str, FieldSet] = {
    f"CRM_{name.upper()}": SETS[type_id] for name, type_id in CLASSIC.items() if type_id in SETS
}
_ENTITY_OF = {of.key: entity for entity, of in _ENTITIES.items()}


class OfModule(Parameters):
    MODULEID = forms.ChoiceField(choices=[(MODULE, MODULE)], help_text=gettext_lazy("crm."))


class OfField(OfModule):
    ID = forms.IntegerField(help_text=gettext_lazy("The field."))


class Add(OfModule):
    FIELD = Conditions(help_text=gettext_lazy("The field by its settings: entityId, fieldName, userTypeId …"))


class Update(OfField):
    FIELD = Conditions(help_text=gettext_lazy("What changes of it."))


class FieldList(OfModule, ListParameters):
    SELECT = AsSent(required=False, help_text=gettext_lazy("All settings come in any case."))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy("The direction by field."))


def fields(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/crm/universal/userfieldconfig/userfieldconfig-list.html"""
    _must_decide(call)
    given = _capitals(call.values["FILTER"])
    entity = given.pop("ENTITY_ID", None)
    keys = [_set_of(entity).key] if entity else list(_ENTITY_OF)
    rows = Field.objects.filter(set_key__in=keys, archived_at=None)
    rows = rows.filter(condition_of(given, definitions.FILTERS)).prefetch_related("choices")
    sent = call.values["ORDER"]
    order = order_of(
        "", _capitals(sent) if isinstance(sent, Mapping) else sent, ORDERS, usual=("place", "id")
    )
    return Listing(rows, lambda page: [_told(one) for one in page], order, within="fields")


def field(call: Call) -> Any:
    return {"field": _told(_found(call))}


def add(call: Call) -> Field:
    """https://apidocs.bitrix24.com/api-reference/crm/universal/userfieldconfig/userfieldconfig-add.html"""
    _must_decide(call)
    sent = _capitals(call.values["FIELD"])
    return add_to(_set_of(sent.get("ENTITY_ID")), sent, call)


def update(call: Call) -> Any:
    one = _found(call)
    change_field(one, definitions.changed_draft(one, _capitals(call.values["FIELD"])), by=call.user)
    return field(call)


def delete(call: Call) -> None:
    """Out of sight: what stands in it comes back with it."""
    archive_field(_found(call), by=call.user)


def types(call: Call) -> Any:
    _must_have_module(call)
    names = {name: str(kind.label) for name, kind in definitions.KINDS.items()}
    return {"types": {name: {"userTypeId": name, "description": text} for name, text in names.items()}}


def _must_have_module(call: Call) -> None:
    """The fields are the CRM's: a webhook needs its scope beside that of definitions."""
    if MODULE not in call.scopes:
        said = f"The current method required more scopes. ({MODULE})"
        raise ApiRefused("insufficient_scope", said, status=403)


def _must_decide(call: Call) -> None:
    _must_have_module(call)
    must_decide(call)


def _set_of(entity: Any) -> FieldSet:
    if str(entity) not in _ENTITIES:
        raise ValidationError(_("Write one of: %(words)s.") % {"words": ", ".join(_ENTITIES)}, code="entity")
    return _ENTITIES[str(entity)]


def _found(call: Call) -> Field:
    _must_decide(call)
    rows = Field.objects.filter(set_key__in=list(_ENTITY_OF), archived_at=None).prefetch_related("choices")
    one: Field | None = rows.filter(pk=call.values["ID"]).first()
    if one is None:
        raise not_found(_("There is no such field."))
    return one


def _made(made: Field, call: Call) -> Any:
    return {"field": _told(made)}


def _sees(made: Field, call: Call) -> bool:
    _must_decide(call)
    return made.archived_at is None


def _told(one: Field) -> dict[str, Any]:
    """As the older methods tell it, under names in small letters."""
    row = definitions.described(one, _ENTITY_OF[one.set_key], language="")
    choices = row.pop("LIST", None)
    told = {in_small_letters(name): value for name, value in row.items()}
    told["languageId"] = {language: language for language in definitions.LANGUAGES}
    if choices is not None:
        told["enum"] = [
            {"userFieldId": str(one.pk), **{in_small_letters(name): value for name, value in choice.items()}}
            for choice in choices
        ]
    return told


def _capitals(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Names as the older methods have them: `userTypeId` as `USER_TYPE_ID`, and `enum` as LIST."""
    found = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).upper(): value for name, value in sent.items()}
    if "ENUM" in found:
        found["LIST"] = found.pop("ENUM")
    return found


def _schema() -> dict[str, Any]:
    names = ("id", "entityId", "fieldName", "userTypeId", "sort", "multiple", "mandatory", "showFilter")
    row = shaped(
        **dict.fromkeys((*names, "showInList", "editInList", "isSearchable"), "string"), xmlId="string?"
    )
    texts = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
    labels = ("editFormLabel", "listColumnLabel", "listFilterLabel", "errorMessage", "helpMessage")
    row["properties"] |= dict.fromkeys((*labels, "languageId"), texts)
    row["properties"] |= {
        "settings": SETTINGS,
        "enum": listed(**dict.fromkeys(("id", "userFieldId", "value", "def", "sort", "xmlId"), "string")),
    }
    return row


def declare() -> None:
    label, about = gettext_lazy("Own fields"), gettext_lazy("Say which fields of its own the company has.")
    scopes.add(SCOPE, Scope(label, about, room=ROOM))
    row = _schema()
    one = {"type": "object", "properties": {"field": row}}
    several = {"type": "object", "properties": {"fields": {"type": "array", "items": row}}}
    kind = {"type": "object", "additionalProperties": shaped(userTypeId="string", description="string")}
    kinds = {"type": "object", "properties": {"types": kind}}
    _CONFIG.add("list", gettext_lazy("Own fields of the CRM."), FieldList, fields, several)
    _CONFIG.add("get", gettext_lazy("An own field, with its labels and its list."), OfField, field, one)
    adds = gettext_lazy("Adds an own field; answers with it.")
    _CONFIG.add("add", adds, Add, add, one, makes=Field, made=_made, sees=_sees)
    changes = gettext_lazy("Changes labels, rules and list of an own field; answers with it.")
    _CONFIG.add("update", changes, Update, update, one)
    hides = gettext_lazy("Takes an own field out of sight; what stands in it is kept.")
    _CONFIG.add("delete", hides, OfField, delete, {"type": "null"})
    _CONFIG.add("gettypes", gettext_lazy("Which kinds of own fields there are."), OfModule, types, kinds)
