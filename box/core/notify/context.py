"""What the bell in the bar above every page shows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from box.core.notify.actions import unread_count

if TYPE_CHECKING:
    from django.http import HttpRequest


def bell(request: HttpRequest) -> dict[str, Any]:
    """`unread` is called by the bell, so that a part of a page, which has none, costs no query."""
    user = getattr(request, "user", None)
    return {"unread": partial(unread_count, user) if user and user.is_authenticated else lambda: 0}
