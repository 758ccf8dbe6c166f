"""The table of a run: kept, read in the way that was chosen for it, and guessed at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.files import recall
from box.core.files.models import Blob, new_key
from box.core.files.store import NotFound, store
from box.core.imports.models import ImportRun
from box.lib.tables import LARGEST_FILE, Reading, Row, TableRefused, guess_reading, read_table

if TYPE_CHECKING:
    from box.core.imports.importers import Importer, ImportField

MOST_ROWS = 100_000
PREVIEWED = 8
SHOWN_LETTERS = 500
# Above the headings there may be a title, a date, an empty line.
LOOKED_THROUGH = 10
REMEMBERED = 20
CONTENT_TYPE = "application/octet-stream"


def keep(file: IO[bytes]) -> Blob:
    """Before the row that needs it, so that nothing in the store is without one."""
    file.seek(0)
    data = file.read(LARGEST_FILE + 1)
    now = timezone.now()
    key = new_key(now)
    store().write(key, data, content_type=CONTENT_TYPE)
    return Blob.objects.create(
        key=key,
        size=len(data),
        inspected_at=now,
        sha256=sha256(data).hexdigest(),
        content_type=CONTENT_TYPE,
    )


@contextmanager
def table_of(run: ImportRun) -> Iterator[IO[bytes]]:
    """Raises NotFound where it was let go, and StoreUnavailable."""
    if run.blob is None:
        raise NotFound
    with SpooledTemporaryFile(max_size=4 * 2**20) as file:
        for chunk in recall.read(run.blob):
            file.write(chunk)
        yield file


def rows_of(run: ImportRun) -> Iterator[Row]:
    """Of a table that waits to be imported, without its headings."""
    with table_of(run) as file:
        yield from rows_below(file, run)


def rows_below(file: IO[bytes], run: ImportRun) -> Iterator[Row]:
    for row in read_table(file, Reading(**run.reading), most_rows=MOST_ROWS):
        if row.number > run.head:
            yield row


def look_into(file: IO[bytes], run: ImportRun, importer: Importer[Any], *, head: int = 0) -> None:
    """Writes into the run what its table looks like: its headings, in row `head` or where they are guessed,
    its first rows, how many there are, and what the columns may mean. Raises TableRefused."""
    if not run.reading:
        run.reading = asdict(guess_reading(file))
    rows = read_table(file, Reading(**run.reading), most_rows=MOST_ROWS)
    first = list(islice(rows, LOOKED_THROUGH + PREVIEWED))
    fields = importer.fields()
    heads = [row for row in first if row.number == head] if head else [_guessed_head(first, fields)]
    if not heads or heads[0] is None:
        raise TableRefused(_("The table needs a row of headings and a row for each thing."))
    heading = heads[0]
    below = [row for row in first if row.number > heading.number]
    if rows.count is None:
        run.total = len(below) + sum(1 for _row in rows)
    else:
        # Reading a spreadsheet of 100,000 rows takes a minute, in which the worker answers hardly anybody.
        run.total = max(len(below), rows.count - (len(first) - len(below)))
    if not run.total:
        raise TableRefused(_("The table needs a row of headings and a row for each thing."))
    run.head = heading.number
    run.preview = [[cell[:SHOWN_LETTERS] for cell in row.cells] for row in (heading, *below[:PREVIEWED])]
    run.columns = guessed(heading.cells, fields, remembered(run))


def _guessed_head(rows: Sequence[Row], fields: Sequence[ImportField]) -> Row | None:
    """The first of those rows at the beginning that hold the most known headings; where none does, the first
    that is as wide as the widest of them."""
    rows = rows[:LOOKED_THROUGH]
    if not rows:
        return None
    known = [sum(bool(one) for one in guessed(row.cells, fields)) for row in rows]
    if max(known) > 0:
        return rows[known.index(max(known))]
    widths = [len([cell for cell in row.cells if cell]) for row in rows]
    return rows[widths.index(max(widths))]


def guessed(
    head: Sequence[str], fields: Sequence[ImportField], used: Mapping[str, str] | None = None
) -> list[str]:
    """By the number of the column the field that its heading means, each field once. `used` is what headings
    meant in earlier tables: whoever has chosen it once need not again."""
    by_heading: dict[str, str] = {}
    for one in fields:
        for word in (*one.headings.split(), str(one.label)):
            by_heading.setdefault(plain(word), one.key)
    keys = {one.key for one in fields}
    by_heading |= {heading: key for heading, key in (used or {}).items() if not key or key in keys}
    found: list[str] = []
    for heading in head:
        name = by_heading.get(plain(heading), "")
        found.append("" if name in found else name)
    return found


def remembered(run: ImportRun) -> dict[str, str]:
    """What the headings of the tables meant that this person has imported before, the last of them first."""
    before = ImportRun.objects.of(run.importer).filter(by=run.by).exclude(started_at=None)
    found: dict[str, str] = {}
    for preview, columns in before.order_by("-id").values_list("preview", "columns")[:REMEMBERED]:
        for heading, key in zip(preview[0] if preview else [], columns, strict=False):
            found.setdefault(plain(heading), key)
    return found


def plain(heading: str) -> str:
    return re.sub(r"[\W_]", "", heading.lower()).replace("ё", "е")
