"""Fields that the company has added to tasks and to the CRM, and what stands in them.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/user-defined-fields/ and
https://apidocs.bitrix24.com/api-reference/tasks/user-field/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, override

from django.utils.translation import gettext_lazy

from box.apps.tasks.fields import TASK_FIELDS
from box.core.fields.models import Field
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.own_fields import TYPES, fields
from box.transfer.cloud import Command
from box.transfer.outbound.base import OutboundStage, OutboundWork, Write, rows_in, same
from box.transfer.stages.own_fields import FIELD, TASK, TASK_FIELD

_CRM = "crm."
_TYPES: Mapping[str, str] = {
    Field.Kind.TEXT: "string", Field.Kind.LONG: "string", Field.Kind.PHONE: "string",
    Field.Kind.EMAIL: "string", Field.Kind.NUMBER: "double", Field.Kind.MONEY: "money",
    Field.Kind.DATE: "date", Field.Kind.MOMENT: "datetime", Field.Kind.CHOICE: "enumeration",
    Field.Kind.YES_NO: "boolean", Field.Kind.PERSON: "employee", Field.Kind.LINK: "url",
    Field.Kind.FILE: "file",
}  # fmt: skip
"""What the portal calls each kind. What it has none of (a department, something of the portal) stays."""
_OF_TASKS = _TYPES.keys() - {Field.Kind.FILE}
_TYPES_OF_TASKS = frozenset({"string", "double", "datetime", "boolean"})
"""Those that fields of tasks have in the cloud; what is of another is a text there."""


class OwnFields(OutboundStage[records.OwnField]):
    key = "fields"
    label = gettext_lazy("Own fields of the CRM")
    kind = FIELD
    scope = "crm"
    is_recognised = True
    parameter: ClassVar[str] = "fields"
    """What the method that makes one calls what it is told."""

    @override
    def things(self, scope: Scope) -> Iterator[records.OwnField]:
        return (one for one in fields(scope) if one.set.removeprefix(_CRM) in TYPES and one.kind in _TYPES)

    @override
    def count(self, scope: Scope) -> int:
        return sum(1 for _one in self.things(scope))

    @override
    def write(self, work: OutboundWork, record: records.OwnField) -> Write:
        slug = _slug(record)
        fields_: dict[str, Any] = {
            "FIELD_NAME": record.code if work.takes_over else _name(record),
            "USER_TYPE_ID": _type(work, record),
            "EDIT_FORM_LABEL": self.label_of(record), "LIST_COLUMN_LABEL": self.label_of(record),
            "HELP_MESSAGE": record.help,
            "MULTIPLE": "Y" if record.is_several else "N",
            "MANDATORY": "Y" if record.is_required and work.takes_over else "N",
        }  # fmt: skip
        if fields_["USER_TYPE_ID"] == "enumeration":
            fields_["LIST"] = [{"VALUE": one, "SORT": 10 * n} for n, one in enumerate(record.choices, 1)]
        if record.kind == Field.Kind.LONG:
            fields_["SETTINGS"] = {"ROWS": 5}
        if record.currency and work.takes_over:
            fields_["SETTINGS"] = {"DEFAULT_VALUE": f"|{record.currency}"}
        return Write(f"{_group(slug)}.add", {self.parameter: fields_})

    def label_of(self, record: records.OwnField) -> Any:
        return record.name

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.OwnField]) -> Mapping[int, str]:
        """By the name that we give one, or by the one that it came with."""

        def ask(one: records.OwnField) -> Write:
            return Write(*_listing(_slug(one)))

        def told(one: records.OwnField, result: Any) -> list[str]:
            return [
                str(row["ID"])
                for row in rows_in(result)
                if row.get("FIELD_NAME") in (_name(one), one.code)
                and row.get("USER_TYPE_ID") == _type(work, one)
                and (row.get("MULTIPLE") == "Y") == one.is_several
            ]

        return work.look_for(self.kind, sought, ask, told)


class TaskFields(OwnFields):
    """The same of tasks. Before them there are no clients, so what points at one stays; so do files."""

    key = "task-fields"
    label = gettext_lazy("Own fields of tasks")
    kind = TASK_FIELD
    scope = "task"
    parameter = "PARAMS"

    @override
    def things(self, scope: Scope) -> Iterator[records.OwnField]:
        return (one for one in fields(scope) if one.set == TASK_FIELDS.key and one.kind in _OF_TASKS)

    @override
    def label_of(self, record: records.OwnField) -> Any:
        return {"en": record.name, "ru": record.name}


def _slug(record: records.OwnField) -> str:
    return TASK if record.set == TASK_FIELDS.key else record.set.removeprefix(_CRM)


def _group(slug: str) -> str:
    return "task.item.userfield" if slug == TASK else f"crm.{slug}.userfield"


def _listing(slug: str) -> tuple[str, Mapping[str, Any]]:
    """The method that tells of all fields, and its parameters."""
    if slug == TASK:
        return f"{_group(slug)}.getlist", {"ORDER": {"ID": "ASC"}, "FILTER": {}}
    return f"{_group(slug)}.list", {"order": {"ID": "ASC"}, "filter": {}}


def _type(work: OutboundWork, record: records.OwnField) -> str:
    found = _TYPES[record.kind]
    is_unknown = record.set == TASK_FIELDS.key and found not in _TYPES_OF_TASKS and not work.takes_over
    return "string" if is_unknown else found


def _name(record: records.OwnField) -> str:
    return f"UF_TASK_K{record.id}" if record.set == TASK_FIELDS.key else f"UF_CRM_K{record.id}"


def own_values(work: OutboundWork, slug: str, record: records.Client | records.Task) -> dict[str, Any]:
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
        asked = Command("f", *_listing(slug))
        rows = {str(row["ID"]): row for row in rows_in(work.cloud.batch([asked])["f"].result)}
        is_of_tasks = slug == TASK
        key = TASK_FIELDS.key if is_of_tasks else f"{_CRM}{slug}"
        ours = dict(Field.objects.of(key).values_list("pk", "code"))
        theirs = work.all_theirs(TASK_FIELD if is_of_tasks else FIELD, list(ours))
        kept[slug] = {ours[pk]: rows[one] for pk, one in theirs.items() if one in rows}
    found: Mapping[str, dict[str, Any]] = kept[slug]
    return found


def _told(
    work: OutboundWork,
    slug: str,
    record: records.Client | records.Task,
    own: records.OwnValue,
    row: Mapping[str, Any],
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
        yield from map(work.name_of, own.people)
