"""Single sign-on: a browser of the company's network signs in with the ticket that its person has already."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from box.bridges.directory.backends import silent
from box.bridges.directory.passwords import sign_in_connections
from box.bridges.directory.tickets import SCHEME, Ticket, TicketRefused, read, token_in
from box.core.access.roles import is_within
from box.core.accounts.auditing import SIGN_IN_REFUSED
from box.core.accounts.signing_in import BY_FORM, onward_of, second_step_or_in, sign_in_page
from box.core.registry.auditing import record
from box.core.registry.capabilities import SignInWay
from box.core.registry.origin import address_of
from box.lib.pages import render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.bridges.directory.models import Connection
    from box.core.accounts.models import User

STEP = "ticket"
# The form comes because the browser had no ticket, and not because the person wants it.
NO_TICKET = "no-ticket"


def way(request: HttpRequest) -> SignInWay | None:
    """See `box.core.registry.capabilities.sign_in_ways`: for browsers of the networks that are named."""
    if not _asking(_with_tickets(), request):
        return None
    note = gettext_lazy("This computer has not said who you are: sign in with login and password.")
    return SignInWay(
        gettext_lazy("Sign in as on this computer"),
        reverse("directory:ticket"),
        is_tried_first=True,
        note=note if request.GET.get(BY_FORM) == NO_TICKET else "",
    )


@never_cache
@login_not_required
@require_http_methods(["GET"])
def ticket(request: HttpRequest) -> HttpResponse:
    """Asks the browser for a ticket, and lets in whom it names. Whoever has none is led to the form."""
    onward = onward_of(request)
    connections = _with_tickets()
    if not connections:
        raise Http404
    if request.user.is_authenticated:
        return redirect(onward)
    asking = _asking(connections, request)
    # A page of somebody else could have a picture or a frame sign people in.
    if not asking or request.headers.get("Sec-Fetch-Dest", "document") != "document":
        return redirect(_form(onward))
    if "Authorization" not in request.headers:
        return _ask(request, onward)
    user, answer, problem = _who(asking, request)
    if user is None:
        record(SIGN_IN_REFUSED, step=STEP)
        return sign_in_page(request, problem=problem)
    response = second_step_or_in(request, user, onward, step=STEP, is_proven=False)
    response.headers["WWW-Authenticate"] = f"{SCHEME} {answer}".strip()
    return response


def _with_tickets() -> list[Connection]:
    return [
        connection
        for connection in sign_in_connections()
        if connection.sign_in.kerberos_realm and connection.keytab_sealed
    ]


def _asking(connections: list[Connection], request: HttpRequest) -> list[Connection]:
    """Those that take tickets from where the browser is."""
    address = address_of(request)
    return [one for one in connections if is_within(address, one.sign_in.kerberos_networks)]


def _form(onward: str, why: str = "1") -> str:
    return f"{reverse('accounts:sign-in')}?{urlencode({BY_FORM: why, 'next': onward})}"


def _ask(request: HttpRequest, onward: str) -> HttpResponse:
    """A browser that has a ticket sends it; any other shows the page, and goes on to the form by itself."""
    response = render(request, "directory/ticket.html", {"form": _form(onward)}, status=401)
    response.headers["WWW-Authenticate"] = SCHEME
    response.headers["Refresh"] = f"1; url={_form(onward, NO_TICKET)}"
    return response


def _who(connections: list[Connection], request: HttpRequest) -> tuple[User | None, str, str]:
    """The person and the answer for the browser, or nobody and what is wrong."""
    problem = _("Your computer's sign-in was not taken here: sign in with login and password.")
    token = token_in(request.headers["Authorization"])
    for connection in connections if token else []:
        try:
            shown = read(token, connection.keytab)
        except (TicketRefused, SealBroken):
            continue
        if shown.realm != connection.sign_in.kerberos_realm.upper():
            continue
        user, told = _person(connection, shown, request)
        if user is not None:
            return user, shown.answer, ""
        problem = told or problem
    return None, "", problem


def _person(connection: Connection, shown: Ticket, request: HttpRequest) -> tuple[User | None, str]:
    """By the directory as it is now, not by the name alone: who left may have had this login before."""
    from box.bridges.directory.authentication import Refused, Silent, ask_of_ticket

    try:
        user = ask_of_ticket(connection, shown.login, request=request)
    except Refused as refused:
        return None, str(refused)
    except Silent:
        return None, silent()
    return user, "" if user else _("Your account is not in the portal: ask your administrator.")
