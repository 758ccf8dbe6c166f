"""What a request is about, as far as its person may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from box.apps.drive.actions.tree import MOST_AT_ONCE
from box.apps.drive.forms import numbers_of
from box.apps.drive.models import Item

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.core.accounts.requests import PersonRequest

CHANGED = "drive-changed"
"""The event by which a page hears that it is to fetch its list anew."""
DONE = "drive-done"
"""The same, and that the dialog which asked for it may close."""


def item_of(request: PersonRequest, pk: int) -> Item:
    seen = Item.objects.visible_to(request.user).there().select_related("drive", "parent", "file__blob")
    return get_object_or_404(seen, pk=pk)


def folder_of(request: PersonRequest, pk: int) -> Item:
    found = item_of(request, pk)
    if not found.is_folder:
        raise Http404
    return found


def items_of(request: PersonRequest, data: QueryDict) -> list[Item]:
    """Those that were chosen in a list: all of them, or 404."""
    ids = numbers_of(data.getlist("items"), most=MOST_AT_ONCE + 1)
    if len(ids) > MOST_AT_ONCE:
        raise PermissionDenied(_("Choose at most %(most)s things at once.") % {"most": MOST_AT_ONCE})
    seen = Item.objects.visible_to(request.user).there().select_related("drive", "parent")
    found = list(seen.filter(pk__in=ids).order_by("pk"))
    if not ids or len(found) != len(ids):
        raise Http404
    return found
