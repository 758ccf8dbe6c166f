"""What imported tables tell of people, when they are erased: rows that were refused, first rows, and whole
tables that wait."""

from __future__ import annotations

import json
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast, Lower
from django.utils.translation import gettext_lazy, ngettext

from box.core.files.store import NotFound, StoreUnavailable
from box.core.imports.models import ImportProblem, ImportRun
from box.core.imports.tables import rows_of
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Stays
from box.lib.tables import TableRefused

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User


def _known(person: User) -> list[str]:
    rows = _problems_of(person).count()
    said = ngettext("%(num)s row of an imported table", "%(num)s rows of imported tables", rows)
    return [said % {"num": rows}] if rows else []


def _forget(person: User, by: User) -> None:
    _problems_of(person).delete()
    for run in _of(person, ImportRun.objects.all(), "preview"):
        # The headings stay.
        run.preview = [*run.preview[:1], *(row for row in run.preview[1:] if not _is_of(person, row))]
        run.save(update_fields=["preview"])
    # Those that run let their table go when they are done, as all before them did.
    waiting = ImportRun.objects.filter(status=ImportRun.Status.NEW).exclude(blob=None)
    named = [run.pk for run in waiting.select_related("blob") if _is_named_in(run, person)]
    ImportRun.objects.filter(pk__in=named, status=ImportRun.Status.NEW).update(blob=None)


def _is_named_in(run: ImportRun, person: User) -> bool:
    """What cannot be read is taken to name them: it waits to be imported, and can be sent once more."""
    try:
        return any(_is_of(person, list(row.cells)) for row in rows_of(run))
    except (NotFound, StoreUnavailable, TableRefused):
        return True


def _problems_of(person: User) -> QuerySet[ImportProblem]:
    """Rows that were refused, and are kept to be corrected."""
    return _of(person, ImportProblem.objects.all(), "cells")


def _marks(person: User) -> list[tuple[str, ...]]:
    """A row is about the person who has one of these in it, as a whole."""
    marks = [(person.email,), (person.login,), (person.last_name, person.first_name)]
    return [tuple(one.lower() for one in mark) for mark in marks if all(mark)]


def _of[M: Any](person: User, rows: QuerySet[M], column: str) -> QuerySet[M]:
    """Those in which a mark of the person stands."""
    said = rows.annotate(said=Lower(Cast(column, TextField())))
    about = (
        reduce(lambda one, other: one & other, (Q(said__contains=_inside_json(word)) for word in mark))
        for mark in _marks(person)
    )
    found: QuerySet[M] = said.filter(reduce(or_, about))
    return found


def _is_of(person: User, row: list[str]) -> bool:
    said = "\n".join(row).lower()
    return any(all(word in said for word in mark) for mark in _marks(person))


def _inside_json(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)[1:-1]


BELONGINGS = Belongings(
    gettext_lazy("Imported tables"),
    {"imports.ImportRun.by": Belongs(Stays(DECIDED))},
    found=_known,
    erase=_forget,
)
