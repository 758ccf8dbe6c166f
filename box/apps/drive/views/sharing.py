"""Who can open something: colleagues by name, department or group, and outsiders by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.drive.access import can_share, can_show_outside, has_own_drive
from box.apps.drive.actions import sharing
from box.apps.drive.forms import LinkForm
from box.apps.drive.models import Item, OutsideLink, Share
from box.apps.drive.views.lookup import CHANGED, item_of
from box.core.events.nonces import posted_once
from box.core.structure.names import found_for, named
from box.lib.pages import REFUSED, render, with_toast

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def access(request: PersonRequest, pk: int) -> HttpResponse:
    """POST lets more people open it, or the same ones do more."""
    item = item_of(request, pk)
    if request.method == "GET":
        return _access_page(request, item)
    try:
        sharing.share_item(
            item,
            request.POST.getlist("audience")[: sharing.MOST_SHARES + 1],
            can_edit=request.POST.get("level") == "edit",
            by=request.user,
        )
    except ValidationError as error:
        return _access_page(request, item, problem=" ".join(error.messages))
    return with_toast(_access_page(request, item), _("It is shared."), event=CHANGED)


@require_POST
def inheritance(request: PersonRequest, pk: int) -> HttpResponse:
    item = item_of(request, pk)
    sharing.set_inheritance(item, request.POST.get("on") == "1", by=request.user)
    return with_toast(_access_page(request, item), _("Who may open it is changed."), event=CHANGED)


@sensitive_post_parameters("password")
@require_POST
def links(request: PersonRequest, pk: int) -> HttpResponse:
    item = item_of(request, pk)
    form = LinkForm(request.POST)
    if form.is_valid():
        try:
            posted_once(
                request,
                OutsideLink,
                lambda: sharing.make_link(
                    item, password=form.cleaned_data["password"], expires_at=form.expires_at, by=request.user
                ),
            )
            return with_toast(_access_page(request, item), _("The link is made."), event=CHANGED)
        except ValidationError as error:
            form.add_error(None, error)
    return _access_page(request, item, form)


@require_http_methods(["DELETE"])
def share(request: PersonRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Share.objects.select_related("item"), pk=pk)
    item = item_of(request, found.item_id)
    try:
        sharing.end_share(found, by=request.user)
    except ValidationError as error:
        return _access_page(request, item, problem=" ".join(error.messages))
    return with_toast(_access_page(request, item), _("It is not shared with them any more."), event=CHANGED)


@require_http_methods(["DELETE"])
def link(request: PersonRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(OutsideLink.objects.select_related("item__drive"), pk=pk)
    item = item_of(request, found.item_id)
    sharing.end_link(found, by=request.user)
    return with_toast(_access_page(request, item), _("The link leads nowhere any more."), event=CHANGED)


@require_GET
def principals(request: PersonRequest) -> HttpResponse:
    """With whom one may share, as found by a part of the name."""
    if not has_own_drive(request.user):
        raise Http404
    found = found_for(request.user, request.GET.get("q", "")[:200])
    return render(request, "principals.html", {"principals": found, "section": "drive"}, blocks="options")


def _access_page(
    request: PersonRequest, item: Item, form: LinkForm | None = None, *, problem: str = ""
) -> HttpResponse:
    # As it is by now: whoever takes themselves out sees it no more.
    item = item_of(request, item.pk)
    if not can_share(request.user, item):
        raise PermissionDenied(_("Who may open this is not yours to say."))
    shares = list(item.shares.order_by("pk"))
    names = named([*(share.code for share in shares), *item.audience], reader=request.user)
    shown = [(share, names[share.code]) for share in shares if share.code in names]
    direct = {share.code for share in shares}
    open_links = OutsideLink.objects.open(timezone.now()).filter(item=item).select_related("created_by")
    context = {
        "item": item,
        "shares": shown,
        "inherited": [one for code, one in names.items() if code not in direct],
        "links": [(link, request.build_absolute_uri(link.get_absolute_url())) for link in open_links],
        "form": form or LinkForm.blank(),
        "problem": problem,
        "can_link": can_show_outside(request.user, item),
    }
    status = REFUSED if problem or form else 200
    return render(request, "drive/access.html", context, blocks="dialog", status=status)
