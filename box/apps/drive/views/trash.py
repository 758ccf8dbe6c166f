"""Throwing away, and what can still be brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.drive.access import can_edit, has_own_drive
from box.apps.drive.actions import trash
from box.apps.drive.actions.tree import MOST_AT_ONCE
from box.apps.drive.forms import numbers_of
from box.apps.drive.models import KEPT_IN_TRASH_DAYS, PAGE, Item
from box.apps.drive.presenters import name_of, section_of
from box.apps.drive.views.items import done, refused
from box.apps.drive.views.lookup import DONE, folder_of, items_of
from box.lib.pages import number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
def of_drive(request: PersonRequest, pk: int) -> HttpResponse:
    """What was thrown away on the drive with this root, the newest first."""
    root = folder_of(request, pk)
    if not root.is_root:
        raise Http404
    if not can_edit(request.user, root):
        raise PermissionDenied(_("You may look at this drive, but not change it."))
    before = number_of(request.GET, "before")
    gone = Item.objects.visible_to(request.user).thrown_away().filter(drive=root.drive)
    gone = gone.select_related("trashed_by", "file__blob").order_by("-pk")
    found = list((gone.filter(pk__lt=before) if before else gone)[: PAGE + 1])
    context = {
        "root": root,
        "title": name_of(root.drive, request.user),
        "section": section_of(root.drive, request.user),
        "items": found[:PAGE],
        "has_more": len(found) > PAGE,
        "days": KEPT_IN_TRASH_DAYS,
        "has_own": has_own_drive(request.user),
    }
    return render(request, "drive/trash.html", context, blocks="rows" if before else "items")


@require_POST
def throwing(request: PersonRequest) -> HttpResponse:
    items = items_of(request, request.POST)
    folder = items[0].parent or items[0]
    try:
        trash.throw_away(items, by=request.user)
    except ValidationError as error:
        return refused(request, folder, error)
    said = ngettext("%(num)s thing is in the trash.", "%(num)s things are in the trash.", len(items))
    said = said % {"num": len(items)}
    if not wants_part(request):
        return done(request, folder, said)
    values = {"items": [item.pk for item in items]}
    action = {"label": _("Undo"), "url": reverse("drive:restoration"), "values": values}
    return with_toast(HttpResponse(status=204), said, action=action, event=DONE)


@require_POST
def restoration(request: PersonRequest) -> HttpResponse:
    items = _trashed_of(request, numbers_of(request.POST.getlist("items"), most=MOST_AT_ONCE))
    try:
        back = trash.bring_back_all(items, by=request.user)
    except ValidationError as error:
        return refused(request, items[0], error)
    said = ngettext("%(num)s thing is back.", "%(num)s things are back.", len(back)) % {"num": len(back)}
    return done(request, back[0].parent or back[0], said)


def _trashed_of(request: PersonRequest, ids: list[int]) -> list[Item]:
    seen = Item.objects.visible_to(request.user).thrown_away().select_related("drive", "parent")
    found = list(seen.filter(pk__in=ids).order_by("pk"))
    if not ids or len(found) != len(ids):
        raise Http404
    return found


@require_http_methods(["DELETE"])
def trashed(request: PersonRequest, pk: int) -> HttpResponse:
    seen = Item.objects.visible_to(request.user).thrown_away().select_related("drive")
    item = get_object_or_404(seen, pk=pk)
    trash.purge(item, by=request.user)
    root = Item.objects.get(drive=item.drive, parent=None)
    return done(request, root, _("“%(name)s” is deleted for good.") % {"name": item.name})
