"""The fields of records as programs know them: one table for `crm.deal.*` and for `crm.item.*`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.api.stages import SEMANTICS, category_of, name_of, pipeline_numbered, stage_named
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import normal
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Record, RecordType
from box.core.accounts.models import User
from box.core.fields.kinds import day_of
from box.core.registry.company import PHONE_REGION
from box.core.registry.filtering import (
    Amount,
    Day,
    ExternalId,
    Flag,
    Moment,
    Named,
    Number,
    Related,
    Text,
    several,
)
from box.core.registry.rest import listed, one_text, truth

if TYPE_CHECKING:
    from box.core.registry.filtering import Filterable

Id = RecordType.Id

MULTI = {"PHONE": "phone", "EMAIL": "email", "WEB": "web", "IM": "im"}
"""By the names of fields that hold several values the kinds of what reaches somebody."""
USES = {"WORK": "work", "MOBILE": "mobile", "HOME": "home", "FAX": "fax", "OTHER": "other"}
UTM = ("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_CONTENT", "UTM_TERM")

CLIENTS_AND_WORK = frozenset({Id.LEAD, Id.DEAL, Id.CONTACT, Id.COMPANY})
PAPERS = frozenset({Id.QUOTE, Id.INVOICE})
NO_CONTACTS = frozenset({Id.CONTACT, Id.COMPANY})
"""Types whose records are clients, and have none."""

type Read = Callable[[Any, User], Any]


@dataclass(frozen=True)
class ApiField:
    """`name` in capitals, `item` as `crm.item` calls it. `attribute` is what is set of a record, by `read`;
    without one it is read only."""

    name: str
    item: str
    type: str
    show: Callable[[Record], Any]
    attribute: str = ""
    read: Read | None = None
    filter: Filterable | None = None
    order: str = ""
    is_required: bool = False

    @property
    def guarded(self) -> str:
        """By which rights by field know it; empty where everybody sees it who sees the record."""
        return self.attribute.partition(":")[0] or {"PAID_AMOUNT": "amount"}.get(self.name, "")


@dataclass(frozen=True)
class Staged:
    """Records by the names of their stages."""

    type_id: int

    def condition(self, operator: str, value: Any) -> Q:
        names = {str(one) for one in several(value)}
        if operator not in ("", "=", "@"):
            raise ValidationError(_("This operator has no meaning here."))
        known = catalog()
        own = [one for one in known.stages.values() if one.pipeline.type_id == self.type_id]
        return Q(stage__in=[one.pk for one in own if name_of(one) in names])


@dataclass(frozen=True)
class Categorised:
    type_id: int

    def condition(self, operator: str, value: Any) -> Q:
        wanted = Number("pk").condition(operator, value).children[0][1]  # type: ignore[index]
        if not isinstance(wanted, list):
            raise ValidationError(_("This operator has no meaning here."))
        own = [one for one in catalog().pipelines.values() if one.type_id == self.type_id]
        return Q(pipeline__in=[one.pk for one in own if category_of(one) in wanted])


@dataclass(frozen=True)
class Reached:
    """Records that are reached by just this number or address."""

    kind: str

    def condition(self, operator: str, value: Any) -> Q:
        if operator not in ("", "=", "@"):
            raise ValidationError(_("This operator has no meaning here."))
        region = PHONE_REGION.value
        found = ContactPoint.objects.filter(
            kind=self.kind, normal__in=[normal(self.kind, str(one), region=region) for one in several(value)]
        )
        return Q(pk__in=found.values("record"))


def fields_of(type_id: int) -> Mapping[str, ApiField]:
    """By their names in capitals; those of a company's own entities are as of deals."""
    kind = catalog().types[type_id]
    return {
        one.name: one
        for one in _all(type_id, kind.has_stages, kind.has_client, kind.has_amount, kind.is_person)
    }


@cache
def _all(
    type_id: int, has_stages: bool, has_client: bool, has_amount: bool, is_person: bool
) -> Sequence[ApiField]:
    found = [
        ApiField("ID", "id", "integer", lambda one: one.pk, filter=Number("id"), order="id"),
        *_names(type_id, is_person),
        *(_staged(type_id) if has_stages else ()),
        *(_client(type_id) if has_client and type_id != Id.COMPANY else ()),
        *(_MONEY if has_amount else ()),
        *(_PAPER if type_id in PAPERS else ()),
        *_external(type_id),
        *_COMMON,
    ]
    return tuple(found)


def seen_fields(kind: RecordType, reader: User) -> list[ApiField]:
    """Those that this person's roles let them see."""
    fields = fields_for(reader, kind.pk)
    return [one for one in fields_of(kind.pk).values() if not one.guarded or fields.sees(one.guarded)]


def schema_of(type_ids: Sequence[int], *, is_item: bool) -> dict[str, Any]:
    """Of a row of these types, which the box brings: JSON Schema, without a query."""
    properties: dict[str, Any] = {}
    for type_id in type_ids:
        has_stages = type_id not in {Id.CONTACT, Id.COMPANY}
        for one in _all(type_id, has_stages, True, has_stages, type_id == Id.CONTACT):
            name = one.item if is_item else one.name
            properties[name] = {"type": _json_types(one) if is_item else "string"}
    if set(type_ids) - NO_CONTACTS:
        contacts = {"type": "array", "items": {"type": "integer"}}
        properties["contactIds" if is_item else "CONTACT_IDS"] = contacts
    if is_item:
        properties["fm"] = listed(id="integer", typeId="string", valueType="string", value="string")
    else:
        point = listed(ID="string", VALUE="string", VALUE_TYPE="string", TYPE_ID="string")
        properties |= dict.fromkeys(MULTI, point)
    return {"type": "object", "properties": properties}


def _json_types(one: ApiField) -> list[str]:
    if one.type == "double":
        return ["number"]
    whole = {"integer", "user", "crm_company", "crm_contact", "crm_category"}
    return ["integer", "null"] if one.type in whole else ["string", "null"]


def _names(type_id: int, is_person: bool) -> Sequence[ApiField]:
    title = ApiField(
        "TITLE", "title", "string", lambda one: one.title, "title", _text, Text("title"), "title",
        is_required=type_id not in {Id.LEAD, Id.CONTACT},
    )  # fmt: skip
    person = (
        _plain("NAME", "name", "first_name"),
        _plain("SECOND_NAME", "secondName", "patronymic"),
        _plain("LAST_NAME", "lastName", "last_name"),
        _plain("POST", "post", "position"),
        ApiField(
            "BIRTHDATE", "birthdate", "date", lambda one: _day(one.born_on), "born_on", _date, Day("born_on")
        ),
    )
    if is_person:
        return person
    if type_id == Id.LEAD:
        return (title, *person, _plain("ADDRESS", "address", "address"))
    if type_id == Id.COMPANY:
        return (
            title,
            _plain("ADDRESS", "address", "address"),
            _plain("TAX_NUMBER", "taxNumber", "tax_number"),
        )
    return (title,)


def _plain(name: str, item: str, attribute: str) -> ApiField:
    return ApiField(
        name, item, "string", lambda one: getattr(one, attribute), attribute, _text, Text(attribute)
    )


def _external(type_id: int) -> Sequence[ApiField]:
    """What another program calls a record: https://apidocs.bitrix24.com/api-reference/crm/universal/object-fields.html.
    There quotes have nothing of the kind."""
    if type_id == Id.QUOTE:
        return ()
    if type_id not in CLIENTS_AND_WORK:
        return (_external_field("XML_ID", "xmlId", "external_id"),)
    has_version = type_id in NO_CONTACTS
    return (
        _external_field("ORIGINATOR_ID", "originatorId", "external_source"),
        _external_field("ORIGIN_ID", "originId", "external_id"),
        *([_external_field("ORIGIN_VERSION", "originVersion", "external_version")] if has_version else []),
    )


def _external_field(name: str, item: str, attribute: str) -> ApiField:
    return ApiField(
        name, item, "string", lambda one: getattr(one, attribute), attribute, _text, ExternalId(attribute),
        attribute,
    )  # fmt: skip


def _staged(type_id: int) -> Sequence[ApiField]:
    name = "STATUS_ID" if type_id in {Id.LEAD, Id.QUOTE} else "STAGE_ID"
    semantic = name.replace("_ID", "_SEMANTIC_ID")
    semantics = {short: Q(stage__kind=kind) for kind, short in SEMANTICS.items()}
    stage = ApiField(
        name, "stageId", "crm_status", lambda one: name_of(one.stage) if one.stage else "", "stage",
        lambda value, _user: stage_named(type_id, str(value)), Staged(type_id),
    )  # fmt: skip
    kind = ApiField(
        semantic, "stageSemanticId", "string",
        lambda one: SEMANTICS[one.stage.kind] if one.stage else "", filter=Named(semantics),
    )  # fmt: skip
    category = ApiField(
        "CATEGORY_ID", "categoryId", "crm_category",
        lambda one: category_of(one.pipeline) if one.pipeline else 0, "category",
        lambda value, _user: pipeline_numbered(type_id, whole(value)), Categorised(type_id),
    )  # fmt: skip
    closed = ApiField(
        "CLOSED", "closed", "boolean", lambda one: not one.is_open, filter=Flag(Q(closed_at__isnull=False))
    )
    moved = ApiField(
        "MOVED_TIME", "movedTime", "datetime", lambda one: moment_of(one.stage_since),
        filter=Moment("stage_since"),
    )  # fmt: skip
    return (stage, kind, *([] if type_id in {Id.LEAD, Id.QUOTE} else [category]), closed, moved)


def _client(type_id: int) -> Sequence[ApiField]:
    company = ApiField(
        "COMPANY_ID", "companyId", "crm_company", lambda one: one.company_id, "company",
        lambda value, user: _client_at(Id.COMPANY, value, user), Related("company"),
    )  # fmt: skip
    contact = ApiField(
        "CONTACT_ID", "contactId", "crm_contact", lambda one: one.contact_id, "contact",
        lambda value, user: _client_at(Id.CONTACT, value, user), Related("contact"),
    )  # fmt: skip
    return (company,) if type_id == Id.CONTACT else (company, contact)


def _client_at(type_id: int, value: Any, user: User) -> Record | None:
    """Nothing for 0. Raises ValidationError for what is not there, and for what this person does not see."""
    if not (pk := whole(value)):
        return None
    found = Record.objects.there().of_type(type_id).visible_to(user).filter(pk=pk).first()
    if found is None:
        raise ValidationError(_("There is no client %(id)s, or you don't see it.") % {"id": pk})
    return found


def person_at(value: Any, _user: User) -> User:
    found: User | None = User.objects.filter(pk=whole(value), is_extranet=False).first()
    if found is None:
        raise ValidationError(_("There is no employee %(name)s.") % {"name": str(value)[:20]})
    return found


def _source_at(value: Any, _user: User) -> Any:
    if value in (None, "", False):
        return None
    for one in catalog().sources.values():
        if one.code == str(value):
            return one
    raise ValidationError(_("There is no source %(name)s.") % {"name": str(value)[:40]})


def _text(value: Any, _user: User) -> str:
    return one_text(value)


def _date(value: Any, _user: User) -> date | None:
    if value in (None, "", False):
        return None
    try:
        return day_of(str(value).partition("T")[0].partition(" ")[0])
    except ValueError:
        raise ValidationError(_("Write a date in ISO 8601, such as 2026-01-31.")) from None


def _amount(value: Any, _user: User) -> Decimal:
    try:
        amount = Decimal(str(value or 0).partition("|")[0])
    except InvalidOperation:
        raise ValidationError(_("Write a number.")) from None
    if not amount.is_finite():
        raise ValidationError(_("Write a number."))
    return amount


def whole(value: Any) -> int:
    text = str(value or 0)
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise ValidationError(_("Write a whole number."))
    return int(text)


def _day(day: date | None) -> str:
    return f"{day.isoformat()}T00:00:00+00:00" if day else ""


def moment_of(moment: datetime | None) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""


def _mark(name: str, one: Record) -> str:
    return str(one.utm.get(name, ""))


_MONEY: Sequence[ApiField] = (
    ApiField(
        "OPPORTUNITY", "opportunity", "double", lambda one: one.amount, "amount", _amount, Amount("amount"),
        "base_amount",
    ),
    ApiField(
        "CURRENCY_ID", "currencyId", "crm_currency", lambda one: one.currency, "currency", _text,
        Text("currency"),
    ),
    ApiField(
        "IS_MANUAL_OPPORTUNITY", "isManualOpportunity", "boolean", lambda one: not one.follows_lines,
        "has_own_amount", lambda value, _user: truth(value), Flag(Q(has_own_amount=True) & ~Q(amount=0)),
    ),
    ApiField(
        "BEGINDATE", "begindate", "date", lambda one: _day(one.begins_on), "begins_on", _date,
        Day("begins_on"),
    ),
    ApiField(
        "CLOSEDATE", "closedate", "date", lambda one: _day(one.expected_on), "expected_on", _date,
        Day("expected_on"),
    ),
)  # fmt: skip
_PAPER: Sequence[ApiField] = (
    ApiField(
        "ACCOUNT_NUMBER", "accountNumber", "string", lambda one: one.paper.number,
        filter=Text("paper__number"),
    ),
    ApiField(
        "PAID_AMOUNT", "paidAmount", "double",
        lambda one: sum(
            (paid.amount for paid in one.payments.all() if paid.direction == "in"), Decimal(0)
        ),
    ),
)  # fmt: skip
"""Of quotes and invoices; whoever reads them reads papers and payments with them."""
_COMMON: Sequence[ApiField] = (
    ApiField("COMMENTS", "comments", "string", lambda one: one.comment, "comment", _text, Text("comment")),
    ApiField(
        "SOURCE_ID", "sourceId", "crm_status", lambda one: one.source.code if one.source else "", "source",
        _source_at, Text("source__code"),
    ),
    _plain("SOURCE_DESCRIPTION", "sourceDescription", "source_note"),
    ApiField(
        "ASSIGNED_BY_ID", "assignedById", "user", lambda one: one.responsible_id, "responsible", person_at,
        Related("responsible"),
    ),
    ApiField(
        "CREATED_BY_ID", "createdBy", "user", lambda one: one.created_by_id, filter=Related("created_by"),
    ),
    ApiField(
        "MODIFY_BY_ID", "updatedBy", "user", lambda one: one.changed_by_id, filter=Related("changed_by"),
    ),
    ApiField(
        "DATE_CREATE", "createdTime", "datetime", lambda one: moment_of(one.created_at),
        filter=Moment("created_at"), order="id",
    ),
    ApiField(
        "DATE_MODIFY", "updatedTime", "datetime", lambda one: moment_of(one.changed_at),
        filter=Moment("changed_at"), order="changed_at",
    ),
    # Who sees a record its permissions say: none is open to everybody.
    ApiField("OPENED", "opened", "boolean", lambda one: False),
    *(
        ApiField(
            name, f"utm{name[4:].title()}", "string", partial(_mark, name.lower()),
            f"utm:{name.lower()}", _text, Text(f"utm__{name.lower()}"),
        )
        for name in UTM
    ),
)  # fmt: skip
