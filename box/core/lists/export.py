"""A list as a file: all that its filters find, read a page at a time by key, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from markupsafe import Markup

from box.core.accounts.models import Face
from box.core.registry.auditing import record
from box.lib.tables import CONTENT_TYPES, export

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http.response import StreamingHttpResponse

    from box.core.lists.definition import List
    from box.core.lists.keyset import Keyset
    from box.core.lists.query import Query
    from box.lib.tables import Cell

PORTION = 500
KINDS = tuple(CONTENT_TYPES)
MOST_ROWS = {"csv": 5_000_000, "xlsx": 1_000_000}
"""A sheet has room for 1,048,576 rows."""
EXPORTED = "lists.exported"


def export_list(
    listed: List[Any, Any], query: Query, rows: QuerySet[Any, Any], keyset: Keyset, *, kind: str
) -> StreamingHttpResponse:
    """Written down with the number of rows before the first of them goes out. Raises PermissionDenied, and
    ValidationError where it is too much for a file."""
    if not listed.can_export:
        raise PermissionDenied(_("Ask an administrator for the right to export this list."))
    count = rows.order_by().count()
    if count > MOST_ROWS[kind]:
        raise ValidationError(_("These are too many rows for one file: choose fewer, or take CSV."))
    record(
        EXPORTED,
        by_id=query.context.reader.pk,
        list=str(listed.title),
        format=kind,
        filter=query.address(),
        rows=count,
    )
    columns = [one for one in listed.columns if one.is_exported]
    name = listed.key.rpartition(".")[2]
    return export(kind, name, [one.label for one in columns], _cells(listed, columns, rows, keyset))


def _cells(listed: Any, columns: Any, rows: Any, keyset: Keyset) -> Iterator[list[Cell]]:
    after, rows = "", listed.read(rows)
    while True:
        page = keyset.page(rows, after=after, size=PORTION)
        for row in listed.present(page.rows):
            yield [_cell((one.export or one.value)(row)) for one in columns]
        if not (after := page.next):
            return


def _cell(value: Any) -> Cell:
    match value:
        case None | bool() | int() | float() | datetime() | date() | time():
            return value
        case Face():
            return value.name
        case Markup():
            return strip_tags(value)
        case list() | tuple():
            return ", ".join(str(_cell(one)) for one in value)
    return str(value)
