"""Where one begins, what explains it, and the company's picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from box.core.files.display import PICTURES, link_to, link_to_picture
from box.core.portal.actions import logo_file, offer_setup
from box.core.portal.help import INDEX, contents, help_page, page_for
from box.core.portal.setup import is_to_be_offered
from box.core.registry.capabilities import menu_of
from box.lib.addresses import parts_of
from box.lib.pages import render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
@never_cache
def home(request: PersonRequest) -> HttpResponse:
    """The first thing in the menu, whichever services there are; once, for an administrator, the setup."""
    if is_to_be_offered(request.user):
        offer_setup(by=request.user)
        return redirect("console:setup")
    entries = menu_of(request.user)
    return redirect(entries[0].url_name if entries else "accounts:profile")


@require_GET
def help_for(request: PersonRequest) -> HttpResponse:
    """Leads from a screen, named by `at`, to the page that explains it.

    A boosted link keeps the address it was made with, so there the screen is the one that htmx names.
    """
    screen = parts_of(request.headers.get("HX-Current-URL", "")).path
    name = page_for(screen or request.GET.get("at", ""))
    return redirect("portal:help-contents") if name == INDEX else redirect("portal:help-page", name)


@require_GET
def help_contents(request: PersonRequest) -> HttpResponse:
    return render(request, "portal/help_contents.html", {"pages": contents(get_language() or "en")})


@require_GET
def help_on(request: PersonRequest, name: str) -> HttpResponse:
    page = help_page(name, get_language() or "en")
    if page is None:
        raise Http404
    return render(request, "portal/help.html", {"page": page})


@require_GET
@login_not_required
def logo(request: HttpRequest, number: int) -> HttpResponse:
    """Leads to the picture as the store gives it; also for whoever has yet to sign in."""
    file = logo_file()
    if file is None or file.pk != number or file.blob.content_type not in PICTURES:
        raise Http404
    picture, host = file.blob.preview, request.get_host()
    answer = redirect(link_to_picture(picture, host=host) if picture else link_to(file, host=host))
    # The link lives for a minute.
    answer.headers["Cache-Control"] = "private, max-age=45"
    return answer
