"""The drive of a group, as a part of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.drive.actions.tree import root_of
from box.apps.drive.presenters import folder_context
from box.apps.drive.views.listing import list_of
from box.core.lists.views import PAGE, first_page
from box.lib.pages import part

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest


def panel(request: PersonRequest, code: str) -> Markup:
    """See `box.core.registry.capabilities.Panel`."""
    folder = root_of(code, by=request.user)
    table = first_page(list_of(folder, request.user), folder.get_absolute_url(), reader=request.user)
    head = part(request, "drive/list.html", folder_context(folder, request.user), blocks=("top", "above"))
    return head + part(request, PAGE, {"table": table}, blocks=("bar", "list"))
