"""Fields that a company has added to its CRM and to tasks, and what stands in them.

Source of the tables: `b_user_field`, `b_user_field_lang`, `b_user_field_enum`; values stand in a table
for each kind of things, `b_uts_crm_deal` and `b_uts_tasks_task`, in a column for each field, several of them
serialized by PHP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from box.lib.numbers import whole_number
from box.lib.php_serialized import NotSerialized, several, unserialized
from box.transfer.boxed.answers.base import Listed, Method, Question, Row, Unknown, file_address

SLUGS = {"1": "lead", "2": "deal", "3": "contact", "4": "company"}
_TASK = "TASKS_TASK"


def _fields(slug: str, question: Question) -> Listed:
    rows = [_told(question, row) for row in _definitions(question, slug)]
    place = question.number("start")
    return Listed(rows[place:], len(rows))


def _definitions(question: Question, slug: str) -> list[dict[str, str | None]]:
    sql = "SELECT * FROM b_user_field WHERE ENTITY_ID = ? ORDER BY SORT, ID"
    return question.extract.rows(sql, [_TASK if slug == "task" else f"CRM_{slug.upper()}"])


def _told(question: Question, row: Row) -> Row:
    labels = question.extract.rows("SELECT * FROM b_user_field_lang WHERE USER_FIELD_ID = ?", [row["ID"]])
    language = str(question.filter().get("LANG") or question.language)
    # In the language of whoever asks; a portal of another one has none in it.
    label: Row = next((one for one in labels if one["LANGUAGE_ID"] == language), labels[0] if labels else {})
    told = {
        **row,
        "SETTINGS": _settings(row["SETTINGS"]),
        "EDIT_FORM_LABEL": label.get("EDIT_FORM_LABEL"),
        "HELP_MESSAGE": label.get("HELP_MESSAGE"),
    }
    if row["USER_TYPE_ID"] == "enumeration":
        sql = "SELECT ID, VALUE, SORT FROM b_user_field_enum WHERE USER_FIELD_ID = ? ORDER BY SORT, ID"
        told["LIST"] = question.extract.rows(sql, [row["ID"]])
    return told


def _settings(told: str | None) -> Any:
    try:
        return unserialized(told or "")
    except NotSerialized:
        return {}


def _task_field(question: Question) -> Row:
    sql = "SELECT * FROM b_user_field WHERE ENTITY_ID = ? AND ID = ?"
    row = question.extract.first(sql, [_TASK, question.number("id")])
    if not row:
        raise Unknown("Not found")
    return _told(question, row)


def values_of(question: Question, slug: str, ids: Sequence[str]) -> dict[str, Row]:
    """By the id of a record, or a task, what it has in the company's own fields."""
    own = question.extract.own("b_uts_tasks_task" if slug == "task" else f"b_uts_crm_{slug}", ids)
    known = {str(row["FIELD_NAME"]): row for row in _definitions(question, slug)} if own else {}
    return {
        theirs: {name: _value(question, known[name], told) for name, told in row.items() if name in known}
        for theirs, row in own.items()
    }


def _value(question: Question, field: Row, told: str | None) -> Any:
    values: list[Any] = (
        several(told) if field["MULTIPLE"] == "Y" else [told] if told not in (None, "") else []
    )
    if field["USER_TYPE_ID"] == "datetime":
        values = [question.moment(one) for one in values]
    elif field["USER_TYPE_ID"] == "file":
        values = [{"id": one} for one in values if whole_number(str(one))]
    return values if field["MULTIPLE"] == "Y" else values[0] if values else None


def _item(question: Question) -> dict[str, Any]:
    """A record alone has the addresses of the files in its fields."""
    slug, theirs = SLUGS.get(str(question.given.get("entitytypeid")), ""), str(question.number("id"))
    if not slug:
        raise Unknown("Not found")
    row = values_of(question, slug, [theirs]).get(theirs, {})
    return {"item": {"id": theirs, **{name: _with_files(question, value) for name, value in row.items()}}}


def _with_files(question: Question, value: Any) -> Any:
    if isinstance(value, list):
        return [_with_files(question, one) for one in value]
    if isinstance(value, dict):
        found = question.extract.first("SELECT ORIGINAL_NAME FROM b_file WHERE ID = ?", [int(value["id"])])
        return {**value, "name": found.get("ORIGINAL_NAME"), "urlMachine": file_address(value["id"])}
    return value


METHODS: Mapping[str, Method] = {
    **{f"crm.{slug}.userfield.list": partial(_fields, slug) for slug in SLUGS.values()},
    "crm.item.get": _item,
    "task.item.userfield.getlist": partial(_fields, "task"),
    "task.item.userfield.get": _task_field,
}
