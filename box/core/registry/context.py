"""What the shell around every page needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.backends.utils import csrf_input
from django.utils.functional import SimpleLazyObject

from box.core.registry.capabilities import menu_of, own_pages_of, widgets_of

THEME_COOKIE = "theme"

if TYPE_CHECKING:
    from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """The reader and the menu; None and nothing on pages for people who are not signed in."""
    # One token serves all forms of a page; Django would make (and mask) a new one for each.
    shared = {"csrf_input": SimpleLazyObject(lambda: csrf_input(request))}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {
            **shared,
            "reader": None,
            "menu": [],
            "own_pages": [],
            "widgets": [],
            "theme": theme_of(request),
        }
    own = {
        "menu": menu_of(user),
        "own_pages": own_pages_of(user),
        "widgets": widgets_of(user),
        "theme": user.theme,
    }
    return {**shared, "reader": user, **own}


def theme_of(request: HttpRequest) -> str:
    """The theme of a browser in which nobody is signed in: that of who was, last."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in ("light", "dark") else "auto"
