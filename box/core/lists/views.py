"""One address is a whole list: the page, a part of it, a file, and all that is done with it.

    @require_http_methods(["GET", "POST"])
    def ideas(request: PersonRequest) -> HttpResponseBase:
        return answer(request, idea_list(request.user), "ideas/list.html")

A template extends `lists/page.html`. What is posted says by `do` what it is about: an app has no address to
declare for bulk actions, undo, saved views and columns, and the list's own rights are those of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from box.core.accounts.models import User
from box.core.lists import actions
from box.core.lists.bulk import run_bulk, undo_bulk
from box.core.lists.export import KINDS, export_list
from box.core.lists.filters import Context
from box.core.lists.keyset import Keyset
from box.core.lists.models import SavedView
from box.core.lists.preferences import Preferences, preferences_of
from box.core.lists.presenters import Table, columns_shown, rows_shown, sums_of
from box.core.lists.query import AFTER, AS, VIEW, Query
from box.core.registry.capabilities import finders
from box.core.registry.company import company_day
from box.lib.addresses import parts_of
from box.lib.numbers import whole_number
from box.lib.pages import REFUSED, ids_of, number_of, render, wants_part

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest
    from box.core.lists.bulk import Outcome
    from box.core.lists.definition import Bulk, List
    from box.core.lists.keyset import Page

PAGE = "lists/page.html"
LONGEST_SEARCH = 100
EDIT = "edit"
NONE = "none"


def answer(
    request: PersonRequest,
    listed: List[Any, Any],
    template: str = PAGE,
    context: Mapping[str, Any] | None = None,
) -> HttpResponseBase:
    """`context` is for the template's own blocks."""
    if EDIT in request.GET:
        return edit_cell(request, listed)
    query = read(request, listed)
    if request.method == "POST":
        return _act(request, listed, query, template, context or {})
    if request.GET.get(AS):
        return _export(request, listed, query, template, context or {})
    preferences = preferences_of(request.user, listed.key)
    if not request.GET and preferences.opens_with:
        return redirect(f"{request.path}?{preferences.opens_with.query}")
    return _page(request, listed, query, template, context or {}, preferences=preferences)


def read(request: PersonRequest, listed: List[Any, Any]) -> Query:
    """What the address chooses of this list."""
    context = Context(request.user, company_day())
    return Query.read(
        request.GET,
        listed.filters,
        context,
        sorts=listed.sorts,
        groups=listed.groups,
        others=listed.parameters,
    )


def found(listed: List[Any, Any], query: Query) -> QuerySet[Any, Any]:
    """All rows of the choice, in no order yet."""
    rows = query.apply(listed.rows)
    return listed.search.narrow(rows, query.text) if listed.search and query.text else rows


def keyset_of(listed: List[Any, Any], query: Query) -> Keyset:
    if query.text and not query.sort and not query.group and listed.search and listed.search.nearest:
        return listed.search.nearest(query.text)
    if query.group and query.sort.removeprefix("-") != query.group:
        return listed.keyset(query.group)
    return listed.keyset(query.sort or listed.order)


def _page(
    request: PersonRequest,
    listed: List[Any, Any],
    query: Query,
    template: str,
    context: Mapping[str, Any],
    *,
    preferences: Preferences | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    after = request.GET.get(AFTER, "") if request.method == "GET" else ""
    page = _rows(listed, query, after)
    rows, is_guess = page.rows, False
    if not rows and query.text and not after and listed.search and listed.search.resembling:
        rows, is_guess = list(listed.search.resembling(query.text)), True
    is_part = wants_part(request)
    table = _table(
        listed,
        query,
        request.path,
        replace(page, rows=rows),
        preferences=preferences or preferences_of(request.user, listed.key),
        after=after,
        is_guess=is_guess,
        **more,
    )
    blocks = ("rows",) if after else ("list", "tools")
    # A part is the list's own, which no template of an app changes.
    shown = PAGE if is_part else template
    response = render(request, shown, {**context, "table": table}, blocks=blocks, status=status)
    if is_part and not after and request.method == "GET" and _is_own_page(request):
        # The form sends all of its fields: in the address stand those that choose something.
        response.headers["HX-Replace-Url"] = table.address(query.address())
    return response


def _is_own_page(request: PersonRequest) -> bool:
    """A list may be a part of another page, whose address stays."""
    return parts_of(request.headers.get("HX-Current-URL", "")).path in ("", request.path)


def first_page(listed: List[Any, Any], path: str, *, reader: User) -> Table[Any]:
    """The list as it begins, for another room's page: what is chosen in it is answered at `path`, where the
    whole list is. `lists/page.html` has the blocks to show it, `bar` and `list`."""
    query = Query(Context(reader, company_day()))
    preferences = preferences_of(reader, listed.key)
    return _table(listed, query, path, _rows(listed, query, ""), preferences=preferences)


def _table(
    listed: List[Any, Any],
    query: Query,
    path: str,
    page: Page[Any],
    *,
    preferences: Preferences,
    after: str = "",
    is_guess: bool = False,
    **more: Any,
) -> Table[Any]:
    columns = columns_shown(listed, preferences)
    return Table(
        listed,
        query,
        path,
        preferences,
        rows_shown(listed, columns, page.rows, group="" if is_guess else query.group),
        after,
        page.next,
        is_guess=is_guess and bool(page.rows),
        sums=() if after else sums_of(columns, lambda: found(listed, query)),
        **more,
    )


def _rows[M: Model](listed: List[M, Any], query: Query, after: str) -> Page[M]:
    if listed.usual is not None and not query and not query.sort and not query.group and not after:
        return listed.usual()
    rows = listed.read(found(listed, query))
    return keyset_of(listed, query).page(rows, after=after, size=listed.page_size)


def _export(
    request: PersonRequest,
    listed: List[Any, Any],
    query: Query,
    template: str,
    context: Mapping[str, Any],
) -> HttpResponseBase:
    kind = request.GET[AS]
    if kind not in KINDS:
        raise Http404
    try:
        if query.problems:
            raise ValidationError([problem.text for problem in query.problems])
        return export_list(listed, query, found(listed, query), keyset_of(listed, query), kind=kind)
    except ValidationError as error:
        return _page(
            request,
            listed,
            query,
            template,
            context,
            status=REFUSED,
            problem=" ".join(error.messages),
        )


# What is done with a list


def _act(
    request: PersonRequest, listed: List[Any, Any], query: Query, template: str, context: Mapping[str, Any]
) -> HttpResponseBase:
    verb, _colon, key = request.POST.get("do", "").partition(":")
    more: dict[str, Any] = {}
    try:
        match verb:
            case "bulk" | "undo":
                bulk = _bulk_of(listed, key)
                act = _run if verb == "bulk" else _undo
                more = {"outcome": act(request, listed, query, bulk), "bulk_key": key}
            case "columns":
                known = {one.key for one in listed.columns if one.is_offered}
                columns = [one for one in dict.fromkeys(request.POST.getlist("column")) if one in known]
                actions.choose_columns(listed.key, columns, by=request.user)
                return redirect(_here(request, query))
            case _:
                return keep_view(request, listed.key, query)
    except ValidationError as error:
        more = {"problem": " ".join(error.messages)}
    status = REFUSED if "problem" in more else 200
    return _page(request, listed, query, template, context, status=status, **more)


def keep_view(request: PersonRequest, list_key: str, query: Query) -> HttpResponse:
    """What is posted about saved views: done, and back to the list. Raises Http404 for a view that is not
    this person's to see, and BadRequest for what means nothing."""
    verb, _colon, key = request.POST.get("do", "").partition(":")
    name = request.POST.get("name", "")
    if verb == "save":
        saved = actions.save_view(list_key, query.address(), name, by=request.user)
        return redirect(f"{request.path}?{saved.query}")
    if verb not in _ACTS:
        raise BadRequest("What is posted to a list says what to do.")
    pk = whole_number(key) or 0
    view = SavedView.objects.of(request.user, list_key).filter(pk=pk).first()
    if view is None:
        raise Http404
    _ACTS[verb](view, request.POST.get(f"name-{pk}", ""), request.user)
    return redirect(_here(request, query))


_ACTS: Mapping[str, Callable[[SavedView, str, User], None]] = {
    "rename": lambda view, name, by: actions.rename_view(view, name, by=by),
    "up": lambda view, name, by: actions.move_view(view, -1, by=by),
    "down": lambda view, name, by: actions.move_view(view, 1, by=by),
    "share": lambda view, name, by: actions.share_view(view, is_shared=True, by=by),
    "unshare": lambda view, name, by: actions.share_view(view, is_shared=False, by=by),
    "delete": lambda view, name, by: actions.delete_view(view, by=by),
    "open": lambda view, name, by: actions.open_with(view.list_key, view, by=by),
    "close": lambda view, name, by: actions.open_with(view.list_key, None, by=by),
}


def _here(request: PersonRequest, query: Query) -> str:
    address = query.address() or urlencode({VIEW: NONE})
    return f"{request.path}?{address}"


def _bulk_of(listed: List[Any, Any], key: str) -> Bulk[Any]:
    bulk = next((one for one in listed.bulk if one.key == key), None)
    if bulk is None:
        raise PermissionDenied(_("This is not yours to do."))
    return bulk


def _run(request: PersonRequest, listed: List[Any, Any], query: Query, bulk: Bulk[Any]) -> Outcome:
    if query.problems:
        raise ValidationError([problem.text for problem in query.problems])
    if bulk.bind is not None:
        bulk = replace(bulk, act=bulk.bind(request.POST))
    if request.POST.get("all"):
        keyset = keyset_of(listed, query)
        return run_bulk(bulk, keyset.ordered(found(listed, query)), list_key=listed.key, by=request.user)
    ids = ids_of(request.POST, "row")
    if not ids:
        raise ValidationError(_("Choose some rows first."), code="rows")
    rows = listed.rows.filter(pk__in=ids).order_by("pk")
    return run_bulk(bulk, rows, list_key=listed.key, by=request.user)


def _undo(request: PersonRequest, listed: List[Any, Any], query: Query, bulk: Bulk[Any]) -> Outcome:
    note = request.POST.get("note", "")
    return undo_bulk(bulk, listed.rows, note, list_key=listed.key, by=request.user)


# A cell that is changed where it stands


def edit_cell(request: PersonRequest, listed: List[Any, Any]) -> HttpResponse:
    """GET asks with the column's own input; POST writes, and answers with the row as it is now."""
    column = next((one for one in listed.columns if one.key == request.GET[EDIT]), None)
    row = listed.rows.filter(pk=number_of(request.GET, "row") or 0).first()
    if column is None or column.edit is None or row is None:
        raise Http404
    (shown,) = listed.present([row])
    if not column.edit.can(shown):
        raise PermissionDenied(_("You may read this, but not change it."))
    problem = ""
    if request.method == "POST":
        try:
            column.edit.write(row, request.POST, request.user)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            return _row_anew(request, listed, row.pk)
    context = {"listed": listed, "column": column, "row": row, "problem": problem}
    context["field"] = column.edit.field(row, request.user)
    response = render(request, "lists/edit.html", context, blocks="cell", status=REFUSED if problem else 200)
    if problem:
        # What was asked for is the row; what is wrong is said in the cell.
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "closest td", "innerHTML"
    return response


def _row_anew(request: PersonRequest, listed: List[Any, Any], pk: int) -> HttpResponse:
    if not wants_part(request):
        return redirect(request.path)
    columns = columns_shown(listed, preferences_of(request.user, listed.key))
    # It may be somebody else's now, and no more for this reader.
    return HttpResponse(rows_shown(listed, columns, list(listed.read(listed.rows.filter(pk=pk)))))


# Picking an object for a filter


@require_GET
def options(request: PersonRequest, kind: str) -> HttpResponse:
    """The few objects of a kind that this person may mean by a text, as choices of the filter `name`."""
    if kind not in finders:
        raise Http404
    text = request.GET.get("text", "")[:LONGEST_SEARCH].replace("\x00", "")
    name = request.GET.get("name", "")
    cards = finders[kind](text, request.user)
    context = {
        "cards": cards,
        "name": name,
        "letter": request.GET.get("letter", ""),
        "is_single": bool(request.GET.get("one")),
    }
    return render(request, "lists/options.html", context, blocks="options")
