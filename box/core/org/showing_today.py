"""The block of the day beside the feed: see `box.core.org.today`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.org.today import today
from box.lib.pages import part

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest


def aside(request: PersonRequest) -> Markup:
    """See `box.core.registry.capabilities.Aside`."""
    return part(request, "org/today.html", {"day": today.value}, blocks=("aside",))
