"""Guessing passwords and codes is made slow, without an outsider being able to keep an employee out.

Failures are counted for a person, by whichever name they are called, as they come from one network, so that
who guesses from elsewhere closes their own door only; and for a network as a whole, so that trying one
password with many logins is no way round. A browser in which the person has signed in before is counted by
itself. The second step, which only who knows the password comes to, is counted over all networks as well:
whoever wants many of them has them. Nothing depends on whether the login exists: one that nobody has is
counted just so, and a hash is computed only behind this.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from box.core.accounts.digests import digest
from box.core.accounts.models import Failures, User

WINDOW = timedelta(minutes=15)
# Of one login from one network, or in one known browser.
MOST_OF_LOGIN = 10
# Of a whole network: behind one address there may be a company.
MOST_OF_NETWORK = 200
# Of one person's second step, wherever it is tried.
MOST_OF_SECOND_STEP = 30


@dataclass(frozen=True)
class Attempt:
    """Who tries (see `counted_as`), from where, and in which browser if that is a known one."""

    login: str
    address: str
    browser: str = ""
    most_anywhere: int | None = None
    """From all networks together; without a number these are not added up."""

    @property
    def _own(self) -> str:
        place = f"browser:{self.browser}" if self.browser else f"network:{network_of(self.address)}"
        return digest(f"{place}:{self.login.strip().lower()}")

    @property
    def _limits(self) -> dict[str, int]:
        limits = {self._own: MOST_OF_LOGIN}
        if not self.browser:
            limits[digest(f"network:{network_of(self.address)}")] = MOST_OF_NETWORK
            if self.most_anywhere is not None:
                limits[digest(f"anywhere:{self.login}")] = self.most_anywhere
        return limits

    def wait(self, now: datetime) -> timedelta | None:
        """How long it is to be waited before trying again; None: not at all."""
        limits = self._limits
        rows = Failures.objects.filter(key__in=limits, began_at__gt=now - WINDOW)
        ends = [row.began_at + WINDOW for row in rows if row.count >= limits[row.key]]
        return max(ends) - now if ends else None

    def failed(self) -> None:
        now = timezone.now()
        for key in sorted(self._limits):
            _counted(key, now)

    def succeeded(self) -> None:
        Failures.objects.filter(key=self._own).delete()


@dataclass(frozen=True)
class Quota:
    """How often one network may do something that needs no account, within the window."""

    what: str
    address: str
    most: int

    def take(self, now: datetime) -> bool:
        """Counts it; whether there was still room."""
        return _counted(digest(f"quota:{self.what}:{network_of(self.address)}"), now) <= self.most


def _counted(key: str, now: datetime) -> int:
    """How often within the window, this time too. In one statement: of several at once all are counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_failures AS f (key, count, began_at) VALUES (%s, 1, %s)"
            " ON CONFLICT (key) DO UPDATE SET"
            " count = CASE WHEN f.began_at <= %s THEN 1 ELSE f.count + 1 END,"
            " began_at = CASE WHEN f.began_at <= %s THEN EXCLUDED.began_at ELSE f.began_at END"
            " RETURNING count",
            [key, now, now - WINDOW, now - WINDOW],
        )
        return int(cursor.fetchone()[0])


def counted_as(login: str) -> str:
    """The same for each of a person's names: their login, their e-mail, and those of accounts merged into
    theirs. A login that nobody has is itself."""
    try:
        return f"person {User.objects.get_by_natural_key(login).pk}"
    except (User.DoesNotExist, User.MultipleObjectsReturned):
        return f"login {login}"


def network_of(address: str) -> str:
    """The neighbourhood of an address: /24, or /64 of which one customer has all addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 64}", strict=False))


def forget(now: datetime) -> int:
    return Failures.objects.filter(began_at__lte=now - WINDOW).delete()[0]
