"""Pages of applications: where people allow one to act in their name, and where they are added."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.registry.rest import scopes
from box.lib.pages import render, render_form
from box.rest.access import can_use
from box.rest.forms import ApplicationForm
from box.rest.models import Application, Placement
from box.rest.oauth import add_application, authorize, is_authorized, retire_application
from box.rest.outgoing_pages import for_administrators
from box.rest.portal_id import member_id, server_name
from box.rest.tokens import Secret

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

LONGEST_STATE = 2000


@never_cache
@require_http_methods(["GET", "POST"])
def authorization(request: PersonRequest) -> HttpResponse:
    """The application sends people here with its `client_id`; they leave with a code, or stay with a reason.

    Nothing is ever sent to an address that the request names: only to the one that its administrator wrote.
    """
    application = Application.objects.filter(
        client_id=request.GET.get("client_id", "")[:100], retired_at=None
    ).first()
    state = request.GET.get("state", "")
    if application is None or len(state) > LONGEST_STATE:
        return render(request, "rest/unknown_application.html", {}, status=404)
    if not can_use(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to use applications."))
    if request.method == "GET" and not is_authorized(application, request.user):
        known = dict(scopes.items())
        asked = [known[key] for key in application.scopes if key in known]
        return render(request, "rest/consent.html", {"application": application, "asked": asked})
    address = _way_back(request, application, state)
    if request.method == "GET":
        return HttpResponseRedirect(address, headers={"Referrer-Policy": "no-referrer"})
    # A form may lead nowhere outside by our policy, so that this page does.
    return render(request, "rest/way_back.html", {"application": application, "address": address})


def _way_back(request: PersonRequest, application: Application, state: str) -> str:
    code = Secret.new()
    authorize(application, code, by=request.user, now=timezone.now())
    told = {
        "code": code.text,
        "state": state,
        "domain": server_name(),
        "member_id": member_id(),
        "scope": ",".join(application.scopes),
        "server_domain": server_name(),
    }
    separator = "&" if "?" in application.redirect_uri else "?"
    return f"{application.redirect_uri}{separator}{urlencode(told)}"


@require_GET
def applications(request: PersonRequest) -> HttpResponse:
    for_administrators(request)
    found = Application.objects.filter(retired_at=None).with_people().order_by("name", "id")
    found = found.prefetch_related(Prefetch("placements", Placement.objects.order_by("pk")))
    return render(request, "rest/applications.html", {"applications": found, "scopes": dict(scopes.items())})


@never_cache
@require_http_methods(["GET", "POST"])
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    for_administrators(request)
    form = ApplicationForm(request.POST or None)
    if form.is_valid():
        secret = Secret.new()
        try:
            made = posted_once(
                request, Application, lambda: add_application(form.new_application(), secret, by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if made.secret_digest != secret.digest:
                said = _("You have added this application already, and its secret was shown then.")
                messages.info(request, said)
                return redirect("rest:applications")
            return render(request, "rest/application_made.html", {"application": made, "secret": secret.text})
    return render_form(request, "rest/new_application.html", form)


@require_POST
@recently_proven
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    for_administrators(request)
    application = get_object_or_404(Application, pk=pk)
    retire_application(application, by=request.user, now=timezone.now())
    said = _("“%(name)s” is removed: its tokens open nothing any more.")
    messages.success(request, said % {"name": application.name})
    return redirect("rest:applications")
