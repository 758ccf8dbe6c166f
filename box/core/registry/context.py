"""What the shell around every page needs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.middleware.csrf import get_token
from django.utils.functional import SimpleLazyObject
from markupsafe import Markup

from box.core.registry.capabilities import menu_of, own_pages_of, tabs_of, widgets_of

THEME_COOKIE = "theme"
_CSRF_INPUT = Markup('<input type="hidden" name="csrfmiddlewaretoken" value="{}">')

if TYPE_CHECKING:
    from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """The reader and the menu; None and nothing on pages for people who are not signed in. What a part of a
    page does not show is found out when a template calls it."""
    # One token serves a page and all its forms; Django would mask a new one for each.
    token = SimpleLazyObject(lambda: get_token(request))
    shared = {
        "csrf_token": token,
        "csrf_input": SimpleLazyObject(lambda: _CSRF_INPUT.format(token)),
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {
            **shared,
            "reader": None,
            "menu": tuple,
            "own_pages": tuple,
            "widgets": tuple,
            "tabs_of": lambda *about: (),
            "theme": theme_of(request),
        }
    own = {
        "menu": partial(menu_of, user),
        "own_pages": partial(own_pages_of, user),
        "widgets": partial(widgets_of, user),
        "tabs_of": partial(tabs_of, user),
        "theme": user.theme,
    }
    return {**shared, "reader": user, **own}


def theme_of(request: HttpRequest) -> str:
    """The theme of a browser in which nobody is signed in: that of who was, last."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in ("light", "dark") else "auto"
