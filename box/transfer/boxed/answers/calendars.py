"""Calendars and events. A series stands in the table once, with its rule: so it is told once, at its begin.

Source of the tables: `b_calendar_section`, `b_calendar_event` of the module calendar; whoever is invited has
a row of their own there, below that of the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from box.lib.numbers import whole_number
from box.transfer.boxed.answers.base import Method, Question, Row


def _sections(question: Question) -> list[Row]:
    sql = (
        "SELECT * FROM b_calendar_section WHERE CAL_TYPE = ? AND coalesce(OWNER_ID, 0) = ?"
        " AND coalesce(ACTIVE, 'Y') = 'Y' ORDER BY ID"
    )
    return list(question.extract.rows(sql, _owner(question)))


def _events(question: Question) -> list[Row]:
    """Those that begin within the stretch."""
    since, until = (str(question.given.get(name, ""))[:10] for name in ("from", "to"))
    sql = (
        "SELECT e.*, (SELECT s.SECT_ID FROM b_calendar_event_sect s WHERE s.EVENT_ID = e.ID) AS SECT_ID"
        " FROM b_calendar_event e WHERE e.CAL_TYPE = ? AND e.OWNER_ID = ? AND e.DATE_FROM >= ?"
        " AND e.DATE_FROM <= ? AND coalesce(e.DELETED, 'N') <> 'Y' AND coalesce(e.ACTIVE, 'Y') = 'Y'"
        " ORDER BY e.DATE_FROM DESC, e.ID DESC"
    )
    rows = question.extract.rows(sql, [*_owner(question), since, f"{until} 23:59:59"])
    return [_told(question, row) for row in rows]


def _owner(question: Question) -> list[Any]:
    return [str(question.given.get("type", "")), question.number("ownerid")]


def _told(question: Question, row: Row) -> Row:
    is_all_day = row["DT_SKIP_TIME"] == "Y"
    return {
        **{name: value for name, value in row.items() if name not in ("DATE_FROM", "DATE_TO", "SECTION_ID")},
        "DATE_FROM_FORMATTED": _formatted(row["DATE_FROM"], is_all_day=is_all_day),
        "DATE_TO_FORMATTED": _formatted(row["DATE_TO"], is_all_day=is_all_day),
        "DATE_CREATE": question.moment(row["DATE_CREATE"]),
        "SECT_ID": row["SECT_ID"] or row["SECTION_ID"],
        "RRULE": _rule(row["RRULE"]),
        "IS_MEETING": row["IS_MEETING"] in ("1", "Y"),
        "ATTENDEE_LIST": _people(question, row),
    }


def _people(question: Question, row: Row) -> list[Row]:
    """The host first, then whoever has a row below theirs."""
    if row["IS_MEETING"] not in ("1", "Y"):
        return []
    sql = (
        "SELECT ID, OWNER_ID, MEETING_STATUS FROM b_calendar_event WHERE PARENT_ID = ? AND ID <> PARENT_ID"
        " AND CAL_TYPE = 'user' AND coalesce(DELETED, 'N') <> 'Y' ORDER BY ID"
    )
    parent = row["PARENT_ID"] or row["ID"]
    others = [
        {"id": one["OWNER_ID"], "entryId": one["ID"], "status": one["MEETING_STATUS"]}
        for one in question.extract.rows(sql, [parent])
        if one["OWNER_ID"] != row["MEETING_HOST"]
    ]
    return [{"id": row["MEETING_HOST"], "entryId": parent, "status": "H"}, *others]


def _rule(told: str | None) -> Any:
    """`FREQ=WEEKLY;BYDAY=MO,WE` as the object that it is to programs."""
    parts = dict(part.partition("=")[::2] for part in (told or "").split(";") if "=" in part)
    found: dict[str, Any] = {
        name: parts[name] for name in ("FREQ", "INTERVAL", "COUNT", "UNTIL") if parts.get(name)
    }
    if days := [day for day in parts.get("BYDAY", "").split(",") if day]:
        found["BYDAY"] = {day: day for day in days}
    if "UNTIL" in found and whole_number(found["UNTIL"], digits=11):
        # Of older versions: in seconds.
        found["UNTIL_TS"] = found.pop("UNTIL")
    return found or ""


def _formatted(told: str | None, *, is_all_day: bool) -> str:
    try:
        found = datetime.strptime(told or "", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - a day and an hour on a wall
    except ValueError:
        return ""
    return found.strftime("%a %b %d %Y" if is_all_day else "%a %b %d %Y %H:%M:%S")


METHODS: Mapping[str, Method] = {"calendar.section.get": _sections, "calendar.event.get": _events}
