"""What of a directory is not taken over, and what to do about it: linked, kept apart, unlinked, in a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from box.bridges.directory.conflicts import link_entry, separate_entry, unlink_person
from box.bridges.directory.models import Conflict, Connection, Link
from box.bridges.directory.plan.clashes import AGAIN, APART, LOGIN, TO_DECIDE
from box.console.access import can_connect_directories, only_for
from box.console.directory.forms.runs import ConflictsFilter
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.bridges.directory.models import ConflictQuerySet
    from box.core.accounts.requests import PersonRequest

PAGE = 50
CAN_BE_LINKED = (AGAIN, LOGIN, APART)
CAN_BE_SEPARATE = (AGAIN, APART)


@require_GET
@only_for(can_connect_directories)
def conflicts(request: PersonRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(Connection, pk=pk))


@require_POST
@only_for(can_connect_directories)
@recently_proven
def linking(request: PersonRequest, pk: int) -> HttpResponse:
    """The entry is the person's."""
    conflict = get_object_or_404(Conflict.objects.select_related("connection"), pk=pk)
    try:
        link_entry(conflict, by=request.user)
    except ValidationError as error:
        return _page(request, conflict.connection, problem=error.messages[0])
    messages.success(
        request, _("“%(name)s” is linked; the run that follows writes it.") % {"name": conflict.name}
    )
    return redirect("console:directory:conflicts", conflict.connection_id)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def separation(request: PersonRequest, pk: int) -> HttpResponse:
    """The entry is somebody new's."""
    conflict = get_object_or_404(Conflict.objects.select_related("connection"), pk=pk)
    try:
        separate_entry(conflict, by=request.user)
    except ValidationError as error:
        return _page(request, conflict.connection, problem=error.messages[0])
    messages.success(
        request,
        _("“%(name)s” is somebody new; the run that follows takes them in.") % {"name": conflict.name},
    )
    return redirect("console:directory:conflicts", conflict.connection_id)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def unlinking(request: PersonRequest, pk: int) -> HttpResponse:
    """No directory says any more how this person is."""
    link = get_object_or_404(Link.objects.people(), object_id=pk)
    try:
        unlink_person(link, by=request.user)
    except ValidationError as error:
        return _page(request, link.connection, problem=error.messages[0])
    messages.success(request, _("The person is the portal's own now; the entry waits in this list."))
    return redirect("console:directory:conflicts", link.connection_id)


def _page(request: PersonRequest, connection: Connection, *, problem: str = "") -> HttpResponse:
    wanted = ConflictsFilter(request.GET)
    wanted.is_valid()
    chosen = wanted.cleaned_data
    of_it = connection.conflicts.open()
    counts = {
        "decide": of_it.filter(kind__in=TO_DECIDE).count(),
        "left": of_it.exclude(kind__in=TO_DECIDE).count(),
    }
    found = list(_chosen(of_it, chosen)[: PAGE + 1])
    context = {
        "connection": connection,
        "tab": "conflicts",
        "problem": problem,
        "conflicts": found[:PAGE],
        "more": found[PAGE - 1].pk if len(found) > PAGE else None,
        "counts": counts,
        "show": chosen.get("show", ""),
        "q": chosen.get("q", ""),
        "address": {name: chosen[name] for name in ("q", "show") if chosen.get(name)},
        "can_be_linked": CAN_BE_LINKED,
        "can_be_separate": CAN_BE_SEPARATE,
    }
    status = REFUSED if problem else 200
    return render(request, "console/directory/conflicts.html", context, blocks="conflicts", status=status)


def _chosen(found: ConflictQuerySet, chosen: dict[str, object]) -> ConflictQuerySet:
    if chosen.get("show") == "decide":
        found = found.filter(kind__in=TO_DECIDE)
    elif chosen.get("show") == "left":
        found = found.exclude(kind__in=TO_DECIDE)
    if q := chosen.get("q"):
        found = found.filter(name__icontains=str(q))
    if after := chosen.get("after"):
        found = found.filter(pk__gt=after)
    return found.select_related("person").order_by("id")
