"""What a client sees of a paper behind its link. The address is the key: it stays out of logs of others (no
referrer to other hosts), of caches and of search engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from box.apps.crm.actions.papers import note_opened
from box.apps.crm.lines import lines_of
from box.apps.crm.models import PaperLink, Record
from box.apps.crm.paper_document import heading_of, language_of
from box.apps.crm.presenters import money
from box.apps.crm.views.papers import name_of
from box.core.accounts.throttle import Quota
from box.core.files.display import link_to_blob
from box.core.registry.origin import address_of
from box.lib.pages import render

# Of one network within a quarter of an hour.
MOST_OPENED = 120


def discreet(view: Callable[[HttpRequest, PaperLink], HttpResponse]) -> Callable[..., HttpResponse]:
    """Opens without an account, so often and no more, and leaves no trace of its address anywhere else."""

    @login_not_required
    @never_cache
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponse:
        now = timezone.now()
        if not Quota("crm.paper", address_of(request), MOST_OPENED).take(now):
            response = render(request, "crm/outside_gone.html", {"is_too_often": True}, status=429)
        elif (link := _link(token)) is None:
            response = render(request, "crm/outside_gone.html", {"is_too_often": False}, status=404)
        else:
            response = view(request, link)
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return answered


def _link(token: str) -> PaperLink | None:
    rows = PaperLink.objects.open(timezone.now()).of_token(token).filter(paper__record__deleted_at=None)
    return rows.select_related(
        "paper__seller", "paper__template", "paper__pdf", "created_by", "paper__record__type"
    ).first()


@require_GET
@discreet
def page(request: HttpRequest, link: PaperLink) -> HttpResponse:
    """In the language of the paper."""
    note_opened(link, timezone.now())
    record: Record = link.paper.record
    with translation.override(language_of(link.paper)):
        context = {
            "link": link, "paper": link.paper, "record": record, "heading": heading_of(link.paper),
            "lines": lines_of(record), "amount": money(record.amount, record.currency),
        }  # fmt: skip
        return render(request, "crm/outside.html", context)


@require_GET
@discreet
def pdf(request: HttpRequest, link: PaperLink) -> HttpResponse:
    if link.paper.pdf is None:
        raise Http404
    with translation.override(language_of(link.paper)):
        name = name_of(link.paper)
    address = link_to_blob(link.paper.pdf, name, host=request.get_host())
    return HttpResponseRedirect(address, headers={"Cache-Control": "no-store"})
