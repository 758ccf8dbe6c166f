"""What a request is about, as far as its person may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404

from box.apps.drive.models import Item

if TYPE_CHECKING:
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


def thrown_of(request: PersonRequest, pk: int) -> Item:
    """Of the trash, what was put there itself."""
    seen = Item.objects.visible_to(request.user).thrown_away().select_related("drive", "parent")
    return get_object_or_404(seen, pk=pk)
