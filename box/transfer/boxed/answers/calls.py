"""Calls of the portal's telephony. Source of the table: `b_voximplant_statistic` of the module voximplant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from box.transfer.boxed.answers.base import Listed, Method, Question, Row, by_key, file_address


def _calls(question: Question) -> Listed:
    found = by_key(question, "b_voximplant_statistic")
    return replace(found, rows=[_told(question, row) for row in found.rows])


def _told(question: Question, row: Row) -> Row:
    """What was recorded lies on a drive, or among the files alone."""
    on_drive = row.pop("CALL_WEBDAV_ID")
    return {
        **row,
        "CALL_TYPE": row.pop("INCOMING"),
        "CALL_START_DATE": question.moment(row["CALL_START_DATE"]),
        "RECORD_FILE_ID": on_drive if on_drive != "0" else None,
        "CALL_RECORD_URL": file_address(row.pop("CALL_RECORD_ID")),
    }


METHODS: Mapping[str, Method] = {"voximplant.statistic.get": _calls}
