"""The feed of one group, as a part of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.feed.filters import chosen_for
from box.apps.feed.views.listing import list_for
from box.core.structure.names import unaddressable
from box.lib.pages import part

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest


def panel(request: PersonRequest, code: str) -> Markup:
    """See `box.core.registry.capabilities.Panel`. Who may not write there has no form to do it."""
    can_write = not unaddressable(request.user, [code])
    context = {**list_for(request, chosen_for(code, request.user)), "can_write": can_write}
    return part(request, "feed/list.html", context, blocks=("composer", "stream"))
