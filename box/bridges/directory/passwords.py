"""Whose password is a directory's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from box.bridges.directory.events import PasswordChanged
from box.bridges.directory.models import Connection, Link
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from django.http import HttpRequest

    from box.core.accounts.models import User


def sign_in_connections() -> list[Connection]:
    """Those whose passwords let in, in the order in which they are asked."""
    return [connection for connection in Connection.objects.confirmed() if _keeps(connection)]


def keeper(person: User) -> str:
    """See `box.core.registry.capabilities.password_keepers`."""
    link = _link_of(person)
    return link.connection.name if link is not None and _keeps(link.connection) else ""


def can_change(person: User) -> bool:
    """See `box.core.registry.capabilities.PasswordChanger`: over an encrypted line only."""
    link = _link_of(person)
    return link is not None and _takes_new_ones(link.connection)


@sensitive_variables("current", "new")
def change(request: HttpRequest, person: User, current: str, new: str) -> None:
    """Has the directory change it. Raises ValidationError for a new one that it does not take, and
    SignInRefused with the reason for everything else."""
    # Only where there is a directory: the libraries cost each worker memory.
    from box.bridges.directory.authentication import Refused, Silent, change_password
    from box.bridges.directory.backends import silent, too_often
    from box.bridges.directory.lockout import LockedOut
    from box.core.accounts.backends import SignInRefused

    link = _link_of(person)
    if link is None or not _takes_new_ones(link.connection):
        raise SignInRefused(_("Your password is changed in the directory: ask your company's IT."))
    try:
        change_password(link.connection, person, current, new, request=request)
    except Refused as refused:
        raise SignInRefused(str(refused)) from None
    except LockedOut as spent:
        raise SignInRefused(too_often(spent.wait)) from None
    except Silent:
        raise SignInRefused(silent()) from None
    with transaction.atomic():
        emit(PasswordChanged(connection_id=link.connection_id, user_id=person.pk, by_id=person.pk))


def _keeps(connection: Connection) -> bool:
    """A pause stops runs: with it nobody's password of before the import lets in again."""
    return connection.is_confirmed and connection.sign_in.is_on


def _takes_new_ones(connection: Connection) -> bool:
    return _keeps(connection) and connection.sign_in.changes_passwords and connection.is_encrypted


def _link_of(person: User) -> Link | None:
    return Link.objects.people().filter(object_id=person.pk).select_related("connection").first()
