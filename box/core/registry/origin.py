"""Who is behind what is being done right now: the address of a request, or the person behind boxctl."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest

# Set by boxctl for the programs of the portal that it runs.
ASKED_BY = "KOROBKA_ASKED_BY"


@dataclass(frozen=True)
class Origin:
    """`address` of a request; `actor` for who has no row in the portal, such as root on the machine."""

    address: str = ""
    actor: str = ""

    def as_json(self) -> dict[str, Any]:
        """Only what is known."""
        return {name: value for name, value in asdict(self).items() if value}


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def origin() -> Origin:
    asked_by = os.environ.get(ASKED_BY, "")
    return _current.get() or Origin(actor=f"boxctl ({asked_by})" if asked_by else "")


@contextmanager
def acting_from(source: Origin) -> Iterator[None]:
    token = _current.set(source)
    try:
        yield
    finally:
        _current.reset(token)


def address_of(request: HttpRequest) -> str:
    """By the balancer's word; nothing for a Unix socket without a balancer in front, as in a test."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""
