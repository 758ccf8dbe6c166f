"""Throwing away, and what can still be brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.drive.access import can_edit, has_own_drive
from box.apps.drive.actions import trash
from box.apps.drive.lists import trash_list
from box.apps.drive.models import KEPT_IN_TRASH_DAYS, Item
from box.apps.drive.presenters import name_of, section_of
from box.apps.drive.views.items import done, refused
from box.apps.drive.views.lookup import DONE, folder_of, item_of, thrown_of
from box.core.lists.views import answer
from box.lib.pages import wants_part, with_toast

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def of_drive(request: PersonRequest, pk: int) -> HttpResponseBase:
    """What was thrown away on the drive with this root, the newest first."""
    root = folder_of(request, pk)
    if not root.is_root:
        raise Http404
    if not can_edit(request.user, root):
        raise PermissionDenied(_("You may look at this drive, but not change it."))
    context = {
        "root": root,
        "title": name_of(root.drive, request.user),
        "section": section_of(root.drive, request.user),
        "days": KEPT_IN_TRASH_DAYS,
        "has_own": has_own_drive(request.user),
    }
    return answer(request, trash_list(root, request.user), "drive/trash.html", context)


@require_POST
def throwing(request: PersonRequest, pk: int) -> HttpResponse:
    item = item_of(request, pk)
    folder = item.parent or item
    try:
        trash.throw_away([item], by=request.user)
    except ValidationError as error:
        return refused(request, folder, error)
    said = _("“%(name)s” is in the trash.") % {"name": item.name}
    if not wants_part(request):
        return done(request, folder, said)
    action = {"label": _("Undo"), "url": reverse("drive:restoration", args=[pk]), "values": {}}
    return with_toast(HttpResponse(status=204), said, action=action, event=DONE)


@require_POST
def restoration(request: PersonRequest, pk: int) -> HttpResponse:
    item = thrown_of(request, pk)
    try:
        back = trash.bring_back(item, by=request.user)
    except ValidationError as error:
        return refused(request, item, error)
    return done(request, back.parent or back, _("“%(name)s” is back.") % {"name": back.name})


@require_http_methods(["DELETE"])
def trashed(request: PersonRequest, pk: int) -> HttpResponse:
    item = thrown_of(request, pk)
    trash.purge(item, by=request.user)
    root = Item.objects.get(drive=item.drive, parent=None)
    return done(request, root, _("“%(name)s” is deleted for good.") % {"name": item.name})
