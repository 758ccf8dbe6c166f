"""Setting up where a directory is. The same form is tried, looked around with, and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from box.bridges.directory.access import why_locked
from box.bridges.directory.actions import delete_connection, save_connection
from box.bridges.directory.browse import Children, children, tops
from box.bridges.directory.certificates import certificates
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.models import Connection
from box.bridges.directory.presets import preset
from box.bridges.directory.probe import is_good, probe
from box.console.access import can_connect_directories, only_for
from box.console.directory.forms.connection import ConnectionForm
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.lib.pages import REFUSED, number_of, render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

# What the form's buttons ask for besides saving.
TEST, TRUST, TREE, BASE = "test", "trust", "tree", "base"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    """First what kind of directory it is: that fills in most of the rest."""
    kind = request.GET.get("kind", "")
    if kind not in Connection.Kind.values:
        return render(request, "console/directory/kinds.html", {"kinds": Connection.Kind})
    usual = Connection(kind=kind, name=str(Connection.Kind(kind).label), mapping=preset(kind).mapping)
    return _form_page(request, usual)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST", "DELETE"])
@only_for(can_connect_directories)
@recently_proven
def connection(request: PersonRequest, pk: int) -> HttpResponse:
    stored = get_object_or_404(Connection, pk=pk)
    if request.method != "DELETE":
        return _form_page(request, stored)
    delete_connection(stored, by=request.user)
    messages.success(
        request, _("“%(name)s” is removed: its people and departments stay.") % {"name": stored.name}
    )
    return HttpResponse(headers={"HX-Redirect": redirect("console:directory:list").headers["Location"]})


def _form_page(request: PersonRequest, stored: Connection) -> HttpResponse:
    locked = why_locked(request.user, stored) if stored.pk else ""
    if request.method == "GET":
        return _shown(request, stored, ConnectionForm(stored, is_locked=bool(locked)), locked=locked)
    asked = request.POST.get("do", "")
    data = request.POST.copy()
    if asked == TRUST:
        data["ca_pem"] = _with_trusted(data.get("ca_pem", ""), data.get("authority", ""))
    elif asked == BASE:
        data["people_bases"] = _with_base(data.get("people_bases", ""), data.get("dn", ""))
    form = ConnectionForm(stored, data, is_locked=bool(locked))
    is_valid = form.is_valid()
    if asked == BASE:
        return _shown(request, stored, form, fills="people_bases")
    if not is_valid:
        return _shown(request, stored, form, status=REFUSED, locked=locked)
    if asked in (TEST, TRUST):
        steps = probe(form.connection())
        fills = "ca_pem" if asked == TRUST else ""
        shown: dict[str, Any] = {"steps": steps, "is_good": is_good(steps), "fills": fills, "locked": locked}
        return _shown(request, stored, form, **shown)
    if asked == TREE:
        return _looked_around(request, stored, form)
    return _saved(request, stored, form)


def _with_trusted(pem: str, authority: str) -> str:
    """What was shown and compared is added as it was; what is no certificate is not."""
    try:
        return pem.strip() + "\n" + "".join(one.pem for one in certificates(authority))
    except ValueError:
        return pem


def _with_base(bases: str, dn: str) -> str:
    return "\n".join(dict.fromkeys([*bases.split("\n"), dn[:1000]])).strip()


def _looked_around(request: PersonRequest, stored: Connection, form: ConnectionForm) -> HttpResponse:
    """The tree below the form, a folder at a time."""
    dn = request.POST.get("dn", "")[:1000]
    skip = number_of(request.POST, "skip") or 0
    try:
        with connect(form.connection()) as directory:
            found = children(directory, dn, skip=skip) if dn else Children(tops(directory))
    except (DirectoryTrouble, SealBroken) as trouble:
        return _shown(request, stored, form, trouble=str(trouble))
    branch = {
        "nodes": [node for node in found.nodes if node.is_folder],
        "more": None,
        "dn": dn,
        "picks": True,
    }
    if dn:
        return render(request, "console/directory/branch.html", {"branch": branch, "connection": stored})
    return _shown(request, stored, form, branch=branch)


def _saved(request: PersonRequest, stored: Connection, form: ConnectionForm) -> HttpResponse:
    made = form.connection()
    is_new = made.pk is None
    try:
        if not made.people_bases:
            made.people_bases = _all_of(made)
        if is_new:
            made = posted_once(request, Connection, lambda: _created(made, request))
        else:
            save_connection(made, by=request.user)
    except DirectoryTrouble as trouble:
        return _shown(request, stored, form, trouble=str(trouble), status=REFUSED)
    except ValidationError as error:
        form.add_error(None, error)
        return _shown(request, stored, form, status=REFUSED)
    messages.success(request, _("“%(name)s” is saved.") % {"name": made.name})
    return redirect("console:directory:mapping" if is_new else "console:directory:overview", made.pk)


def _all_of(made: Connection) -> list[str]:
    """Where nobody says which part of it: all that the server holds."""
    with connect(made) as directory:
        return [directory.root().default_naming_context]


def _created(made: Connection, request: PersonRequest) -> Connection:
    save_connection(made, by=request.user)
    return made


def _shown(
    request: PersonRequest, stored: Connection, form: ConnectionForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    """htmx gets what is below the form: what was typed stays, the password too. `fills` names a field."""
    context = {
        "connection": stored,
        "form": form,
        "tab": "connection",
        "locked": "",
        "steps": [],
        "is_good": False,
        "fills": "",
        "trouble": "",
        "branch": None,
        **more,
    }
    return render(request, "console/directory/connection.html", context, blocks="tried", status=status)
