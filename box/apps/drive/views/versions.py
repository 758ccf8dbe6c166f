"""What a file was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from box.apps.drive.actions.locking import allowed
from box.apps.drive.actions.versions import bring_back_version, new_version
from box.apps.drive.models import Item, Version
from box.apps.drive.views.items import done, refused
from box.apps.drive.views.lookup import item_of
from box.core.accounts.auditing import called
from box.core.events.nonces import posted_once
from box.core.files.display import link_to_blob
from box.core.registry.auditing import About, record
from box.lib.pages import number_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

FETCHED = "drive.version"


@require_POST
def versions(request: PersonRequest, pk: int) -> HttpResponse:
    """A file that the browser has just uploaded becomes the newest version of this one."""
    item = allowed(item_of(request, pk), by=request.user)
    given = number_of(request.POST, "files") or 0

    def take() -> Item:
        new_version(item, given, by=request.user)
        return item

    try:
        posted_once(request, Item, take)
    except ValidationError as error:
        return refused(request, item, error)
    return done(request, item, _("The file has a new version."))


@require_POST
def version(request: PersonRequest, pk: int) -> HttpResponse:
    found = _version(request, pk)
    try:
        bring_back_version(found, by=request.user)
    except ValidationError as error:
        return refused(request, found.item, error)
    return done(
        request, found.item, _("The file is as it was in version %(number)s.") % {"number": found.number}
    )


@require_GET
def content(request: PersonRequest, pk: int) -> HttpResponse:
    found = _version(request, pk)
    name = found.item.name
    link = link_to_blob(found.blob, name, host=request.get_host())
    about = About("drive.item", found.item_id, name)
    record(FETCHED, by_id=request.user.pk, actor=called(request.user), about=about, number=found.number)
    return HttpResponseRedirect(link, headers={"Cache-Control": "no-store"})


def _version(request: PersonRequest, pk: int) -> Version:
    found = get_object_or_404(Version.objects.select_related("item__drive", "blob"), pk=pk)
    if not Item.objects.visible_to(request.user).there().filter(pk=found.item_id).exists():
        raise Http404
    return found
