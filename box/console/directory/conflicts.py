"""What of a directory is not taken over, and what to do about it: linked, kept apart, unlinked, in a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.bridges.directory.conflicts import link_entry, separate_entry, unlink_person
from box.bridges.directory.models import Conflict, Connection, Link
from box.console.access import can_connect_directories, only_for
from box.console.directory.lists import conflict_list
from box.core.accounts.signing_in import recently_proven
from box.core.lists.views import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
def conflicts(request: PersonRequest, pk: int) -> HttpResponseBase:
    connection = get_object_or_404(Connection, pk=pk)
    context = {"connection": connection, "tab": "conflicts"}
    return answer(request, conflict_list(connection), "console/directory/conflict_list.html", context)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def linking(request: PersonRequest, pk: int) -> HttpResponse:
    """The entry is the person's."""
    conflict = get_object_or_404(Conflict.objects.select_related("connection"), pk=pk)
    said = _("“%(name)s” is linked; the run that follows writes it.") % {"name": conflict.name}
    return _decided(request, lambda: link_entry(conflict, by=request.user), said, of=conflict.connection_id)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def separation(request: PersonRequest, pk: int) -> HttpResponse:
    """The entry is somebody new's."""
    conflict = get_object_or_404(Conflict.objects.select_related("connection"), pk=pk)
    said = _("“%(name)s” is somebody new; the run that follows takes them in.") % {"name": conflict.name}
    return _decided(
        request, lambda: separate_entry(conflict, by=request.user), said, of=conflict.connection_id
    )


@require_POST
@only_for(can_connect_directories)
@recently_proven
def unlinking(request: PersonRequest, pk: int) -> HttpResponse:
    """No directory says any more how this person is."""
    link = get_object_or_404(Link.objects.people(), object_id=pk)
    said = _("The person is the portal's own now; the entry waits in this list.")
    return _decided(request, lambda: unlink_person(link, by=request.user), said, of=link.connection_id)


def _decided(request: PersonRequest, decide: Callable[[], object], said: str, *, of: int) -> HttpResponse:
    """Back to the list of this directory, with what came of it."""
    try:
        decide()
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, said)
    return redirect("console:directory:conflicts", of)
