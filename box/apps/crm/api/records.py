"""Records for programs: `crm.lead.*`, `crm.deal.*`, `crm.contact.*`, `crm.company.*`; `crm.item.*` for all.

Sources: https://apidocs.bitrix24.com/api-reference/crm/deals/crm-deal-add.html and
https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-add.html.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.records import (
    NewRecord,
    add_record,
    change_record,
    delete_records,
    locked_record,
    move_record,
)
from box.apps.crm.api import ROOM, SCOPE
from box.apps.crm.api.fields import (
    MULTI,
    NO_CONTACTS,
    USES,
    ApiField,
    Reached,
    fields_of,
    schema_of,
    seen_fields,
)
from box.apps.crm.api.own_files import own_files
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import RecordFields, fields_for
from box.apps.crm.models import ContactPoint, Link, Record, RecordType
from box.apps.crm.permissions import Operation, reaches_into
from box.core.accounts.models import User
from box.core.fields import rest as custom
from box.core.fields.values import finder, values_of, values_of_many
from box.core.files.rest import keeper
from box.core.registry.filtering import condition_of, order_of
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    Listing,
    ListParameters,
    Method,
    Parameters,
    Several,
    Sorting,
    methods,
    not_found,
    shaped,
)

if TYPE_CHECKING:
    from box.apps.crm.models.records import RecordQuerySet
    from box.core.fields.models import Field
    from box.core.registry.filtering import Filterable

Id = RecordType.Id
CLASSIC: Mapping[str, RecordType.Id] = {
    "lead": Id.LEAD,
    "deal": Id.DEAL,
    "contact": Id.CONTACT,
    "company": Id.COMPANY,
    "quote": Id.QUOTE,
}
NOTHING = {"type": "array", "maxItems": 0}
"""The schema of an answer that is an empty list always."""
_KINDS = {kind: name for name, kind in MULTI.items()}
_USES = {use: name for name, use in USES.items()}


@dataclass(frozen=True)
class Dialect:
    """How one set of methods calls fields and writes values."""

    is_item: bool

    def name(self, one: ApiField) -> str:
        return one.item if self.is_item else one.name

    def value(self, value: Any) -> Any:
        if isinstance(value, bool):
            return "Y" if value else "N"
        if self.is_item:
            return float(value) if hasattr(value, "as_tuple") else value
        return "" if value is None else str(value)


ITEM, CAPITALS = Dialect(True), Dialect(False)


# Parameters


class OfType(Parameters):
    ENTITYTYPEID = forms.IntegerField(help_text=gettext_lazy("The number of the type, such as 2 for deals."))


class OneOfType(OfType):
    ID = forms.IntegerField(help_text=gettext_lazy("Its number."))


class NewOfType(OfType):
    FIELDS = Conditions(help_text=gettext_lazy("Values by the names of fields."))


class ChangedOfType(OneOfType):
    FIELDS = Conditions(help_text=gettext_lazy("Values by the names of fields."))


class ListOfType(ListParameters):
    ENTITYTYPEID = forms.IntegerField(help_text=gettext_lazy("The number of the type, such as 2 for deals."))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"id": "ASC"}.'))
    SELECT = Several(
        required=False, help_text=gettext_lazy("Names of fields; * all of the CRM's, UF_* your own.")
    )


class One(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("Its number."))


class New(Parameters):
    FIELDS = Conditions(help_text=gettext_lazy("Values by the names of fields."))


class Changed(One):
    FIELDS = Conditions(help_text=gettext_lazy("Values by the names of fields."))


class All(ListParameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"ID": "ASC"}.'))
    SELECT = Several(
        required=False, help_text=gettext_lazy("Names of fields; * all of the CRM's, UF_* your own.")
    )


# Reading


def type_of(call: Call) -> RecordType:
    """Of the address of `crm.item.*`."""
    kind = catalog().types.get(call.values["ENTITYTYPEID"])
    if kind is None or kind.retired_at is not None:
        raise not_found(_("There is no such type."))
    return kind


def _seen(call: Call, kind: RecordType) -> RecordQuerySet:
    return Record.objects.visible_to(call.user).there().of_type(kind.pk)


def found(call: Call, kind: RecordType) -> Record:
    record: Record | None = (
        _seen(call, kind).select_related("responsible").filter(pk=call.values["ID"]).first()
    )
    if record is None:
        raise not_found(_("There is no such record, or you don't see it."))
    catalog().dress([record])
    return record


def filters_of(kind: RecordType, dialect: Dialect, reader: User) -> dict[str, Filterable]:
    known = {
        dialect.name(one).upper(): one.filter for one in seen_fields(kind, reader) if one.filter is not None
    }
    if kind.has_contact_points and fields_for(reader, kind.pk).sees("reached_by"):
        known |= {name: Reached(of) for name, of in MULTI.items()}
    return known | custom.filters(_custom(kind, reader))


def listing(call: Call, kind: RecordType, dialect: Dialect) -> Listing[Record]:
    if not reaches_into(call.user, Operation.READ, kind):
        raise PermissionDenied(_("Your role does not reach that far here."))
    rows = _seen(call, kind).filter(condition_of(call.values["FILTER"], filters_of(kind, dialect, call.user)))
    orders = {dialect.name(one).upper(): one.order for one in seen_fields(kind, call.user) if one.order}
    order = order_of("ID", call.values["ORDER"], orders)
    selected = [name.strip() for name in call.values["SELECT"]]
    return Listing(
        rows,
        lambda page: shown(page, kind, dialect, call.user, selected),
        order,
        within="items" if dialect.is_item else "",
    )


def shown(
    records: Sequence[Record],
    kind: RecordType,
    dialect: Dialect,
    reader: User,
    selected: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """With `selected` these fields and the number; without, all of the CRM's own, and for a single record
    everything (`["*", "UF_*", ...]`): of what this person sees."""
    catalog().dress(records)
    if kind.is_paper:
        prefetch_related_objects(records, "paper", "payments")
    may = fields_for(reader, kind.pk)
    wanted = {name.upper() for name in selected} or {"*"}
    every = "*" in wanted
    fields = [
        one
        for one in seen_fields(kind, reader)
        if every or one.name == "ID" or dialect.name(one).upper() in wanted
    ]
    ids = [record.pk for record in records]
    own = [one for one in _custom(kind, reader) if "UF_*" in wanted or one.code.upper() in wanted]
    values = values_of_many(own, ids)
    points = _points(ids, kind, wanted if may.sees("reached_by") else set(), dialect)
    has_contacts = kind.has_client and kind.pk not in NO_CONTACTS and may.sees("contacts")
    contacts = contacts_of(ids) if has_contacts and (every or wanted & _CONTACT_LISTS) else None
    answered = []
    for record in records:
        row = {dialect.name(one): dialect.value(one.show(record)) for one in fields}
        if contacts is not None:
            row["contactIds" if dialect.is_item else "CONTACT_IDS"] = contacts[record.pk]
        answered.append(row | points[record.pk] | custom.answered(own, values.get(record.pk, {})))
    return answered


_CONTACT_LISTS = frozenset({"CONTACT_IDS", "CONTACTIDS"})


def _custom(kind: RecordType, reader: User) -> Sequence[Field]:
    return fields_for(reader, kind.pk).seen(set_of(kind.pk).fields)


def _points(
    ids: Sequence[int], kind: RecordType, wanted: set[str], dialect: Dialect
) -> Mapping[int, dict[str, Any]]:
    """Numbers and addresses by record: `PHONE`, `EMAIL` ..., or all of them as `fm`."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    names = {"FM"} & wanted if dialect.is_item else MULTI.keys() & wanted
    if not kind.has_contact_points or not names:
        return found
    for pk in ids:
        found[pk] = {"fm": []} if dialect.is_item else {}
    for point in ContactPoint.objects.filter(record__in=ids).in_order():
        name, use = _KINDS[point.kind], _USES[point.use]
        if dialect.is_item:
            found[point.record_id]["fm"].append(
                {"id": point.pk, "typeId": name, "valueType": use, "value": point.value}
            )
        elif name in names:
            found[point.record_id].setdefault(name, []).append(
                {"ID": str(point.pk), "VALUE_TYPE": use, "VALUE": point.value, "TYPE_ID": name}
            )
    return found


def contacts_of(ids: Sequence[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {pk: [] for pk in ids}
    links = Link.objects.filter(record__in=ids, role=Link.Role.CONTACT).order_by("rank", "id")
    for record_id, to_id in links.values_list("record_id", "to_id"):
        found[record_id].append(to_id)
    return found


_EVERYTHING = ("*", "UF_*", "FM", *MULTI)


def one(record: Record, dialect: Dialect, reader: User) -> dict[str, Any]:
    return shown([record], record.type, dialect, reader, _EVERYTHING)[0]


# Writing


def add(call: Call, kind: RecordType, dialect: Dialect) -> Record:
    given = Given.of(call, kind, dialect)
    with transaction.atomic():
        category = given.attributes.pop("category", None)
        if "stage" not in given.attributes and category is not None:
            given.attributes["stage"] = catalog().stages_of(category)[0]
        names = {"title": "", "responsible": call.author, **given.attributes}
        if kind.has_amount:
            # As in Bitrix24: a program that writes an amount by hand for good says so.
            names.setdefault("has_own_amount", False)
        if kind.pk == Id.LEAD and not names["title"]:
            parts = (names.get("first_name", ""), names.get("last_name", ""))
            names["title"] = " ".join(filter(None, parts)) or _("Lead")
        record = add_record(
            NewRecord(type=kind, reached_by=[reach for _pk, reach in given.points], **names), by=call.author
        )
        given.write_custom(record, call.user, is_new=True)
    return _again(record)


def change(call: Call, kind: RecordType, dialect: Dialect) -> Record:
    record, given = found(call, kind), Given.of(call, kind, dialect)
    with transaction.atomic():
        changes = dict(given.attributes)
        stage, category = changes.pop("stage", None), changes.pop("category", None)
        if stage is None and category is not None and record.pipeline_id != category.pk:
            stage = catalog().stages_of(category)[0]
        if "utm" in changes:
            changes["utm"] = {**record.utm, **changes["utm"]}
        if given.points:
            to = changes.get("responsible")
            held = locked_record(record, by=call.user, people=[to.pk] if to else [])
            changes["reached_by"] = given.points_of(held)
        if "amount" in changes and not record.lines.exists():
            # Nothing is there yet that it could follow, so that only the flag itself says otherwise.
            changes.setdefault("has_own_amount", record.has_own_amount)
        if changes:
            change_record(record, changes, by=call.user)
        if stage is not None and stage.pk != record.stage_id:
            move_record(record, stage, by=call.user)
        given.write_custom(record, call.user, is_new=False)
    return _again(record)


def _again(record: Record) -> Record:
    again = Record.objects.select_related("responsible").get(pk=record.pk)
    catalog().dress([again])
    return again


@dataclass
class Given:
    """What a program has sent: attributes of the record, numbers and addresses with the id of one that is
    there (a nothing in its place takes it away), and values of a company's own fields."""

    attributes: dict[str, Any]
    points: list[tuple[int, Reach]]
    own: Mapping[str, Any]
    kind: RecordType

    @classmethod
    def of(cls, call: Call, kind: RecordType, dialect: Dialect) -> Given:
        known = {dialect.name(one).upper(): one for one in fields_of(kind.pk).values()}
        sent = {str(name).upper(): value for name, value in call.values["FIELDS"].items()}
        made = cls({}, [], {name: value for name, value in sent.items() if name.startswith("UF_")}, kind)
        for name, value in sent.items():
            if name in known:
                made._set(known[name], value, call.user, name)
            elif name in {"CONTACT_IDS", "CONTACTIDS"} and kind.has_client:
                made.attributes["contacts"] = _records_at(value, call.user)
            elif name in {"OBSERVERS", "OBSERVER_IDS", "OBSERVER"}:
                made.attributes["observers"] = _people_at(value)
            elif name == "FM" and kind.has_contact_points:
                made.points += _sent_points(value)
            elif name in MULTI and kind.has_contact_points:
                made.points += _sent_points(value, name)
        # What a program sends beside, as Bitrix24, is passed over.
        return made

    def _set(self, one: ApiField, value: Any, user: User, name: str) -> None:
        if one.read is None:
            return
        try:
            read = one.read(value, user)
        except ValidationError as error:
            raise ValidationError([f"{name}: {text}" for text in error.messages]) from None
        if one.attribute.startswith("utm:"):
            self.attributes.setdefault("utm", {})[one.attribute[4:]] = read
        else:
            self.attributes[one.attribute] = read

    def points_of(self, record: Record) -> list[Reach]:
        """What reaches the record from now on."""
        there = {
            point.pk: Reach(point.kind, point.value, point.use) for point in record.contact_points.in_order()
        }
        added = []
        for pk, reach in self.points:
            if pk and pk in there and not reach.value:
                del there[pk]
            elif pk and pk in there:
                there[pk] = reach
            elif reach.value:
                added.append(reach)
        return [*there.values(), *added]

    def write_custom(self, record: Record, user: User, *, is_new: bool) -> None:
        fields = _custom(self.kind, user)
        kept = values_of(fields, record.pk) if self.own and not is_new else {}
        values = custom.given(fields, self.own, finder(user), keep=keeper(user), kept=kept)
        if values:
            set_values(record, values, by=user)


def _sent_points(value: Any, name: str = "") -> list[tuple[int, Reach]]:
    """Of `[{"VALUE": "+7...", "VALUE_TYPE": "WORK", "ID": 3}]`, in either dialect; without `name` each row
    says of what type it is."""
    rows = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(rows, list) or len(rows) > 100:
        raise ValidationError(_("Write a list of values with their types."))
    found = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise ValidationError(_("Write a list of values with their types."))
        of = name or str(row.get("typeId", ""))
        if of not in MULTI:
            raise ValidationError(_("Write one of: %(words)s.") % {"words": ", ".join(MULTI)})
        small = {str(key).lower().replace("_", ""): one for key, one in row.items()}
        pk = str(small.get("id", "") or 0)
        text = "" if str(small.get("delete", "")).upper() == "Y" else str(small.get("value", "") or "")
        use = USES.get(str(small.get("valuetype", "")).upper(), "work")
        known = int(pk) if pk.isascii() and pk.isdecimal() and len(pk) < 18 else 0
        found.append((known, Reach(MULTI[of], text, use)))
    return found


def _numbers(value: Any) -> list[int]:
    rows = (
        list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    )
    texts = [str(one) for one in rows if one not in (None, "")][:500]
    if any(not (text.isascii() and text.isdecimal()) or len(text) > 18 for text in texts):
        raise ValidationError(_("Write a whole number."))
    return [int(text) for text in texts]


def _records_at(value: Any, user: User) -> list[Record]:
    ids = _numbers(value)
    seen = Record.objects.there().of_type(Id.CONTACT).visible_to(user).in_bulk(ids)
    if missing := [pk for pk in ids if pk not in seen]:
        raise ValidationError(_("There is no client %(id)s, or you don't see it.") % {"id": missing[0]})
    return [seen[pk] for pk in ids]


def _people_at(value: Any) -> list[User]:
    return list(User.objects.filter(pk__in=_numbers(value), is_extranet=False))


def remove(call: Call, kind: RecordType) -> None:
    delete_records([found(call, kind)], by=call.user)


# What there is


def described(kind: RecordType, dialect: Dialect, reader: User) -> dict[str, Any]:
    """https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-fields.html"""
    may = fields_for(reader, kind.pk)
    fields = {dialect.name(one): _described(one, dialect, may) for one in seen_fields(kind, reader)}
    has_points = kind.has_contact_points and not dialect.is_item and may.sees("reached_by")
    for name in MULTI if has_points else ():
        fields[name] = {
            "type": "crm_multifield", "isRequired": False, "isReadOnly": not may.changes("reached_by"),
            "isMultiple": True, "title": name,
        }  # fmt: skip
    for one in _custom(kind, reader):
        fields[one.code] = {
            "type": one.kind, "isRequired": one.is_required, "isReadOnly": not may.changes(one.key),
            "isMultiple": one.is_several, "isDynamic": True, "title": one.code,
            "listLabel": one.name, "formLabel": one.name,
        }  # fmt: skip
    return fields


def _described(one: ApiField, dialect: Dialect, may: RecordFields) -> dict[str, Any]:
    is_read_only = one.read is None or not may.changes(one.guarded)
    return {
        "type": one.type, "isRequired": one.is_required, "isReadOnly": is_read_only,
        "isImmutable": False, "isMultiple": False, "isDynamic": False, "title": dialect.name(one),
    }  # fmt: skip


# The methods


def declare() -> None:
    for name, type_id in CLASSIC.items():
        _declare_classic(name, type_id)
    _declare_items()


def _fields_schema(row: Mapping[str, Any]) -> dict[str, Any]:
    one = shaped(
        type="string", isRequired="boolean", isReadOnly="boolean", isImmutable="boolean",
        isMultiple="boolean", isDynamic="boolean", title="string", listLabel="string", formLabel="string",
    )  # fmt: skip
    return {"type": "object", "properties": dict.fromkeys(row["properties"], one)}


def _declare_classic(name: str, type_id: RecordType.Id) -> None:
    row = schema_of([type_id], is_item=False)
    yes = {"type": "boolean"}

    def kind() -> RecordType:
        return catalog().types[type_id]

    def fields(call: Call) -> Any:
        return described(kind(), CAPITALS, call.user)

    def rows(call: Call) -> Any:
        return listing(call, kind(), CAPITALS)

    def get(call: Call) -> Any:
        return one(found(call, kind()), CAPITALS, call.user)

    def added(call: Call) -> Record:
        return add(call, kind(), CAPITALS)

    def changed(call: Call) -> bool:
        change(call, kind(), CAPITALS)
        return True

    def deleted(call: Call) -> bool:
        remove(call, kind())
        return True

    over: dict[str, Any] = {"takes_over": True}
    makes = {"makes": Record, **over}
    for verb, about, parameters, answer, result, more in (
        ("fields", gettext_lazy("Which fields there are."), Parameters, fields, _fields_schema(row), {}),
        ("list", gettext_lazy("Those that you see."), All, rows, {"type": "array", "items": row}, {}),
        ("get", gettext_lazy("One of them."), One, get, row, {}),
        ("add", gettext_lazy("Adds one; answers with its number."), New, added, {"type": "integer"}, makes),
        ("update", gettext_lazy("Changes the named fields of one."), Changed, changed, yes, over),
        ("delete", gettext_lazy("Moves one into the trash."), One, deleted, yes, {}),
    ):
        declare_method(f"crm.{name}.{verb}", about, parameters, answer, result, **more)


def _declare_items() -> None:
    row = schema_of([*CLASSIC.values(), Id.INVOICE], is_item=True)
    item = {"type": "object", "properties": {"item": row}}
    items = {"type": "object", "properties": {"items": {"type": "array", "items": row}}}
    fields = {"type": "object", "properties": {"fields": _fields_schema(row)}}
    adds = {
        "makes": Record,
        "made": lambda record, call: {"item": one(_again(record), ITEM, call.user)},
        "sees": lambda record, call: _seen(call, type_of(call)).filter(pk=record.pk).exists(),
        "takes_over": True,
    }
    changes = gettext_lazy("Changes the named fields of a record; answers with it.")
    for verb, about, parameters, answer, result, more in (
        ("fields", gettext_lazy("Which fields records of a type have."), OfType, _item_fields, fields, {}),
        ("list", gettext_lazy("The records of a type that you see."), ListOfType, _item_list, items, {}),
        ("get", gettext_lazy("A record."), OneOfType, _item, item, {}),
        ("add", gettext_lazy("Adds a record; answers with it."), NewOfType, _added_item, item, adds),
        ("update", changes, ChangedOfType, _changed_item, item, {}),
        ("delete", gettext_lazy("Moves a record into the trash."), OneOfType, _deleted_item, NOTHING, {}),
    ):
        declare_method(f"crm.item.{verb}", about, parameters, answer, result, **more)


def declare_method(name: str, about: Any, parameters: Any, answer: Any, result: Any, **more: Any) -> None:
    methods.add(
        name,
        Method(
            room=ROOM, scopes=(SCOPE,), about=about, parameters=parameters, answer=answer, result=result,
            source=f"{DOCS}crm/", **more,
        ),
    )  # fmt: skip


def _item_fields(call: Call) -> Any:
    return {"fields": described(type_of(call), ITEM, call.user)}


def _item_list(call: Call) -> Any:
    return listing(call, type_of(call), ITEM)


def _item(call: Call) -> Any:
    kind = type_of(call)
    record = found(call, kind)
    return {"item": one(record, ITEM, call.user) | own_files(record, kind, call)}


def _added_item(call: Call) -> Record:
    return add(call, type_of(call), ITEM)


def _changed_item(call: Call) -> Any:
    return {"item": one(change(call, type_of(call), ITEM), ITEM, call.user)}


def _deleted_item(call: Call) -> list[Any]:
    remove(call, type_of(call))
    return []
