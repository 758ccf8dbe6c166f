"""What somebody without an account sees of a link. The address is the key: it stays out of logs of others
(no referrer to other hosts), of caches and of search engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from math import ceil

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.hashers import check_password
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.drive.actions.sharing import note_fetched
from box.apps.drive.forms import PasswordForm
from box.apps.drive.lists import BY_NAME
from box.apps.drive.models import PAGE, Item, OutsideLink
from box.apps.drive.presenters import Step
from box.core.accounts.throttle import Attempt
from box.core.files.display import link_to
from box.core.registry.auditing import About, record
from box.core.registry.origin import address_of
from box.lib.pages import render, render_form

FETCHED = "drive.fetched-outside"
PROVEN_FOR = timedelta(hours=12)
_SALT = "drive.link-password"


def discreet(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Opens without an account, and leaves no trace of its address anywhere else."""

    @login_not_required
    @never_cache
    @wraps(view)
    def answered(request: HttpRequest, token: str, pk: int | None = None) -> HttpResponse:
        link = (
            OutsideLink.objects.open(timezone.now())
            .of_token(token)
            .select_related("item", "created_by")
            .first()
        )
        if link is None or link.item.trashed_at:
            response = render(request, "drive/outside_gone.html", status=404)
        elif not _is_proven(request, link):
            response = _ask_password(request, link)
        else:
            response = view(request, link, pk)
        # Not `no-referrer`: a form would not say where it comes from then, and be refused.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return answered


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@discreet
def page(request: HttpRequest, link: OutsideLink, pk: int | None) -> HttpResponse:
    item = _item(link, pk or link.item_id)
    if not item.is_folder:
        return render(request, "drive/outside.html", {"link": link, "item": item, "way": []})
    seen = Item.objects.readable_through(link.item).filter(parent=item)
    rows = seen.select_related("file__blob")
    context = {
        "link": link,
        "item": item,
        "way": _way_to(link, item),
        "found": BY_NAME.page(rows, after=request.GET.get("after", ""), size=PAGE),
    }
    return render(request, "drive/outside.html", context, blocks="rows")


@require_GET
@discreet
def content(request: HttpRequest, link: OutsideLink, pk: int | None) -> HttpResponse:
    item = _item(link, pk or 0)
    if item.file is None:
        raise Http404
    address = link_to(item.file, host=request.get_host())
    note_fetched(link)
    about = About("drive.item", item.pk, item.name)
    record(FETCHED, actor=_("an outsider"), about=about, number=link.pk, by=link.created_by.name)
    return HttpResponseRedirect(address, headers={"Cache-Control": "no-store"})


def _item(link: OutsideLink, pk: int) -> Item:
    seen = Item.objects.readable_through(link.item).select_related("file__blob")
    return get_object_or_404(seen, pk=pk)


def _way_to(link: OutsideLink, item: Item) -> list[Step]:
    """From what the link is about down to the folder that one is in."""
    above = item.ancestors[item.ancestors.index(link.item_id) :] if item.pk != link.item_id else []
    names = dict(Item.objects.filter(pk__in=above).values_list("pk", "name"))
    return [Step(pk, names[pk]) for pk in above]


def _is_proven(request: HttpRequest, link: OutsideLink) -> bool:
    if not link.password:
        return True
    given = request.get_signed_cookie(
        _cookie(link), default="", salt=_SALT, max_age=int(PROVEN_FOR.total_seconds())
    )
    return given == _mark(link)


def _ask_password(request: HttpRequest, link: OutsideLink) -> HttpResponse:
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        attempt = Attempt(f"link {link.pk}", address_of(request))
        if wait := attempt.wait(timezone.now()):
            form.add_error(None, _too_often(wait))
        elif check_password(form.cleaned_data["password"], link.password):
            attempt.succeeded()
            return _let_in(request, link)
        else:
            attempt.failed()
            form.add_error("password", _("This is not the password of the link."))
    return render_form(request, "drive/outside_password.html", form, {"link": link})


def _too_often(wait: timedelta) -> str:
    minutes = ceil(wait.total_seconds() / 60)
    return ngettext(
        "Too many wrong passwords. Try again in %(num)s minute.",
        "Too many wrong passwords. Try again in %(num)s minutes.",
        minutes,
    ) % {"num": minutes}


def _let_in(request: HttpRequest, link: OutsideLink) -> HttpResponse:
    response = redirect(link)
    response.set_signed_cookie(
        _cookie(link), _mark(link), salt=_SALT, max_age=PROVEN_FOR, httponly=True, samesite="Lax",
        secure=request.is_secure(), path=reverse("drive:outside", args=[link.token]),
    )  # fmt: skip
    return response


def _cookie(link: OutsideLink) -> str:
    return f"link-{link.pk}"


def _mark(link: OutsideLink) -> str:
    """Of this password: another one has to be given anew."""
    return link.password[-16:]
