"""The tables of `docs/admin/failures.md`: each is written by the file of tests that measures it.

With `KOROBKA_KEEP_FIGURES=1` a run puts its rows there; those of tests that it left out stay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from .nodes import ROOT

PAGE = ROOT / "docs/admin/failures.md"
_ENDS = "<!-- until here -->"


def keep(by: str, rows: Sequence[str]) -> None:
    if os.environ.get("KOROBKA_KEEP_FIGURES"):
        PAGE.write_text(with_rows(PAGE.read_text(encoding="utf-8"), by, rows), encoding="utf-8")


def with_rows(page: str, by: str, rows: Sequence[str]) -> str:
    """The page with these rows in that file's table: in the place of the row of the same event, or last."""
    begins = f"<!-- written by {by} -->"
    before, found, rest = page.partition(begins)
    table, ended, after = rest.partition(_ENDS)
    if not (found and ended):
        raise ValueError(f"{PAGE.name} has no table between {begins!r} and {_ENDS!r}: write its head there.")
    lines = {_event(line): line for line in (*table.strip().splitlines(), *rows)}
    return f"{before}{begins}\n\n" + "\n".join(lines.values()) + f"\n\n{_ENDS}{after}"


def _event(row: str) -> str:
    return row.split("|")[1].strip()
