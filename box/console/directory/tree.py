"""Looking around in a directory that is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from box.bridges.directory import distinguished_names
from box.bridges.directory.browse import Children, attributes_of, children, search, tops
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.models import Connection
from box.console.access import can_connect_directories, only_for
from box.lib.pages import number_of, render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

LONGEST_DN = 1000


@require_GET
@only_for(can_connect_directories)
def tree(request: PersonRequest, pk: int) -> HttpResponse:
    """The whole tree a folder at a time, or what a search finds in it."""
    connection = get_object_or_404(Connection, pk=pk)
    dn, q = request.GET.get("dn", "")[:LONGEST_DN], request.GET.get("q", "")[:200]
    skip = number_of(request.GET, "skip") or 0
    found, trouble = Children([]), ""
    try:
        with connect(connection) as directory:
            if q:
                found = Children(search(directory, connection.people_bases, q))
            else:
                found = children(directory, dn, skip=skip) if dn else Children(tops(directory))
    except (DirectoryTrouble, SealBroken) as error:
        trouble = str(error)
    branch = {"nodes": found.nodes, "more": found.next_skip, "dn": dn, "picks": False}
    context = {
        "connection": connection,
        "tab": "tree",
        "q": q,
        "trouble": trouble,
        "branch": branch,
    }
    return render(request, "console/directory/tree.html", context, blocks="branch" if dn else "tree")


@require_GET
@only_for(can_connect_directories)
def entry(request: PersonRequest, pk: int) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=pk)
    dn, trouble, attributes = request.GET.get("dn", "")[:LONGEST_DN], "", None
    try:
        with connect(connection) as directory:
            attributes = attributes_of(directory, dn)
    except (DirectoryTrouble, SealBroken) as error:
        trouble = str(error)
    if attributes is None and not trouble:
        raise Http404
    context = {
        "connection": connection,
        "tab": "tree",
        "dn": dn,
        "name": distinguished_names.name_of(dn),
        "attributes": attributes or [],
        "trouble": trouble,
    }
    return render(request, "console/directory/entry.html", context, blocks="entry")
