"""What an app says of a board; everything else follows from it, see `box.core.boards.views.answer`.

    def deal_board(user: User, pipeline: Pipeline) -> Board[Record]:
        return Board(
            listed=record_list(user, deals),
            columns=lambda rows, query: [Column(str(stage.pk), stage.name, count=...) for stage in stages],
            rows_in=lambda rows, column: rows.filter(stage=int(column.key)),
            column_of=lambda deal: str(deal.stage_id),
            card=macro("crm/ui.html", "card"),
            move=move_deal,
            told=("crm", "record"),
        )

A board is another way to look at a list: filters, the text that is looked for and saved views are the list's,
in the same words of the address. Its rows have a `rank` of `box.lib.ranks` in the order of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrOrPromise
    from markupsafe import Markup

    from box.core.lists.definition import List
    from box.core.lists.query import Query

PAGE = 20


@dataclass(frozen=True)
class Column:
    """`count` and `sum` are of all its cards, and not of those that are shown; `sum` is said as it is read.
    Nothing is added to a column of which `can_add` is false."""

    key: str
    label: _StrOrPromise
    color: str = ""
    count: int | None = None
    sum: str = ""
    can_add: bool = False


@dataclass(frozen=True)
class Move:
    """Where a card goes: into this column, between the cards with these ids. `given` is all that was posted,
    also the answers to what was asked in place."""

    column: Column
    after: int | None
    before: int | None
    given: QueryDict


class Asks(Exception):
    """Raised by `Board.move`: something must be answered first. `form` is shown in a dialog, and what it
    holds is posted with the same move; a dialog that is closed puts the card back."""

    def __init__(self, form: Markup) -> None:
        super().__init__()
        self.form = form


@dataclass(frozen=True, kw_only=True)
class Board[M: Model, R = M]:
    """Rows of `listed`, made fit to be shown by `present`, one by one and in a constant number of queries.

    `columns` knows the rows that the filters find, so that it can say what they come to. `move` raises
    `Asks`, ValidationError or PermissionDenied: then the card goes back to where it was, with that sentence.
    `add` makes a card of a form that was filled in above a column: its fields are those of `add_fields`.

    `told` are topic and kind of the push messages that tell of a card, with its `id` and who did it, `by`.
    """

    listed: List[M, Any]
    columns: Callable[[QuerySet[M, M], Query], Sequence[Column]]
    rows_in: Callable[[QuerySet[M, M], Column], QuerySet[M, M]]
    column_of: Callable[[M], str]
    card: Callable[[R], Markup]
    move: Callable[[M, Move], object]
    add: Callable[[Column, QueryDict], M] | None = None
    add_label: _StrOrPromise = ""
    can_move: Callable[[R], bool] = lambda row: True
    usual: Callable[[Sequence[Column], Query], Iterable[M] | None] = lambda columns, query: None
    """The cards that each of these columns begins with, and one more of each, in any order: of what is
    usually chosen, in queries that are composed once. None: they are asked for as any others."""
    present: Callable[[Sequence[M]], Iterable[R]] = tuple  # type: ignore[assignment]
    told: tuple[str, str]
    page_size: int = PAGE
