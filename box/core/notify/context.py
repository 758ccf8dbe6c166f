"""What the bell in the bar above every page shows, and the numbers in the menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from box.core.notify.actions import unread_count
from box.core.notify.counters import counters_of

if TYPE_CHECKING:
    from django.http import HttpRequest


def bell(request: HttpRequest) -> dict[str, Any]:
    """`unread()` came with the person's row; a request that changes something counts anew."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"unread": lambda: 0, "counters": tuple}
    is_known = request.method == "GET" and hasattr(user, "unread")
    return {
        "unread": lambda: user.unread if is_known else unread_count(user),
        "counters": lambda: counters_of(user),
    }
