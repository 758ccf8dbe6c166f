"""One action done to many rows: each by itself, so that one that cannot be does not stop the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.lib import undo

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.lists.definition import Bulk

MOST_ROWS = 500
"""At once: a request that does them is done while one waits for it."""
SHOWN_FAILURES = 20
UNDO_SECONDS = 120


@dataclass(frozen=True)
class Failure:
    """A row with which it could not be, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What came of it. `undo` is a note for `undo_bulk`; nothing where it cannot be undone."""

    said: str
    failures: tuple[Failure, ...] = ()
    undo: str = ""
    is_cut: bool = False
    """More rows matched than are done at once."""

    @property
    def shown(self) -> tuple[Failure, ...]:
        return self.failures[:SHOWN_FAILURES]

    @property
    def others(self) -> int:
        return len(self.failures) - len(self.shown)


def run_bulk[M: models.Model](bulk: Bulk[M], rows: QuerySet[M, M], *, list_key: str, by: User) -> Outcome:
    """Does it to the first `MOST_ROWS` of these rows."""
    chosen = list(rows[: MOST_ROWS + 1])
    states: dict[str, Any] = {}
    failures = []
    done = 0
    for row in chosen[:MOST_ROWS]:
        try:
            with transaction.atomic():
                states[str(row.pk)] = _act(bulk, row, by=by)
            done += 1
        except (ValidationError, PermissionDenied) as error:
            states.pop(str(row.pk), None)
            failures.append(_failure_of(row, error))
    note = undo.note(_kind(list_key, bulk), by_id=by.pk, rows=states) if bulk.restore and states else ""
    said = bulk.done(done) if done or not failures else ""
    return Outcome(said, tuple(failures), note, is_cut=len(chosen) > MOST_ROWS)


def undo_bulk[M: models.Model](
    bulk: Bulk[M], rows: QuerySet[M, M], note: str, *, list_key: str, by: User
) -> Outcome:
    """Makes the rows what they were, but for those that were changed since. Raises ValidationError where it
    is too late for all of them, and PermissionDenied where it cannot be undone."""
    if bulk.state is None or bulk.restore is None:
        raise PermissionDenied(_("This cannot be undone."))
    known = undo.read(note, _kind(list_key, bulk), by_id=by.pk, seconds=UNDO_SECONDS)["rows"]
    there = _standing(bulk, rows.model)
    failures = []
    restored = 0
    for pk in there.filter(pk__in=known).order_by("pk").values_list("pk", flat=True):
        was, became = known[str(pk)]
        row = there.get(pk=pk)
        try:
            with transaction.atomic():
                row = bulk.hold_again(row, was) if bulk.hold_again else _locked(there, pk)
                if bulk.state(row) != became:
                    raise ValidationError(_("It was changed since."), code="undo")
                bulk.restore(row, was, by=by)
            restored += 1
        except (ValidationError, PermissionDenied) as error:
            failures.append(_failure_of(row, error))
    said = ngettext("%(num)s is as it was.", "%(num)s are as they were.", restored) % {"num": restored}
    return Outcome(said, tuple(failures))


def _act[M: models.Model](bulk: Bulk[M], row: M, *, by: User) -> Any:
    """What the row was and what became of it, where that is asked for."""
    if bulk.state is None:
        bulk.act(row, by=by)
        return None
    there = _standing(bulk, type(row))
    row = bulk.hold(row, bulk.act) if bulk.hold else _locked(type(row)._default_manager.all(), row.pk)
    was = bulk.state(row)
    bulk.act(row, by=by)
    return [was, bulk.state(there.get(pk=row.pk))]


def _standing[M: models.Model](bulk: Bulk[M], model: type[M]) -> QuerySet[M, M]:
    """Where rows are found after the action: also those that no filter of the list finds any more."""
    return model._default_manager.all() if bulk.gone is None else bulk.gone


def _locked[M: models.Model](rows: QuerySet[M, M], pk: int) -> M:
    """As nobody changes it meanwhile."""
    return rows.select_for_update(of=("self",), no_key=True).get(pk=pk)


def _failure_of(row: models.Model, error: ValidationError | PermissionDenied) -> Failure:
    reasons = error.messages if isinstance(error, ValidationError) else [str(error)]
    return Failure(str(row), " ".join(reasons) or _("You may not do this."))


def _kind(list_key: str, bulk: Bulk[Any]) -> str:
    return f"{list_key}.{bulk.key}"
