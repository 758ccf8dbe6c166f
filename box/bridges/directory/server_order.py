"""Which of a directory's servers is asked first: that which has answered last. A dead one before it in the
list would cost everybody who signs in, and each run, the wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.cache import cache

from box.bridges.directory import controllers

if TYPE_CHECKING:
    from box.bridges.directory.models import Connection

# Then the first in the list is tried again.
REMEMBERED_SECONDS = 15 * 60


def in_order(connection: Connection) -> list[str]:
    """Its servers as they are to be asked, those that DNS names among them; none where it names none."""
    is_ldaps = connection.security == "ldaps"
    servers = [
        server
        for text in connection.servers
        for server in (
            controllers.found_under(text, is_ldaps=is_ldaps) if controllers.is_name(text) else [text]
        )
    ]
    servers = list(dict.fromkeys(servers))
    last = cache.get(_key(connection)) if len(servers) > 1 and connection.pk else None
    return sorted(servers, key=lambda server: server != last)


def has_choice(connection: Connection) -> bool:
    """Whether there may be several."""
    return len(connection.servers) > 1 or any(map(controllers.is_name, connection.servers))


def remember(connection: Connection, server: str) -> None:
    if connection.pk and has_choice(connection):
        cache.set(_key(connection), server, REMEMBERED_SECONDS)


def _key(connection: Connection) -> str:
    return f"directory:last-answered:{connection.pk}"
