"""What an app says of a list; everything else follows from it, see `box.core.lists.views.answer`.

    def idea_list(user: User) -> List[Idea]:
        return List(
            key="ideas.ideas",
            title=_("Ideas"),
            rows=Idea.objects.visible_to(user).select_related("author"),
            columns=(
                Column("title", _("Idea"), lambda idea: idea.title, sort="title"),
                Column("author", _("Suggested by"), lambda idea: idea.author.face, sort="author__sort_name"),
                Column("suggested", _("Suggested"), lambda idea: idea.suggested_at, sort="id"),
            ),
            filters=(STATUS, AUTHOR, *IDEA_FIELDS.filters(user)),
            bulk=(Bulk(key="adopt", label=_("Adopt"), act=adopt_idea, done=adopted),) if may_adopt else (),
            order="-suggested",
            empty=Empty(_("No ideas yet"), _("What would make work here better?")),
        )

A list is made for one reader: who may not see a column, run an action or export gets a list without it.
Custom fields of `core.fields` join in as more columns and filters.

A cell is changed where it stands by `Column.edit`. Rows stand in groups by a column with `Column.group`, and
`Column.sum` stands below the list while its column is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.db import models
from django.db.models import QuerySet
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from box.core.lists.filters import Filter
from box.core.lists.keyset import Keyset

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable
    from django.http import QueryDict
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.lists.keyset import Page
    from box.lib.tables import Cell

PAGE = 50


def deferred[M: models.Model](compose: Callable[[], QuerySet[M, M]]) -> QuerySet[M, M]:
    """Rows that are composed once something asks for them, as the usual page of a list does not: Django takes
    longer to compose them than that page needs to be read."""
    return cast("QuerySet[M, M]", SimpleLazyObject(compose))


@dataclass(frozen=True)
class Sort:
    """What a column sorts by: fields or expressions in one direction, the id behind them. An index that ends
    in the id answers it, `Index(fields=["due_on", "id"])`: for both directions, also where it
    `is_nullable`."""

    by: tuple[str | Combinable, ...]
    is_nullable: bool = False


@dataclass(frozen=True)
class Sum:
    """Of a column of the database over all rows of the choice, and how it is said."""

    of: str
    say: Callable[[int], str]


@dataclass(frozen=True)
class Edit[M: models.Model]:
    """How a cell is changed in place: `field` is the Markup of its input for this person, `write` an action
    with what was posted. It raises ValidationError or PermissionDenied for what cannot be. `can` is asked of
    the row as the list shows it."""

    field: Callable[[M, User], Any]
    write: Callable[[M, QueryDict, User], object]
    can: Callable[[Any], bool] = lambda row: True


# By identity: columns are part of what rows are remembered under.
@dataclass(frozen=True, eq=False)
class Column[R]:
    """`value` is what the row has there: a text, a number, a day, a moment, a Face, a list of these; the page
    says it in the reader's language, and a file holds it as it is. `cell` shows it otherwise, as Markup, and
    `export` writes it otherwise; `is_exported` and `is_offered` leave it out of files, or of the page."""

    key: str
    label: _StrOrPromise
    value: Callable[[R], Any]
    sort: str | Sort | None = None
    cell: Callable[[R], Any] | None = None
    edit: Edit[Any] | None = None
    export: Callable[[R], Cell] | None = None
    group: Callable[[R], str] | None = None
    """What rows that stand together have in common, as people read it: of a column that sorts by it."""
    sum: Sum | None = None
    is_shown: bool = True
    """To whoever has chosen no columns."""
    is_offered: bool = True
    is_exported: bool = True


class Act[M](Protocol):
    def __call__(self, row: M, /, *, by: User) -> object:
        """An action of the app. Raises ValidationError or PermissionDenied for a row with which it cannot
        be."""


class Restore[M](Protocol):
    def __call__(self, row: M, was: Any, /, *, by: User) -> object:
        """Makes the row what it was: `was` came of `Bulk.state` before."""


@dataclass(frozen=True, kw_only=True)
class Bulk[M: models.Model]:
    """What is done to the chosen rows, one by one. With `state`, the part of a row that it changes, as JSON,
    and `restore` it can be undone, unless the state was changed since. `done(n)` says it of so many rows.

    `gone` are rows that it takes out of the list: where they are found again, to be restored.
    """

    key: str
    label: _StrOrPromise
    act: Act[M]
    done: Callable[[int], str]
    icon: str = "check"
    question: _StrOrPromise = ""
    """Asked before it is done; dangerous things name what will happen."""
    state: Callable[[M], Any] | None = None
    restore: Restore[M] | None = None
    gone: QuerySet[M, M] | None = None
    form: Callable[[], Any] | None = None
    """Markup of inputs beside the button, such as whom the rows go to: `bind` makes the action of what was
    chosen there, and raises ValidationError."""
    bind: Callable[[QueryDict], Act[M]] | None = None
    hold: Callable[[M, Act[M]], M] | None = None
    """Locks the row for this action, where that has to come after rows of another table."""
    hold_again: Callable[[M, Any], M] | None = None
    """The same before it becomes again what it `was`."""


@dataclass(frozen=True)
class Search[M: models.Model]:
    """The field above the list. `nearest` is the order of what it finds, where that is another; `resembling`
    are those that nearly match, for when nothing does."""

    label: _StrOrPromise
    narrow: Callable[[QuerySet[M, M], str], QuerySet[M, M]]
    nearest: Callable[[str], Keyset] | None = None
    resembling: Callable[[str], Sequence[M]] | None = None


@dataclass(frozen=True)
class Empty:
    """What an empty list says: what it is for, and the first step, an address with what it is called."""

    title: _StrOrPromise
    text: _StrOrPromise
    url: str = ""
    label: _StrOrPromise = ""


@dataclass(frozen=True)
class Shortcut:
    """A choice that many make, a press away: `query` is what stands in the address."""

    label: _StrOrPromise
    query: str


@dataclass(frozen=True)
class Way:
    """Another page that shows the same choice, such as a board: it understands the same address."""

    label: _StrOrPromise
    icon: str
    url: str


@dataclass(frozen=True, kw_only=True)
class List[M: models.Model, R = M]:
    """Rows of `rows`, made fit to be shown by `present`, a page of them in a constant number of queries.

    `key` is stored with people's views and columns. `order` is the key of a column that sorts, behind "-" for
    the other way round. `parameters` are names of the address that are the page's own.
    """

    key: str
    title: _StrOrPromise
    rows: QuerySet[M, M]
    columns: tuple[Column[R], ...]
    filters: tuple[Filter[Any], ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    ways: tuple[Way, ...] = ()
    """This list among the ways to look at its rows, in their order."""
    bulk: tuple[Bulk[M], ...] = ()
    order: str = ""
    search: Search[M] | None = None
    read: Callable[[QuerySet[M, M]], QuerySet[M, M]] = lambda rows: rows
    """What a page and a file need of the rows: what they join, and which columns."""
    usual: Callable[[], Page[M]] | None = None
    """The first page where nothing is chosen, see `box.core.lists.usual`; None: as any other."""
    present: Callable[[Sequence[M]], Iterable[R]] = tuple  # type: ignore[assignment]
    href: Callable[[R], str] | None = lambda row: row.get_absolute_url()  # type: ignore[attr-defined]
    """What a row leads to; None where it leads nowhere."""
    pk: Callable[[R], int] = attrgetter("pk")
    is_remembered: bool = False
    """What `present` makes are values: what is said of one is remembered, as `environment.memory` does, and
    the columns are the same objects each time."""
    can_export: bool = True
    empty: Empty = Empty(_("Nothing is here yet"), "")
    parameters: tuple[str, ...] = ()
    page_size: int = PAGE

    @cached_property
    def sorts(self) -> dict[str, str | Sort]:
        """By the key of a column, as it says it."""
        return {one.key: one.sort for one in self.columns if one.sort is not None}

    @cached_property
    def groups(self) -> dict[str, Column[R]]:
        """The columns by which rows can stand in groups."""
        return {one.key: one for one in self.columns if one.group is not None and one.key in self.sorts}

    def _sort_of(self, sort: str | Sort) -> Sort:
        if isinstance(sort, Sort):
            return sort
        return Sort((sort,), is_nullable=_is_nullable(self.rows.model, sort))

    def keyset(self, sort: str) -> Keyset:
        """Of the key of a column, behind "-" for the other way round; of nothing by id."""
        if not sort:
            return Keyset(is_descending=True)
        found = self._sort_of(self.sorts[sort.removeprefix("-")])
        by = () if found.by == ("id",) else found.by
        return Keyset(by, is_descending=sort.startswith("-"), is_nullable=found.is_nullable)


def _is_nullable(model: type[models.Model], path: str) -> bool:
    for name in path.split("__"):
        field = model._meta.get_field("id" if name == "pk" else name)
        if field.null:
            return True
        model = field.related_model or model
    return False
