"""A wrong password of the bind account is tried once in a while only, by people who sign in and by runs taken
together: else the box would lock its own account."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from box.bridges.directory.models import Connection

REFUSED_FOR = timedelta(minutes=30)


def is_bind_refused(connection: Connection, *, now: datetime) -> bool:
    """Whether it was, not long ago, and the directory is still asked in the same way."""
    at = connection.bind_refused_at
    is_as_it_was = connection.bind_refused_for == way_of(connection)
    return at is not None and is_as_it_was and now - at < REFUSED_FOR


def way_of(connection: Connection) -> str:
    """Another one as soon as anything is changed about how the directory is asked."""
    told = (connection.servers, connection.security, connection.ca_pem, connection.bind_dn)
    return hashlib.sha256(repr((*told, connection.bind_password_sealed)).encode()).hexdigest()[:16]
