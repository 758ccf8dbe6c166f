"""Departments. They come as a tree from the top down; who leads and belongs to them comes with the people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, override

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.structure.actions import create_department, move_department, rename_department
from box.core.structure.models import Department
from box.transfer.ledger import CloudLedger, Extra, Row, digest_of
from box.transfer.stages.base import Page, Stage, Work, counted, ids_in, line

LONGEST_NAME = 200
_MOST_AT_ONCE = 50


def departments_of(work: CloudLedger) -> list[Row]:
    """All of them, asked once a run: there are few, and people say only their numbers."""
    if "departments" not in work.kept:
        rows: dict[str, Row] = {}
        for _start, page in counted(work, "department.get", sort="ID", order="ASC"):
            rows |= {str(row["ID"]): row for row in page if str(row.get("ID", "")).isdecimal()}
        work.kept["departments"] = list(rows.values())
    found: list[Row] = work.kept["departments"]
    return found


def top_down(rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
    """Each behind the one above it, with the id of that: None for the one at the top. Whatever stands under
    itself, or under what there is not, stands below the top. Pure."""
    by_id = {str(row["ID"]): row for row in rows}
    above = {theirs: next(iter(ids_in(row.get("PARENT"))), "") for theirs, row in by_id.items()}
    top = next((theirs for theirs in by_id if above[theirs] not in by_id), next(iter(by_id), None))
    if top is None:
        return []
    found: list[tuple[Row, str | None]] = [(by_id[top], None)]
    placed = {top}
    while len(placed) < len(by_id):
        ready = [one for one in by_id if one not in placed and above[one] in placed]
        # Whatever is left stands in a circle, or beside the top.
        lost = [one for one in by_id if one not in placed] if not ready else []
        for theirs in ready or lost[:1]:
            found.append((by_id[theirs], above[theirs] if ready else top))
            placed.add(theirs)
    return found


class Departments(Stage):
    key = "departments"
    label = gettext_lazy("Departments")
    kind = "department"

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        ordered = top_down(departments_of(work))
        rows = [{**row, "_above": above} for row, above in ordered]
        for start in range(int(cursor.get("start", 0)), len(rows), _MOST_AT_ONCE):
            yield Page(rows[start : start + _MOST_AT_ONCE], {"start": start + _MOST_AT_ONCE})

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs, name = self.id_of(row), self._name(row)
        if row["_above"] is None:
            # The box's own top is the company, whatever it is called there.
            top = Department.objects.standing().filter(parent=None).first()
            if top is not None:
                work.took(self.kind, theirs, top.pk, digest=digest_of(row), is_new=False)
                return top.pk
            above = None
        else:
            if ids_in(row.get("PARENT")) != [row["_above"]]:
                said = _("“%(name)s” stood under itself, or under one that there is not: it is at the top.")
                work.remark(self.kind, theirs, said % {"name": name})
            above = Department.objects.get(pk=work.ours(self.kind, row["_above"]))
        made = create_department(name, parent=above, by=None)
        work.took(self.kind, theirs, made.pk, digest=digest_of(row))
        return made.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        department = Department.objects.standing().filter(pk=ours).first()
        if department is None or row["_above"] is None:
            return
        rename_department(department, self._name(row), by=None)
        under = Department.objects.standing().filter(pk=work.ours(self.kind, row["_above"])).first()
        if under is not None:
            move_department(department, under, by=None)

    def _name(self, row: Row) -> str:
        return line(row.get("NAME"), LONGEST_NAME) or _("Department %(id)s") % {"id": row["ID"]}
