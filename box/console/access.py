"""Who may look after the box."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate

from django.http import Http404

from box.core.access.principals import EVERYONE, codes_of
from box.core.access.rights import has_right

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

    type View[**P, R] = Callable[Concatenate[PersonRequest, P], R]

SEE = "console.see"
RESTART = "console.restart"
BACKUPS = "console.backups"
DIRECTORY = "console.directory"


def can_use_console(user: User) -> bool:
    return has_right(user, SEE)


def can_restart(user: User) -> bool:
    return has_right(user, RESTART)


def can_look_after_backups(user: User) -> bool:
    return has_right(user, BACKUPS)


def can_connect_directories(user: User) -> bool:
    return has_right(user, DIRECTORY)


def works_here(user: User) -> bool:
    """Guests do not."""
    return EVERYONE in codes_of(user)


def can_ask_back(user: User) -> bool:
    """Who works here, and cannot look for it by themselves."""
    return works_here(user) and not can_look_after_backups(user)


def can_upgrade(user: User) -> bool:
    """No right for it: a release is code, which may do all that the box may."""
    return user.is_active and user.is_administrator


def only_for[**P, R: HttpResponseBase](
    is_for: Callable[[User], bool],
) -> Callable[[View[P, R]], View[P, R]]:
    """For everybody else there is no such page."""

    def guard(view: View[P, R]) -> View[P, R]:
        @wraps(view)
        def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not is_for(request.user):
                raise Http404
            return view(request, *args, **kwargs)

        return guarded

    return guard
