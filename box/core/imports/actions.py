"""Every write of imports: a table is taken, started, imported step by step, and undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import batched, islice
from typing import IO, TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from box.core.events.outbox import emit
from box.core.imports.events import ImportFinished, ImportStarted, ImportUndone
from box.core.imports.importers import Context, Entry, Taken, importer_of
from box.core.imports.models import ImportedRow, ImportProblem, ImportRun
from box.core.imports.tables import keep, look_into, rows_below, table_of
from box.core.registry.company import TIME_ZONE
from box.core.registry.settings import as_of, read_version
from box.lib.bulk import copy_rows
from box.lib.tables import Reading, TableRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.core.accounts.models import User
    from box.core.imports.importers import Importer
    from box.lib.tables import Row

BATCH = 500
MOST_NAMED = 5
Status, Duplicates = ImportRun.Status, ImportRun.Duplicates


def begin_import(importer: Importer[Any], file: IO[bytes], name: str, *, by: User) -> ImportRun:
    """Keeps the table, and what its first rows look like. Raises TableRefused, and StoreUnavailable."""
    run = ImportRun(importer=importer.key, by=by, name=name[:255], total=0)
    run.duplicates = importer.duplicates[0]
    look_into(file, run, importer)
    with transaction.atomic():
        run.blob = keep(file)
        run.save()
    return run


def read_anew(run: ImportRun, reading: Reading, head: int) -> None:
    """In another encoding, parted otherwise, with other headings. Raises TableRefused, and ValidationError
    for one that was started."""
    importer = importer_of(run)
    with table_of(run) as file:
        run.reading = asdict(reading)
        look_into(file, run, importer, head=head)
    changed = ImportRun.objects.filter(pk=run.pk, status=Status.NEW).update(
        reading=run.reading, head=run.head, preview=run.preview, columns=run.columns, total=run.total
    )
    if not changed:
        raise ValidationError(_("This import was started already."))


@transaction.atomic
def start_import(
    run: ImportRun,
    columns: Sequence[str],
    *,
    options: Sequence[str] = (),
    duplicates: str = "",
    by: User,
) -> None:
    """From here on it goes by itself. Starting it twice starts it once. Raises ValidationError, and
    PermissionDenied for another than who has brought the table: it is imported in their name."""
    if by.pk != run.by_id:
        raise PermissionDenied(_("Whoever has brought the table imports it."))
    importer = importer_of(run)
    _check(importer, columns)
    waiting = ImportRun.objects.filter(pk=run.pk, status=Status.NEW)
    if waiting.filter(blob=None).exists():
        raise ValidationError(
            _(
                "This table told of somebody whose personal data were erased meanwhile, and is gone: take a"
                " new one without them from where it came from, and import that."
            )
        )
    known = {one.key for one in importer.options}
    chosen = duplicates if duplicates in importer.duplicates else importer.duplicates[0]
    now = timezone.now()
    started = waiting.exclude(blob=None).update(
        columns=list(columns), options=[one for one in options if one in known], duplicates=chosen,
        language=by.language, status=Status.RUNNING, started_at=now, moved_at=now,
    )  # fmt: skip
    if started:
        emit(ImportStarted(run_id=run.pk, by_id=by.pk))


def _check(importer: Importer[Any], columns: Sequence[str]) -> None:
    used = [key for key in columns if key]
    if unknown := set(used) - {one.key for one in importer.fields()}:
        raise ValidationError(_("There is no such field: %(names)s.") % {"names": ", ".join(sorted(unknown))})
    if len(set(used)) != len(used):
        raise ValidationError(_("Two columns are for the same field: leave one of them out."))
    importer.check(set(used))


def context_of(run: ImportRun, options: Sequence[str] | None = None) -> Context:
    """`options`: of one that has not been started, as they are chosen so far."""
    return Context(run, run.by, frozenset(run.options if options is None else options))


def go_on(run: ImportRun) -> None:
    """Imports what is left, in steps of their own, and lets the table go. Call with the run's lock held."""
    with table_of(run) as file, _as_the_reader(run):
        rows = rows_below(file, run)
        work = _Work(importer_of(run), context_of(run))
        work.remember(islice(rows, run.done))
        for batch in batched(rows, BATCH, strict=False):
            work.step(batch)
    _finish(run)


@contextmanager
def _as_the_reader(run: ImportRun) -> Iterator[None]:
    """In the language of whoever imports, and by their clock, as the preview was; settings and fields are
    those of now, read once."""
    with (
        translation.override(run.language or None),
        as_of(read_version()),
        timezone.override(ZoneInfo(run.by.time_zone or TIME_ZONE.value)),
    ):
        yield


def break_off(run: ImportRun, why: TableRefused | None = None) -> None:
    """Ends what cannot go on. The rows before stay, and can be undone; of an undo nothing is done."""
    with translation.override(run.language or None):
        said = " ".join(why.messages) if why else ""
        said = said or _("It broke off because of an error: tell an administrator.")
        undoing = ImportRun.objects.filter(pk=run.pk, status=Status.UNDOING)
        if not undoing.update(status=Status.DONE, problem=said):
            _finish(run, problem=said)


@transaction.atomic
def _finish(run: ImportRun, *, problem: str = "") -> None:
    over = {"status": Status.DONE, "finished_at": timezone.now(), "blob": None, "problem": problem}
    if not ImportRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(**over):
        return
    run.refresh_from_db()
    emit(
        ImportFinished(
            run_id=run.pk,
            by_id=run.by_id,
            importer=run.importer,
            name=run.name,
            rows=run.done,
            created=run.created,
            changed=run.changed,
            failed=run.failed,
        )
    )


class _Work[R]:
    """Takes the rows of one run. `seen` are the keys of the rows above, with the first row that has each, and
    `corrected` the objects that are there already, with the first row that is about each."""

    def __init__(self, importer: Importer[R], context: Context) -> None:
        self.importer, self.context = importer, context
        self.seen: dict[str, int] = {}
        self.corrected: dict[int, int] = {}

    def remember(self, rows: Iterable[Row]) -> None:
        """Of rows that were taken before the process was killed."""
        for some in batched(rows, BATCH, strict=False):
            self._entries(self._sorted(some, {}), {})

    @transaction.atomic
    def step(self, rows: Sequence[Row]) -> None:
        """One transaction: what it did and how far it got are there together, or not at all."""
        problems: dict[int, str] = {}
        understood = self._sorted(rows, problems)
        taken = self.importer.take(self._entries(understood, problems), self.context)
        problems |= {one.number: one.problem for one in taken if one.problem}
        done = [one for one in taken if not one.problem and (one.is_new or one.is_changed)]
        self._write(rows, problems, done)

    def _sorted(self, rows: Sequence[Row], problems: dict[int, str]) -> dict[int, R]:
        """Those that are understood and like no row above; what is wrong with the others."""
        understood: dict[int, R] = {}
        for row in rows:
            found = self._understood(row)
            if isinstance(found, str):
                problems[row.number] = found
            elif above := self._above(row.number, found):
                problems[row.number] = _said_above(above)
            else:
                understood[row.number] = found
        return understood

    def _understood(self, row: Row) -> R | str:
        """Or why it is not."""
        columns = self.context.run.columns
        cells = {key: cell for key, cell in zip(columns, row.cells, strict=False) if key and cell}
        try:
            return self.importer.understand(cells, self.context)
        except ValidationError as error:
            return " ".join(error.messages)

    def _above(self, number: int, row: R) -> int:
        """The row above that is about the same; from here on this one is."""
        if self.context.run.duplicates == Duplicates.ADD:
            return 0
        keys = self.importer.keys(row)
        above = min((self.seen[key] for key in keys if key in self.seen), default=0)
        if not above:
            self.seen |= dict.fromkeys(keys, number)
        return above

    def _entries(self, understood: Mapping[int, R], problems: dict[int, str]) -> list[Entry[R]]:
        """With the objects that are there; without those that are left as they are."""
        duplicates = self.context.run.duplicates
        if duplicates == Duplicates.ADD:
            return [Entry(number, row) for number, row in understood.items()]
        keys = {number: frozenset(self.importer.keys(row)) for number, row in understood.items()}
        known = self.importer.known(frozenset().union(*keys.values()), self.context)
        entries = []
        for number, row in understood.items():
            same = {known[key] for key in keys[number] if key in known}
            if len(same) > 1:
                has = ", ".join(sorted(key for key in keys[number] if key in known))
                problems[number] = _("This is in several already: %(keys)s.") % {"keys": has}
            elif not same:
                entries.append(Entry(number, row))
            elif duplicates == Duplicates.MERGE:
                pk = same.pop()
                # One row knew it by its address, say, and another by its number.
                if (above := self.corrected.setdefault(pk, number)) != number:
                    problems[number] = _said_above(above)
                else:
                    entries.append(Entry(number, row, pk))
        return entries

    def _write(self, rows: Sequence[Row], problems: Mapping[int, str], done: Sequence[Taken]) -> None:
        run = self.context.run
        ImportProblem.objects.bulk_create(
            ImportProblem(run=run, row=row.number, text=problems[row.number], cells=list(row.cells))
            for row in rows
            if row.number in problems
        )
        if self.importer.is_undoable:
            self._remember_for_undo(done)
        created = sum(one.is_new for one in done)
        ImportRun.objects.filter(pk=run.pk).update(
            done=F("done") + len(rows),
            created=F("created") + created,
            changed=F("changed") + len(done) - created,
            failed=F("failed") + len(problems),
            moved_at=timezone.now(),
        )

    def _remember_for_undo(self, done: Sequence[Taken]) -> None:
        states = self.importer.states([pk for one in done for pk in (one.object_id, *one.along)])
        rows = [
            (
                self.context.run.pk,
                one.number,
                pk,
                states[pk],
                None if before is None else Jsonb(before),
                is_new,
            )
            for one in done
            for pk, before, is_new in (
                *((pk, None, True) for pk in one.along),
                (one.object_id, one.before, one.is_new),
            )
        ]
        copy_rows(ImportedRow, ("run", "row", "object_id", "state", "before", "is_new"), rows)


def _said_above(number: int) -> str:
    return _("Row %(row)s above is the same.") % {"row": number}


# Undoing


def can_undo(run: ImportRun) -> bool:
    """Whether it is of a kind that can be, and not too long ago: see `box.core.imports.jobs.forget_rows`."""
    return run.status == Status.DONE and importer_of(run).is_undoable and run.rows.exists()


@transaction.atomic
def start_undo(run: ImportRun, *, by: User) -> None:
    """Everything that the import did is taken back, or nothing. Raises ValidationError."""
    if not can_undo(run):
        raise ValidationError(_("This import cannot be undone any more."))
    begun = ImportRun.objects.filter(pk=run.pk, status=Status.DONE).update(
        status=Status.UNDOING, problem="", moved_at=timezone.now()
    )
    if begun:
        emit(ImportStarted(run_id=run.pk, by_id=by.pk, is_undo=True))


def undo(run: ImportRun) -> None:
    """In one transaction, also for tens of thousands of rows: killed, it has done nothing and begins anew."""
    with _as_the_reader(run):
        try:
            _undo(run)
        except ValidationError as error:
            ImportRun.objects.filter(pk=run.pk, status=Status.UNDOING).update(
                status=Status.DONE, problem=" ".join(error.messages)
            )


@transaction.atomic
def _undo(run: ImportRun) -> None:
    importer, context = importer_of(run), context_of(run)
    rows = list(run.rows.order_by("-id"))
    if not rows:
        # They were forgotten while it waited.
        raise ValidationError(_("This import cannot be undone any more."))
    # What a later row has left is what counts, where several rows were about one object.
    left = {row.object_id: row for row in reversed(rows)}
    for ids in batched(left, BATCH, strict=False):
        states = importer.states(ids)
        changed = [left[pk] for pk in ids if states.get(pk) != left[pk].state]
        if changed:
            raise ValidationError(
                _("Something has changed since in what these rows made, so nothing was undone: %(rows)s.")
                % {"rows": ", ".join(str(row.row) for row in changed[:MOST_NAMED])}
            )
    new = {row.object_id for row in rows if row.is_new}
    for before in _steps_back(row for row in rows if not row.is_new and row.object_id not in new):
        importer.restore(before, context)
    for ids in batched(sorted(new, reverse=True), BATCH, strict=False):
        importer.remove(ids, context)
    run.rows.all().delete()
    ImportRun.objects.filter(pk=run.pk).update(status=Status.UNDONE, moved_at=timezone.now())
    emit(ImportUndone(run_id=run.pk, by_id=run.by_id, importer=run.importer, name=run.name, rows=len(left)))


def _steps_back(rows: Iterable[ImportedRow]) -> Iterator[dict[int, Any]]:
    """What objects were by their numbers, each once in a step: several rows may have changed one."""
    step: dict[int, Any] = {}
    for row in rows:
        if len(step) == BATCH or row.object_id in step:
            yield step
            step = {}
        step[row.object_id] = row.before
    if step:
        yield step
