"""The CRM: dictionaries, leads, deals, contacts and companies with what belongs to them, and activities.

Source of the tables: `b_crm_…` of the module crm. Of whom what is, is said by a letter in lines of products,
by a word in phones and addresses, and by a number elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from box.transfer.boxed.answers.base import PAGE, Listed, Method, Question, Row, by_key
from box.transfer.boxed.answers.disk import attached_to
from box.transfer.boxed.answers.own_fields import values_of

_COMMENT = 7
_CONNECTOR = "Crm\\Integration\\Disk\\CommentConnector"


@dataclass(frozen=True)
class Kind:
    slug: str
    number: int
    letter: str

    @property
    def table(self) -> str:
        return f"b_crm_{self.slug}"


KINDS = (Kind("lead", 1, "L"), Kind("deal", 2, "D"), Kind("contact", 3, "C"), Kind("company", 4, "CO"))
_NUMBERS = {kind.slug: kind.number for kind in KINDS}
_MOMENTS = ("DATE_CREATE", "DATE_MODIFY")


def _records(kind: Kind, question: Question) -> Listed:
    found = by_key(question, kind.table)
    ids = [str(row["ID"]) for row in found.rows]
    points = _points(question, kind, ids)
    own = values_of(question, kind.slug, ids)
    rows = [
        {
            **row,
            **{name: question.moment(row[name]) for name in _MOMENTS},
            **points.get(str(row["ID"]), {}),
            **own.get(str(row["ID"]), {}),
        }
        for row in found.rows
    ]
    return replace(found, rows=rows)


def _points(question: Question, kind: Kind, ids: list[str]) -> dict[str, dict[str, list[Row]]]:
    """By the id of a record its phones, e-mails and the like."""
    marks = ", ".join("?" * len(ids)) or "0"
    sql = f"SELECT * FROM b_crm_field_multi WHERE ELEMENT_ID IN ({marks}) AND ENTITY_ID = ? ORDER BY ID"
    found: dict[str, dict[str, list[Row]]] = {}
    for row in question.extract.rows(sql, [*(int(one) for one in ids), kind.slug.upper()]):
        one = {name: row[name] for name in ("ID", "VALUE", "VALUE_TYPE")}
        found.setdefault(str(row["ELEMENT_ID"]), {}).setdefault(str(row["TYPE_ID"]), []).append(one)
    return found


def _requisites(question: Question) -> Listed:
    asked = question.filter()
    ids = [int(one) for one in asked.get("ENTITY_ID", ()) if str(one).isdecimal()]
    of = f"b_crm_requisite WHERE ENTITY_ID IN ({', '.join('?' * len(ids)) or 'NULL'}) AND ENTITY_TYPE_ID = ?"
    values = [*ids, int(asked["ENTITY_TYPE_ID"])]
    sql = f"SELECT ID, ENTITY_ID, RQ_INN FROM {of} ORDER BY ID LIMIT {PAGE} OFFSET ?"
    rows = question.extract.rows(sql, [*values, question.number("start")])
    return Listed(rows, question.extract.count(of, values))


def _statuses(question: Question) -> Listed:
    place = question.number("start")
    rows = question.extract.rows(
        f"SELECT * FROM b_crm_status ORDER BY SORT, ID LIMIT {PAGE} OFFSET ?", [place]
    )
    return Listed(rows, question.extract.count("b_crm_status"))


def _categories(question: Question) -> dict[str, Any]:
    """The first one has no row."""
    rows = question.extract.rows("SELECT * FROM b_crm_deal_category ORDER BY SORT, ID")
    others = [{"id": row["ID"], "name": row["NAME"], "sort": row["SORT"]} for row in rows]
    return {"categories": [{"id": "0", "name": "", "sort": "0"}, *others]}


def _comments(question: Question) -> Listed:
    asked = question.filter()
    number = _NUMBERS.get(str(asked.get("ENTITY_TYPE", "")).lower(), 0)
    of = (
        "b_crm_timeline t JOIN b_crm_timeline_bind b ON b.OWNER_ID = t.ID WHERE b.ENTITY_ID = ?"
        " AND b.ENTITY_TYPE_ID = ? AND t.TYPE_ID = ?"
    )
    owner = str(asked.get("ENTITY_ID", "0"))
    values = [int(owner) if owner.isdecimal() else 0, number, _COMMENT]
    sql = f"SELECT t.ID, t.AUTHOR_ID, t.CREATED, t.COMMENT FROM {of} ORDER BY t.ID LIMIT {PAGE} OFFSET ?"
    rows = question.extract.rows(sql, [*values, question.number("start")])
    files = attached_to(question, _CONNECTOR, [str(row["ID"]) for row in rows])
    told = [
        {**row, "CREATED": question.moment(row["CREATED"]), "FILES": _files(files.get(str(row["ID"]), ()))}
        for row in rows
    ]
    return Listed(told, question.extract.count(of, values))


def _files(attached: Sequence[Row]) -> dict[str, Row]:
    return {
        str(one["ID"]): {"id": one["ID"], "name": one["NAME"], "urlDownload": one["DOWNLOAD_URL"]}
        for one in attached
    }


def _contacts(question: Question) -> list[Row]:
    sql = "SELECT CONTACT_ID, SORT FROM b_crm_deal_contact WHERE DEAL_ID = ? ORDER BY SORT, CONTACT_ID"
    return list(question.extract.rows(sql, [question.number("id")]))


def _lines(kind: Kind, question: Question) -> list[Row]:
    sql = "SELECT * FROM b_crm_product_row WHERE OWNER_ID = ? AND OWNER_TYPE = ? ORDER BY ID"
    return list(question.extract.rows(sql, [question.number("id"), kind.letter]))


def _activities(question: Question) -> Listed:
    found = by_key(question, "b_crm_act")
    moments = ("CREATED", "LAST_UPDATED", "START_TIME", "DEADLINE")
    return replace(
        found, rows=[{**row, **{name: question.moment(row[name]) for name in moments}} for row in found.rows]
    )


def _nothing(question: Question) -> Listed:
    """The catalogue stays there: lines of products say what was sold."""
    return Listed([], 0)


METHODS: Mapping[str, Method] = {
    **{f"crm.{kind.slug}.list": partial(_records, kind) for kind in KINDS},
    **{f"crm.{kind.slug}.productrows.get": partial(_lines, kind) for kind in KINDS[:2]},
    "crm.requisite.list": _requisites,
    "crm.status.list": _statuses,
    "crm.category.list": _categories,
    "crm.timeline.comment.list": _comments,
    "crm.deal.contact.items.get": _contacts,
    "crm.activity.list": _activities,
    "crm.product.list": _nothing,
}
