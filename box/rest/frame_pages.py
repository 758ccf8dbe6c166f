"""Where people see pages of applications, each in a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.csp import build_policy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.signing_in import recently_proven
from box.core.registry.capabilities import Card, Ref, cards_of
from box.core.registry.environment import url
from box.core.registry.rest import scopes
from box.lib.pages import number_of, render
from box.rest.access import can_use
from box.rest.frames import SANDBOX, open_frame
from box.rest.models import Placement
from box.rest.oauth import allow, is_authorized
from box.rest.outgoing_pages import for_administrators
from box.rest.placements import in_the_menu, place_of, placed, remove_placement

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
def pages(request: PersonRequest) -> HttpResponse:
    _must_use(request)
    return render(request, "rest/pages.html", {"pages": in_the_menu(request.user)})


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: PersonRequest, pk: int) -> HttpResponse:
    """With the frame, or with the question whether the application may act in this person's name."""
    placement, card = _shown(request, pk)
    application = placement.application
    if request.method == "POST":
        allow(application, by=request.user, now=timezone.now())
        return redirect(request.get_full_path())
    known = dict(scopes.items())
    context = {
        "placement": placement,
        "application": application,
        "title": next(one.title for one in placed.value[placement.place] if one.pk == pk),
        "card": card,
        "host": urlsplit(placement.handler).netloc,
        "group_id": number_of(request.GET, "group"),
        "here": request.get_full_path(),
        "is_allowed": is_authorized(application, request.user),
        "asked": [known[key] for key in application.scopes if key in known],
        "frame": f"{url('rest:frame', pk)}?{request.GET.urlencode()}",
    }
    return render(request, "rest/page.html", context)


@never_cache
@require_GET
@xframe_options_sameorigin
def frame(request: PersonRequest, pk: int) -> HttpResponse:
    placement, card = _shown(request, pk)
    opened = open_frame(
        placement,
        about=card.ref.id if card else None,
        uri=card.url if card else url("rest:page", pk),
        by=request.user,
        now=timezone.now(),
    )
    context = {"frame": opened, "sandbox": SANDBOX, "title": placement.application.name}
    response = render(request, "rest/frame.html", context)
    response.headers["Content-Security-Policy"] = build_policy(opened.policy)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _shown(request: PersonRequest, pk: int) -> tuple[Placement, Card | None]:
    """With the object that it stands beside, if it stands beside one. Of what this person may not see there
    is no such page."""
    _must_use(request)
    alive = Placement.objects.filter(application__retired_at=None).select_related("application")
    placement: Placement = get_object_or_404(alive, pk=pk)
    place = place_of(placement.place)
    if place is None:
        raise Http404
    if not place.kind:
        return placement, None
    ref = Ref(place.kind, number_of(request.GET, "of") or 0)
    card = cards_of([ref], request.user).get(ref)
    if card is None:
        raise Http404
    return placement, card


def _must_use(request: PersonRequest) -> None:
    if not can_use(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to use applications."))


@require_POST
@recently_proven
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    for_administrators(request)
    placement = get_object_or_404(Placement.objects.select_related("application"), pk=pk)
    remove_placement(placement, by=request.user)
    messages.success(request, _("The page is shown in the portal no more."))
    return redirect("rest:applications")
