"""Fields that the company has added to the CRM, and what stands in them.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/user-defined-fields/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, override

from django.utils.translation import gettext_lazy

from box.core.fields.models import Field
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.own_fields import TYPES, fields
from box.transfer.cloud import Command
from box.transfer.outbound.base import OutboundStage, OutboundWork, Write, rows_in, same
from box.transfer.stages.own_fields import FIELD

_CRM = "crm."
_TYPES: Mapping[str, str] = {
    Field.Kind.TEXT: "string", Field.Kind.LONG: "string", Field.Kind.PHONE: "string",
    Field.Kind.EMAIL: "string", Field.Kind.NUMBER: "double", Field.Kind.MONEY: "money",
    Field.Kind.DATE: "date", Field.Kind.MOMENT: "datetime", Field.Kind.CHOICE: "enumeration",
    Field.Kind.YES_NO: "boolean", Field.Kind.PERSON: "employee", Field.Kind.LINK: "url",
    Field.Kind.FILE: "file",
}  # fmt: skip
"""What the portal calls each kind. What it has none of (a department, something of the portal) stays."""


class OwnFields(OutboundStage[records.OwnField]):
    key = "fields"
    label = gettext_lazy("Own fields of the CRM")
    kind = FIELD
    scope = "crm"
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[records.OwnField]:
        return (one for one in fields(scope) if one.set.removeprefix(_CRM) in TYPES and one.kind in _TYPES)

    @override
    def count(self, scope: Scope) -> int:
        return sum(1 for _one in self.things(scope))

    @override
    def write(self, work: OutboundWork, record: records.OwnField) -> Write:
        fields_: dict[str, Any] = {
            "FIELD_NAME": record.code if work.takes_over else _name(record),
            "USER_TYPE_ID": _TYPES[record.kind],
            "EDIT_FORM_LABEL": record.name, "LIST_COLUMN_LABEL": record.name, "HELP_MESSAGE": record.help,
            "MULTIPLE": "Y" if record.is_several else "N",
            "MANDATORY": "Y" if record.is_required and work.takes_over else "N",
        }  # fmt: skip
        if record.kind == Field.Kind.CHOICE:
            fields_["LIST"] = [{"VALUE": one, "SORT": 10 * n} for n, one in enumerate(record.choices, 1)]
        if record.kind == Field.Kind.LONG:
            fields_["SETTINGS"] = {"ROWS": 5}
        if record.currency and work.takes_over:
            fields_["SETTINGS"] = {"DEFAULT_VALUE": f"|{record.currency}"}
        return Write(f"crm.{_slug(record)}.userfield.add", {"fields": fields_})

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.OwnField]) -> Mapping[int, str]:
        """By the name that we give one, or by the one that it came with."""

        def ask(one: records.OwnField) -> Write:
            return Write(f"crm.{_slug(one)}.userfield.list", {"order": {"ID": "ASC"}, "filter": {}})

        def told(one: records.OwnField, result: Any) -> list[str]:
            return [
                str(row["ID"])
                for row in rows_in(result)
                if row.get("FIELD_NAME") in (_name(one), one.code)
                and row.get("USER_TYPE_ID") == _TYPES[one.kind]
                and (row.get("MULTIPLE") == "Y") == one.is_several
            ]

        return work.look_for(self.kind, sought, ask, told)


def _slug(record: records.OwnField) -> str:
    return record.set.removeprefix(_CRM)


def _name(record: records.OwnField) -> str:
    return f"UF_CRM_K{record.id}"


def own_values(work: OutboundWork, slug: str, record: records.Client) -> dict[str, Any]:
    """By the portal's names of the fields."""
    found: dict[str, Any] = {}
    known = _fields_of(work, slug) if record.own else {}
    for own in record.own:
        row = known.get(own.field)
        if row is None:
            continue
        several = list(_told(work, slug, record, own, row))
        if several:
            found[str(row["FIELD_NAME"])] = several if row.get("MULTIPLE") == "Y" else several[0]
    return found


def _fields_of(work: OutboundWork, slug: str) -> Mapping[str, dict[str, Any]]:
    """By our codes the portal's fields, asked once a run."""
    kept = work.kept.setdefault("own fields", {})
    if slug not in kept:
        asked = Command("f", f"crm.{slug}.userfield.list", {"order": {"ID": "ASC"}, "filter": {}})
        rows = {str(row["ID"]): row for row in rows_in(work.cloud.batch([asked])["f"].result)}
        ours = dict(Field.objects.of(f"{_CRM}{slug}").values_list("pk", "code"))
        theirs = work.all_theirs(FIELD, list(ours))
        kept[slug] = {ours[pk]: rows[one] for pk, one in theirs.items() if one in rows}
    found: Mapping[str, dict[str, Any]] = kept[slug]
    return found


def _told(
    work: OutboundWork, slug: str, record: records.Client, own: records.OwnValue, row: Mapping[str, Any]
) -> Iterator[Any]:
    kind = row.get("USER_TYPE_ID")
    if kind == "employee":
        yield from work.people(own.people)
    elif kind == "file":
        yield from ({"fileData": one} for one in work.contents(slug, record.id, own.files))
    elif kind == "enumeration":
        keys = [(one.get("VALUE"), str(one.get("ID"))) for one in rows_in(row.get("LIST"))]
        yield from (key for text in own.texts for value, key in keys if same(value, text))
    elif kind == "boolean":
        yield from ("1" if text == "yes" else "0" for text in own.texts)
    elif kind == "money":
        yield from (text.replace(" ", "|") for text in own.texts)
    else:
        yield from own.texts
