"""Signing in with the password that a directory keeps. The portal stores nothing of it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import BaseBackend
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from box.bridges.directory.lockout import LockedOut
from box.bridges.directory.passwords import sign_in_connections
from box.core.accounts.backends import SignInRefused

if TYPE_CHECKING:
    from datetime import timedelta

    from django.http import HttpRequest

    from box.core.accounts.models import User


class DirectoryBackend(BaseBackend):
    """Asks the directories in their order. Who is signed in is `PasswordBackend`'s to say, for everybody."""

    @sensitive_variables("password")
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        person: User | None = None,
        **_kwargs: Any,
    ) -> User | None:
        """`person`: only they will do. Raises SignInRefused where there is more to say than that it is wrong.

        An empty password is none: to a directory it would mean to sign in as nobody, which succeeds.
        """
        if request is None or not username or not password:
            return None
        connections = sign_in_connections()
        if not connections:
            return None
        # Only where there is a directory: the libraries cost each worker memory.
        from box.bridges.directory.authentication import Refused, Silent, ask

        name = username.strip()
        waits: list[timedelta] = []
        told, is_silent = "", False
        for connection in connections:
            try:
                found = ask(connection, name, password, request=request, person=person)
            except LockedOut as spent:
                waits.append(spent.wait)
            except Refused as refused:
                told = told or str(refused)
            except Silent:
                is_silent = True
            else:
                if found is not None:
                    return found
        if told:
            raise SignInRefused(told)
        if waits:
            raise SignInRefused(too_often(max(waits)))
        if is_silent:
            raise SignInRefused(_unconfirmed())
        return None


def silent() -> str:
    return _(
        "Your company's directory does not answer, so that your password cannot be checked. Try again in some"
        " minutes. Browsers where you are signed in go on."
    )


def _unconfirmed() -> str:
    """One sentence for everybody, so that it tells no outsider whose password is whose: it is true of an
    account of the portal's own, of one of the directory, and of none."""
    return _(
        "The login or the password is wrong; or it is your company's password, which cannot be checked now,"
        " because the company's directory does not answer: try again in some minutes. Browsers where you are"
        " signed in go on."
    )


def too_often(wait: timedelta) -> str:
    minutes = ceil(wait.total_seconds() / 60)
    return ngettext(
        "Too many wrong passwords for this login. Try again in %(count)s minute, or in a browser where you"
        " have signed in before.",
        "Too many wrong passwords for this login. Try again in %(count)s minutes, or in a browser where you"
        " have signed in before.",
        minutes,
    ) % {"count": minutes}
