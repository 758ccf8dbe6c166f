"""Who is behind a session cookie, and what they may know. Blocking: called in the service's threads."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.db import close_old_connections
from django.http import HttpRequest

from box.core.access.principals import codes_of
from box.core.push.hub import Listener
from box.core.registry.settings import as_of, read_version

if TYPE_CHECKING:
    from box.core.accounts.models import User

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def identify(session_key: str) -> Listener | None:
    """The person who is signed in with this session, None if nobody is (any longer)."""
    close_old_connections()
    try:
        request = HttpRequest()
        request.session = session = SessionStore(session_key)
        # `get_user` deletes a session that doesn't fit the person's password. That is not for a reader to do:
        # the portal may be about to write the one that does.
        session.flush = session.clear
        user = get_user(request)
        if not user.is_authenticated:
            return None
        return Listener(user.pk, session_key, _codes_now(user))
    finally:
        close_old_connections()


def codes(user_id: int) -> frozenset[str]:
    """What this person may know now: nothing if they may not sign in."""
    close_old_connections()
    try:
        user = get_user_model().objects.filter(pk=user_id).first()
        return _codes_now(user) if user else frozenset()
    finally:
        close_old_connections()


def _codes_now(user: User) -> frozenset[str]:
    """What roles and permissions say is read once a version: a crowd that comes back asks for all of them."""
    with as_of(read_version()):
        return codes_of(user)
