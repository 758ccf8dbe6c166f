"""Whose password is a directory's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.bridges.directory.models import Connection, Link

if TYPE_CHECKING:
    from box.core.accounts.models import User


def sign_in_connections() -> list[Connection]:
    """Those whose passwords let in, in the order in which they are asked."""
    return [connection for connection in Connection.objects.on() if connection.sign_in.is_on]


def keeper(person: User) -> str:
    """See `box.core.registry.capabilities.password_keepers`."""
    link = Link.objects.people().filter(object_id=person.pk).select_related("connection").first()
    is_kept = link is not None and link.connection.is_on and link.connection.sign_in.is_on
    return link.connection.name if link is not None and is_kept else ""
