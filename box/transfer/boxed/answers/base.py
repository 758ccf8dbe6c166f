"""What answers have in common: pages, moments, and the addresses of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from box.lib.numbers import whole_number
from box.transfer.boxed.extract import Extract

PAGE = 50
FILE = "/b_file/"

type Row = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """A page of so many."""

    rows: Sequence[Row]
    total: int | None = None


class Unknown(Exception):
    """There is no such thing: the portal answers so too."""


@dataclass(frozen=True)
class Question:
    """`given` has names in small letters; `zone` is that in which the portal's database tells the time."""

    extract: Extract
    given: Mapping[str, Any]
    zone: ZoneInfo
    language: str = "en"

    def number(self, name: str) -> int:
        """0 for what is none."""
        return whole_number(str(self.given.get(name, ""))) or 0

    def filter(self) -> Mapping[str, Any]:
        found = self.given.get("filter")
        return found if isinstance(found, dict) else {}

    def moment(self, told: str | None) -> str | None:
        """A moment of the database in ISO 8601, with its distance to UTC."""
        if not told:
            return None
        try:
            found = datetime.strptime(told, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - made aware below
        except ValueError:
            return told
        return found.replace(tzinfo=self.zone).isoformat() if found.year < 9999 else None


type Method = Callable[[Question], Any]


def by_key(question: Question, of: str, columns: str = "*", values: Sequence[Any] = ()) -> Listed:
    """A page of `of`, a table with conditions: behind the id that was asked for, or from a place on with how
    many there are."""
    asked = question.filter()
    start = str(question.given.get("start", "0"))
    joint = "AND" if " WHERE " in of else "WHERE"
    if ">ID" in asked:
        after = whole_number(str(asked[">ID"])) or 0
        if not str(asked[">ID"]):
            # Behind the last row of a page that had none.
            return Listed([])
        sql = f"SELECT {columns} FROM {of} {joint} ID > ? ORDER BY ID LIMIT {PAGE}"
        return Listed(question.extract.rows(sql, [*values, after]))
    place = whole_number(start) or 0
    rows = question.extract.rows(
        f"SELECT {columns} FROM {of} ORDER BY ID LIMIT {PAGE} OFFSET ?", [*values, place]
    )
    return Listed(rows, None if start == "-1" else question.extract.count(of, values))


def file_address(number: str | None) -> str:
    """Where a program fetches a file of the table of files; nothing where there is none."""
    return f"{FILE}{number}" if number and number != "0" else ""
