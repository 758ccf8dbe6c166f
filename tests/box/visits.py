"""How a room says who may what at its addresses: a table in its `visits.py`.

VISITS holds every method of every address; `things(cast)`, where there is one, makes what the addresses with
a number are about, by name. `test_permissions` gathers them all, and makes the visits.

The cast: olga administers, anna owns what is visited, boris shares her department, cara is of the company but
outside of it, erik is an extranet guest, and somebody is not signed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests import cast as people

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

CAST = ("olga", "anna", "boris", "cara", "erik", "nobody")
SIGN_IN = "sign in"
"""Sent to the page for signing in, whatever is there."""


@dataclass(frozen=True)
class Cast:
    """The people who visit, and the department that anna and boris share."""

    olga: User
    anna: User
    boris: User
    cara: User
    erik: User
    sales: Department

    @classmethod
    def gathered(cls) -> Cast:
        sales = people.sales()
        return cls(
            olga=people.person("Olga", is_administrator=True),
            anna=people.member("Anna", sales),
            boris=people.member("Boris", sales),
            cara=people.person("Cara"),
            erik=people.person("Erik", is_extranet=True),
            sales=sales,
        )

    def browsers(self) -> dict[str, Client]:
        """Of each of CAST, by name; nobody's too."""
        return {name: people.browser(getattr(self, name, None)) for name in CAST}


@dataclass(frozen=True)
class Visit:
    """One method of one address, and what each of the cast gets."""

    method: str
    route: str
    answers: tuple[int | str, ...]
    of: str = ""
    """Whose thing it is about: a name of the `things` fixture, which holds a number, or a tuple of them; none
    for an address without a number."""
    data: Mapping[str, Any] = field(default_factory=dict)
    has_session: bool = True
    """Whether a browser's session counts there. Where it does not, it opens nothing to other sites either."""

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.of}".strip()


def signed_in(status: int, nobody: int | str = SIGN_IN) -> tuple[int | str, ...]:
    return (*(status,) * 5, nobody)


ADMINISTRATORS = (200, 403, 403, 403, 403, SIGN_IN)
CONSOLE = (200, 404, 404, 404, 404, SIGN_IN)
EMPLOYEES = (200, 200, 200, 200, 404, SIGN_IN)


def department(status: int) -> tuple[int | str, ...]:
    """For whoever shares anna's department, and for administrators; to the others it does not exist."""
    return (status, status, status, 404, 404, SIGN_IN)


def private(status: int) -> tuple[int | str, ...]:
    """Between anna and boris: not even administrators."""
    return (404, status, status, 404, 404, SIGN_IN)


def annas_alone(status: int) -> tuple[int | str, ...]:
    return (404, status, 404, 404, 404, SIGN_IN)
