"""One address is a whole board: the page, more cards of a column, single cards, and what is done with them.

    @require_http_methods(["GET", "POST"])
    def board(request: PersonRequest) -> HttpResponseBase:
        return answer(request, deal_board(request.user), "crm/board.html")

A template extends `boards/page.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from markupsafe import Markup

from box.core.boards.definition import Asks, Board, Column, Move
from box.core.boards.paging import CardPage, first_pages, first_rows, page_after
from box.core.events.nonces import posted_once
from box.core.lists.preferences import preferences_of
from box.core.lists.presenters import Table, macro
from box.core.lists.query import AFTER
from box.core.lists.views import found, keep_view, read
from box.core.registry.environment import memory
from box.lib.pages import REFUSED, number_of, numbers_in, render, wants_part

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest
    from box.core.lists.query import Query

PAGE = "boards/page.html"
UI = "boards/ui.html"
COLUMN, CARDS = "column", "cards"
MOST_CARDS = 50
NOT_DONE = 409


@dataclass(frozen=True)
class Shown:
    """A column as the page holds it."""

    column: Column
    cards: Markup
    next: str


def answer(
    request: PersonRequest,
    board: Board[Any, Any],
    template: str = PAGE,
    context: Mapping[str, Any] | None = None,
) -> HttpResponseBase:
    """`context` is for the template's own blocks."""
    listed = board.listed
    board = replace(board, listed=replace(listed, parameters=(*listed.parameters, COLUMN, CARDS)))
    query = read(request, board.listed)
    if request.method == "POST":
        match request.POST.get("do", ""):
            case "move":
                return _move(request, board, query)
            case "add" if board.add is not None:
                return _add(request, board, board.add, query, template=template, context=context or {})
            case _:
                return keep_view(request, listed.key, query)
    if CARDS in request.GET:
        given = request.GET[CARDS].split(",", MOST_CARDS)[:MOST_CARDS]
        return _cards(request, board, query, numbers_in(given))
    return _page(request, board, query, template, context or {})


def _page(
    request: PersonRequest,
    board: Board[Any, Any],
    query: Query,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    problem: str = "",
) -> HttpResponse:
    rows = found(board.listed, query)
    columns = board.columns(rows, query)
    # More of one column; without the page's script it is a page of its own.
    key = request.GET.get(COLUMN, "") if request.method == "GET" else ""
    if key:
        columns = [one for one in columns if one.key == key]
        if not columns:
            raise Http404
        after = request.GET.get(AFTER, "")
        in_column = board.listed.read(board.rows_in(rows, columns[0]))
        pages = {key: page_after(in_column, after, size=board.page_size)}
    else:
        begin = _first_rows(board, query, rows, columns) if columns else ()
        pages = first_pages(begin, [one.key for one in columns], board.column_of, size=board.page_size)
    # In the order of the columns, as the pages are.
    cards = iter(_said(board, [(key, card) for key, page in pages.items() for card in page.cards]))
    shown = [_shown(one, pages[one.key], cards) for one in columns]
    preferences = preferences_of(request.user, board.listed.key)
    table = Table(board.listed, query, request.path, preferences, problem=problem)
    is_part = wants_part(request)
    if key and is_part:
        return HttpResponse(shown[0].cards + macro(UI, "more")(table, shown[0]))
    values = {**context, "board": board, "columns": shown, "table": table}
    blocks = ("list", "tools")
    response = render(request, PAGE if is_part else template, values, blocks=blocks, status=status)
    if is_part and request.method == "GET":
        response.headers["HX-Replace-Url"] = table.address(query.address())
    return response


def _first_rows[M: Model](
    board: Board[M, Any], query: Query, rows: QuerySet[M, M], columns: Sequence[Column]
) -> Iterable[M]:
    usual = board.usual(columns, query)
    if usual is not None:
        return usual
    in_columns = (board.rows_in(rows, one) for one in columns)
    return first_rows(board.listed.read(rows), in_columns, size=board.page_size)


def _cards(request: PersonRequest, board: Board[Any, Any], query: Query, ids: Iterable[int]) -> HttpResponse:
    """These cards, of those that the filters find, with the heads of all columns: a page puts each where it
    belongs, and takes away what it asked for and did not get."""
    rows = found(board.listed, query)
    columns = board.columns(rows, query)
    keys = {one.key for one in columns}
    found_in = ((board.column_of(row), row) for row in board.listed.read(rows.filter(pk__in=list(ids))))
    there = [(key, row) for key, row in found_in if key in keys]
    heads = (macro(UI, "head")(one) for one in columns)
    return HttpResponse("".join([*_said(board, there), *heads]))


def _move(request: PersonRequest, board: Board[Any, Any], query: Query) -> HttpResponse:
    card = board.listed.rows.filter(pk=number_of(request.POST, "card") or 0).first()
    if card is None:
        raise Http404
    column = _column(request, board, query)
    place = (number_of(request.POST, "after"), number_of(request.POST, "before"))
    try:
        board.move(card, Move(column, *place, request.POST))
    except Asks as asks:
        return HttpResponse(asks.form, status=REFUSED)
    except (ValidationError, PermissionDenied) as error:
        return _refused(error)
    return _cards(request, board, query, [card.pk])


def _add(
    request: PersonRequest,
    board: Board[Any, Any],
    add: Callable[[Column, QueryDict], Any],
    query: Query,
    *,
    template: str,
    context: Mapping[str, Any],
) -> HttpResponse:
    column = _column(request, board, query)
    try:
        made = posted_once(request, board.listed.rows.model, lambda: add(column, request.POST))
    except (ValidationError, PermissionDenied) as error:
        if wants_part(request):
            return _refused(error)
        said = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        return _page(request, board, query, template, context, status=REFUSED, problem=said)
    if wants_part(request):
        return _cards(request, board, query, [made.pk])
    return redirect(request.get_full_path())


def _column(request: PersonRequest, board: Board[Any, Any], query: Query) -> Column:
    key = request.POST.get(COLUMN, "")
    columns: Sequence[Column] = board.columns(board.listed.rows.none(), query)
    column = next((one for one in columns if one.key == key), None)
    if column is None:
        raise Http404
    return column


def _refused(error: ValidationError | PermissionDenied) -> HttpResponse:
    """A sentence: the page shows it in its corner."""
    said = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
    status = NOT_DONE if isinstance(error, ValidationError) else 403
    return HttpResponse(said, content_type="text/plain; charset=utf-8", status=status)


class CardFacts(NamedTuple):
    """What a board needs to know of a card."""

    pk: int
    name: str
    column: str
    rank: str
    can_move: bool


def _said[M: Model](board: Board[M, Any], rows: Sequence[tuple[str, M]]) -> list[str]:
    """The cards of these rows with the keys of their columns; what is said of values is remembered, as it is
    in lists."""
    say = memory() if board.listed.is_remembered else _say
    presented = board.present([row for _key, row in rows])
    said = []
    for (key, row), shown in zip(rows, presented, strict=True):
        facts = CardFacts(row.pk, str(row), key, row.rank, board.can_move(shown))  # type: ignore[attr-defined]
        said.append(say(_card, board.card, facts, shown))
    return said


def _say(card: Callable[..., str], *facts: Any) -> str:
    return card(*facts)


def _card(inner: Callable[[Any], Markup], facts: CardFacts, shown: Any) -> Markup:
    return macro(UI, "card")(facts, inner(shown))


def _shown(column: Column, page: CardPage[Any], cards: Iterator[str]) -> Shown:
    """With its share of the cards, in one piece: a page of pieces pays for each."""
    share = "".join(islice(cards, len(page.cards)))
    return Shown(column, Markup(share), page.next)  # noqa: S704 - made of templates
