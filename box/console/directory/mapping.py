"""What the directory's attributes become here, beside what that makes of real people; and the rules."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.bridges.directory.access import why_locked
from box.bridges.directory.actions import save_connection
from box.bridges.directory.browse import attribute_names, shown_photo
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.mapping import Mapping
from box.bridges.directory.models import Connection
from box.bridges.directory.presets import people_filter
from box.bridges.directory.reader import PersonEntry, Reader
from box.console.access import can_connect_directories, only_for
from box.console.directory.forms.mapping import MappingForm
from box.console.directory.forms.rules import RulesForm
from box.console.directory.forms.sign_in import SignInForm
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import REFUSED, render, render_form
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

# So many are read, and those of whom most is known are shown.
LOOKED_AT = 40
EXAMPLES = 3


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
@recently_proven
def mapping(request: PersonRequest, pk: int) -> HttpResponse:
    """With `show` nothing is saved: the values beside the rows are those of what is chosen right now."""
    connection = get_object_or_404(Connection, pk=pk)
    form = MappingForm(connection.mapping, request.POST if request.method == "POST" else None)
    if form.is_valid() and "show" not in request.POST:
        connection.mapping = form.result()
        save_connection(connection, by=request.user)
        messages.success(request, _("The mapping is saved."))
        return redirect("console:directory:overview", pk)
    chosen = form.result() if form.is_bound and form.is_valid() else connection.mapping
    people, attributes, trouble = _examples(connection, chosen)
    context = {
        "connection": connection,
        "tab": "mapping",
        "locked": why_locked(request.user, connection),
        "form": form,
        "people": people,
        "attributes": attributes,
        "trouble": trouble,
    }
    is_refused = form.is_bound and not form.is_valid()
    status = REFUSED if is_refused else 200
    return render(request, "console/directory/mapping.html", context, blocks="table", status=status)


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
@recently_proven
def rules(request: PersonRequest, pk: int) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=pk)
    form = RulesForm(connection.rules, request.POST if request.method == "POST" else None)
    if form.is_valid():
        connection.rules = form.result()
        save_connection(connection, by=request.user)
        messages.success(request, _("The rules are saved."))
        return redirect("console:directory:overview", pk)
    context = {"connection": connection, "tab": "rules", "locked": why_locked(request.user, connection)}
    return render_form(request, "console/directory/rules.html", form, context)


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
@recently_proven
def sign_in(request: PersonRequest, pk: int) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=pk)
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = SignInForm(connection, *sent)
    if form.is_valid():
        connection.sign_in = form.result()
        if keytab := form.cleaned_data["keytab"]:
            connection.keytab = keytab
        save_connection(connection, by=request.user)
        messages.success(request, _("The rules are saved."))
        return redirect("console:directory:overview", pk)
    context = {"connection": connection, "tab": "sign-in", "locked": why_locked(request.user, connection)}
    return render_form(request, "console/directory/sign_in.html", form, context)


@dataclass(frozen=True)
class Example:
    """Somebody of the directory, as they would be here."""

    person: PersonEntry

    @property
    def photo(self) -> str:
        return shown_photo(self.person.photo) if self.person.photo else ""


def _examples(connection: Connection, chosen: Mapping) -> tuple[list[Example], list[str], str]:
    """Those of the first people of whom most is known, which attributes there are, and why there are none."""
    tried = copy(connection)
    tried.mapping = chosen
    try:
        with connect(connection) as directory:
            reader = Reader(directory, tried)
            first = list(islice(reader.people(), LOOKED_AT))
            names = attribute_names(directory, reader.bases[0], people_filter(connection))
    except (DirectoryTrouble, SealBroken) as trouble:
        return [], [], str(trouble)
    first.sort(key=lambda person: (person.is_disabled, not person.photo, -len(person.fields)))
    return [Example(person) for person in first[:EXAMPLES]], names, ""
