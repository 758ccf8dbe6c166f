"""The team's table as a file: a row for each person and day, read in portions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from box.apps.worktime.hours import Remark
from box.apps.worktime.presenters import Day, Sheet, hm, sheets
from box.lib.tables import export

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse

    from box.lib.tables import Cell

EXPORTED = "worktime.exported"
PORTION = 200


def remark_names() -> dict[Remark, str]:
    return {
        Remark.FORGOTTEN: _("not finished"),
        Remark.LATE: _("came late"),
        Remark.EARLY: _("left early"),
        Remark.SHORT: _("too short"),
        Remark.ABSENT: _("absent"),
    }


def table_of(kind: str, people: Any, first: date, last: date) -> StreamingHttpResponse:
    head = [
        *(_("Person"), _("Date"), _("Began"), _("Ended"), _("Break"), _("Worked"), _("Minutes worked")),
        _("Remarks"),
    ]
    return export(kind, f"working-days-{first:%Y-%m}", head, _rows(people, first, last))


def _rows(people: Any, first: date, last: date) -> Iterator[list[Cell]]:
    names = remark_names()
    below = None
    while found := list((people.below(below) if below else people).by_name()[:PORTION]):
        for sheet in sheets(found, first, last):
            yield from _days(sheet, names)
        below = found[-1]


def _days(sheet: Sheet, names: dict[Remark, str]) -> Iterator[list[Cell]]:
    for day in sheet.days:
        if day.work or day.remarks or day.absence:
            yield [
                *(sheet.person.full_name, day.on, day.started, day.finished, hm(day.paused)),
                *(day.worked_text, int(day.worked.total_seconds()) // 60),
                ", ".join(_remarks(day, names)),
            ]


def _remarks(day: Day, names: dict[Remark, str]) -> Iterator[str]:
    yield from (names[remark] for remark in day.remarks)
    if day.absence:
        yield day.absence.get_kind_display()
