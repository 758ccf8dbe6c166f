"""The drive of a group, as a part of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.drive.actions.tree import root_of
from box.apps.drive.forms import ListFilter
from box.apps.drive.presenters import folder_context
from box.lib.pages import part

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest


def panel(request: PersonRequest, code: str) -> Markup:
    """See `box.core.registry.capabilities.Panel`."""
    folder = root_of(code, by=request.user)
    context = folder_context(folder, request.user, ListFilter.of(request.GET))
    return part(request, "drive/list.html", context, blocks=("browser",))
