"""The block of the day beside the feed: see `box.core.people.today`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.people.today import today
from box.lib.pages import part

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest


def aside(request: PersonRequest) -> Markup:
    """See `box.core.registry.capabilities.Aside`."""
    return part(request, "people/today.html", {"day": today.value}, blocks=("aside",))
