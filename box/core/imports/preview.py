"""The first rows of a table as they will become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.core.imports.actions import context_of
from box.core.imports.importers import Context, Importer, importer_of
from box.core.imports.models import ImportRun


@dataclass(frozen=True)
class Preview:
    cells: list[str]
    said: str
    is_bad: bool = False


def preview(run: ImportRun, columns: Sequence[str], options: Sequence[str] = ()) -> list[Preview]:
    """Of the rows that the run keeps: what was understood, and whether its object is there; in the queries of
    one step, whatever the number of rows."""
    importer, context = importer_of(run), context_of(run, options)
    understood = [_understood(importer, columns, row, context) for row in run.preview[1:]]
    keys = {key for row in understood if not isinstance(row, str) for key in importer.keys(row)}
    known = importer.known(keys, context) if keys else {}
    width = len(run.preview[0])
    shown = []
    for cells, row in zip(run.preview[1:], understood, strict=True):
        whole = [*cells, *[""] * (width - len(cells))][:width]
        if isinstance(row, str):
            shown.append(Preview(whole, row, is_bad=True))
            continue
        said = importer.shown(row)
        is_there = any(key in known for key in importer.keys(row))
        shown.append(
            Preview(
                [said.get(key, cell) if key else cell for key, cell in zip(columns, whole, strict=False)],
                _("is there already") if is_there else _("new"),
            )
        )
    return shown


def _understood(importer: Importer[Any], columns: Sequence[str], row: Sequence[str], context: Context) -> Any:
    """Or why it is not."""
    cells = {key: cell for key, cell in zip(columns, row, strict=False) if key and cell}
    try:
        return importer.understand(cells, context)
    except ValidationError as error:
        return " ".join(error.messages)
