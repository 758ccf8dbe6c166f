"""Who is behind a session cookie, and what they may know. Blocking: called in the service's threads."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils import timezone

from box.core.access.principals import codes_of
from box.core.access.roles import may_come_from
from box.core.accounts.factors import is_overdue
from box.core.push.hub import Listener
from box.core.registry.settings import as_of, read_version

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


class KeptOut(Exception):
    """Somebody is signed in, and may not go on: the pages' gate says why and what to do."""


def identify(session_key: str, address: str) -> Listener | None:
    """The person who is signed in with this session, None if nobody is (any longer). Raises KeptOut."""
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
        with as_of(read_version()):
            if not may_come_from(user, address) or is_overdue(user, timezone.now()):
                raise KeptOut
            return Listener(user.pk, session_key, address, codes_of(user))
    finally:
        close_old_connections()


def codes(user_id: int) -> frozenset[str]:
    """What this person may know now: nothing if they may not sign in."""
    close_old_connections()
    try:
        user = get_user_model().objects.filter(pk=user_id).first()
        # What roles and permissions say is read once a version: a crowd that comes back asks for all of them.
        with as_of(read_version()):
            return codes_of(user) if user else frozenset()
    finally:
        close_old_connections()
