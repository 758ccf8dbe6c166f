"""What an address says of a list: its filters, the text that is looked for, the order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from box.core.lists.filters import Context, Filter, Pairs, text_of

if TYPE_CHECKING:
    from django.http import QueryDict

TEXT, SORT, GROUP, AFTER, AS, VIEW = "q", "sort", "group", "after", "as", "view"
"""Names of the address that are every list's."""
LONGEST_ADDRESS = 4000


class Chosen(NamedTuple):
    """A filter with what was chosen of it."""

    filter: Filter[Any]
    value: Any


class Chip(NamedTuple):
    """One thing that was chosen, and the address without it."""

    label: str
    words: str
    query: str


class Problem(NamedTuple):
    """What could not be read of the address."""

    label: str
    text: str


@dataclass(frozen=True)
class Query:
    context: Context
    chosen: tuple[Chosen, ...] = ()
    text: str = ""
    sort: str = ""
    """The key of a column, behind "-" for the other way round; nothing for the list's own order."""
    problems: tuple[Problem, ...] = ()
    group: str = ""
    """The key of the column by which rows stand in groups."""

    @classmethod
    def read(
        cls,
        given: QueryDict,
        filters: Sequence[Filter[Any]],
        context: Context,
        *,
        sorts: Collection[str] = (),
        groups: Collection[str] = (),
        others: Collection[str] = (),
    ) -> Query:
        """Strictly: what is not understood is among its `problems`, and then no row is found. `sorts` are the
        columns to sort by, `groups` those to group by, `others` names of the address with another meaning."""
        chosen, problems = [], []
        for one in filters:
            try:
                value = one.read(given, context)
            except ValidationError as error:
                problems.append(Problem(str(one.label), " ".join(error.messages)))
            else:
                if value is not None:
                    chosen.append(Chosen(one, value))
        known = {
            TEXT,
            SORT,
            GROUP,
            AFTER,
            AS,
            VIEW,
            *others,
            *(name for one in filters for name in one.names),
        }
        problems += [
            Problem(name[:40], _("This list has no such filter any more."))
            for name in given
            if name not in known and given[name]
        ]
        try:
            text = text_of(given.get(TEXT, ""))
        except ValidationError as error:
            text, problems = "", [*problems, Problem(_("Search"), " ".join(error.messages))]
        sort, group = given.get(SORT, ""), given.get(GROUP, "")
        return cls(
            context,
            tuple(chosen),
            text,
            sort if sort.removeprefix("-") in sorts else "",
            tuple(problems),
            group if group in groups else "",
        )

    def apply[Rows: QuerySet[Any, Any]](self, rows: Rows) -> Rows:
        """Rows of which all filters hold; the text is the list's own business."""
        if self.problems:
            return rows.none()
        for one in self.chosen:
            rows = cast("Rows", one.filter.apply(rows, one.value, self.context))
        return rows

    def value_of(self, key: str) -> Any:
        """What was chosen of this filter; None where nothing was."""
        return next((one.value for one in self.chosen if one.filter.key == key), None)

    def pairs(self, *, without: str = "") -> Pairs:
        text = [(TEXT, self.text)] if self.text and without != TEXT else []
        sort = [(SORT, self.sort)] if self.sort and without != SORT else []
        group = [(GROUP, self.group)] if self.group and without != GROUP else []
        filters = [
            pair for one in self.chosen if one.filter.key != without for pair in one.filter.written(one.value)
        ]
        return [*text, *filters, *group, *sort]

    def address(self, *, without: str = "") -> str:
        """As it stands in an address, without the question mark: the same choice is always the same text.
        `without` is the key of a filter."""
        return urlencode(self.pairs(without=without))

    def replaced(self, pairs: Iterable[tuple[str, str]], *, without: Collection[str]) -> str:
        """The address with these pairs in place of what was chosen of these filters, in the usual order."""
        kept = [one for one in self.pairs(without=SORT) if one[0].partition(".")[0] not in without]
        return urlencode([*kept, *pairs])

    def sorted_by(self, sort: str) -> str:
        """The address with another order."""
        return urlencode([*self.pairs(without=SORT), (SORT, sort)])

    def grouped_by(self, group: str) -> str:
        """The address with rows in other groups, or in none."""
        return urlencode([*self.pairs(without=GROUP), *([(GROUP, group)] if group else [])])

    def __bool__(self) -> bool:
        """Whether anything was chosen: an order by itself shows the same rows."""
        return bool(self.chosen or self.text or self.problems)

    @property
    def chips(self) -> list[Chip]:
        """In a query for each filter whose objects have to be named."""
        text = (
            [Chip("", _("“%(text)s”") % {"text": self.text}, self.address(without=TEXT))] if self.text else []
        )
        return [
            *text,
            *(
                Chip(
                    str(one.filter.label),
                    one.filter.said(one.value, self.context),
                    self.address(without=one.filter.key),
                )
                for one in self.chosen
            ),
        ]
