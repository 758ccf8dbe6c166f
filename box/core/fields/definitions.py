"""Definitions of a company's own fields as Bitrix24's REST API has them.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/user-defined-fields/crm-deal-userfield-add.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from box.core.fields.actions import FieldDraft
from box.core.fields.models import Field
from box.core.registry.filtering import Filterable, Flag, Named, Number, Text
from box.core.registry.rest import truth
from box.lib.numbers import whole_number

Kind = Field.Kind
CRM_PREFIX = "UF_CRM_"
LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")
LANGUAGES = ("en", "ru")

KINDS: Mapping[str, Kind] = {
    "string": Kind.TEXT,
    "address": Kind.TEXT,
    "integer": Kind.NUMBER,
    "double": Kind.NUMBER,
    "boolean": Kind.YES_NO,
    "date": Kind.DATE,
    "datetime": Kind.MOMENT,
    "money": Kind.MONEY,
    "url": Kind.LINK,
    "enumeration": Kind.CHOICE,
    "crm_status": Kind.CHOICE,
    "employee": Kind.PERSON,
    "file": Kind.FILE,
    "crm": Kind.REFERENCE,
}
"""By the portal's types what they are here."""
TYPES: Mapping[str, str] = {
    Kind.TEXT: "string", Kind.LONG: "string", Kind.PHONE: "string", Kind.EMAIL: "string",
    Kind.NUMBER: "double", Kind.MONEY: "money", Kind.DATE: "date", Kind.MOMENT: "datetime",
    Kind.CHOICE: "enumeration", Kind.YES_NO: "boolean", Kind.PERSON: "employee", Kind.LINK: "url",
    Kind.FILE: "file", Kind.REFERENCE: "crm", Kind.DEPARTMENT: "iblock_section",
}  # fmt: skip
FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "FIELD_NAME": Text("code"),
    "SORT": Number("place"),
    "MULTIPLE": Flag(Q(is_several=True)),
    "MANDATORY": Flag(Q(is_required=True)),
    "USER_TYPE_ID": Named(
        {type_: Q(kind__in=[kind for kind, one in TYPES.items() if one == type_]) for type_ in TYPES.values()}
    ),
}
# The portal's words for what a field points at.
_TARGETS = ("LEAD", "DEAL", "CONTACT", "COMPANY")


def described(field: Field, entity: str, *, language: str | None) -> dict[str, Any]:
    """With `language` the labels are texts; None leaves them out, and an empty one gives all languages."""
    row: dict[str, Any] = {
        "ID": str(field.pk),
        "ENTITY_ID": entity,
        "FIELD_NAME": field.code,
        "USER_TYPE_ID": TYPES[field.kind],
        "XML_ID": None,
        "SORT": str(field.place * 10),
        "MULTIPLE": _yes_no(field.is_several),
        "MANDATORY": _yes_no(field.is_required),
        "SHOW_FILTER": "E",
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": _settings(field),
    }
    if language is not None:
        said = {
            "HELP_MESSAGE": field.help or None,
            "ERROR_MESSAGE": None,
            **dict.fromkeys(LABELS, field.name),
        }
        row |= said if language else {name: dict.fromkeys(LANGUAGES, text) for name, text in said.items()}
    if field.kind == Kind.CHOICE:
        row["LIST"] = [
            {
                "ID": str(one.pk),
                "SORT": str(one.place * 10),
                "VALUE": one.name,
                "DEF": "N",
                "XML_ID": str(one.pk),
            }
            for one in field.options
            if not one.is_retired
        ]
    return row


def _settings(field: Field) -> dict[str, Any]:
    match field.kind:
        case Kind.TEXT | Kind.LONG:
            return {"DEFAULT_VALUE": "", "ROWS": 5 if field.kind == Kind.LONG else 1}
        case Kind.MONEY:
            return {"DEFAULT_VALUE": f"|{field.currency}"}
        case Kind.REFERENCE:
            wanted = field.target.removeprefix("crm.").upper()
            all_of_them = wanted not in _TARGETS
            return {one: _yes_no(all_of_them or one == wanted) for one in _TARGETS}
    return {}


def new_draft(sent: Mapping[str, Any], *, currency: str, prefix: str = CRM_PREFIX) -> FieldDraft:
    """Raises ValidationError. `currency` is the usual one, of money without one; `prefix` stands before names
    that have none."""
    given = _capitals(sent)
    type_ = str(given.get("USER_TYPE_ID") or "")
    if type_ not in KINDS:
        raise ValidationError(_("Write one of: %(words)s.") % {"words": ", ".join(KINDS)}, code="type")
    code = str(given.get("FIELD_NAME") or "").strip().upper()
    if not code:
        raise ValidationError(_("FIELD_NAME: write under which name programs know it."), code="code")
    code = code if code.startswith("UF_") else f"{prefix}{code}"
    kind, several = KINDS[type_], _flag(given, "MULTIPLE")
    settings = given.get("SETTINGS")
    if kind == Kind.TEXT and not several and is_long(settings):
        kind = Kind.LONG
    return FieldDraft(
        name=_label(given) or code,
        kind=kind,
        code=code,
        help=_text(given.get("HELP_MESSAGE"))[:200],
        choices=tuple(str(one.get("VALUE") or "") for one in _list(given)),
        is_several=several,
        is_required=_flag(given, "MANDATORY"),
        currency=currency_of(settings) or currency,
        target=target_of(settings),
    )


def changed_draft(field: Field, sent: Mapping[str, Any]) -> FieldDraft:
    """What was not sent stays; of a list the named rows change, those without a number are added, and those
    with `DEL` are retired. Raises ValidationError."""
    given = _capitals(sent)
    names = {one.pk: one.name for one in field.options if not one.is_retired}
    renamed: dict[int, str] = {}
    added: list[str] = []
    for one in _list(given):
        pk, value = str(one.get("ID") or ""), str(one.get("VALUE") or "").strip()
        known = int(pk) if pk.isascii() and pk.isdecimal() and len(pk) < 18 else 0
        if known in names and str(one.get("DEL") or "").upper() == "Y":
            del names[known]
        elif known in names and value:
            names[known] = renamed[known] = value
        elif not pk and value:
            added.append(value)
    return FieldDraft(
        name=_label(given) or field.name,
        kind=field.kind,
        help=_text(given["HELP_MESSAGE"])[:200] if "HELP_MESSAGE" in given else field.help,
        choices=(*names.values(), *added),
        renamed=renamed,
        is_required=_flag(given, "MANDATORY") if "MANDATORY" in given else field.is_required,
        currency=field.currency,
        readers=field.readers,
        writers=field.writers,
    )


def target_of(settings: Any) -> str:
    """What a field points at that its settings name by `DEAL` and its like; any record, where they are
    several."""
    told = settings if isinstance(settings, Mapping) else {}
    wanted = [one for one in _TARGETS if str(told.get(one)).upper() in ("Y", "1", "TRUE")]
    return f"crm.{wanted[0].lower()}" if len(wanted) == 1 else "crm.record"


def is_long(settings: Any) -> bool:
    """Whether a text has several lines by its settings."""
    rows = str(settings.get("ROWS")) if isinstance(settings, Mapping) else ""
    return (whole_number(rows) or 0) > 1


def currency_of(settings: Any) -> str:
    """That of the usual value, `1500|RUB`; nothing where none is named."""
    usual = settings.get("DEFAULT_VALUE") if isinstance(settings, Mapping) else None
    code = str(usual or "").rpartition("|")[2].strip().upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def _capitals(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).upper(): value for name, value in sent.items()}


def _label(given: Mapping[str, Any]) -> str:
    return next(filter(None, (_text(given.get(name)) for name in (*LABELS, "LABEL"))), "")[:60]


def _text(told: Any) -> str:
    """A text, or one of those in several languages."""
    if isinstance(told, Mapping):
        told = next((told[one] for one in (*LANGUAGES[::-1], *told) if told.get(one)), "")
    return " ".join(str(told or "").split())


def _list(given: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    told = given.get("LIST")
    rows = list(told.values()) if isinstance(told, Mapping) else told if isinstance(told, list) else []
    return [_capitals(one) for one in rows if isinstance(one, Mapping)]


def _flag(given: Mapping[str, Any], name: str) -> bool:
    return truth(given[name]) if given.get(name) not in (None, "") else False


def _yes_no(value: bool) -> str:
    return "Y" if value else "N"
