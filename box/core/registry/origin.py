"""Who is behind what is being done right now: the address of a request, or the person behind boxctl; and when
it was done, where it happened elsewhere and is only taken over here.

    with importing(at=post.published_at):
        publish_post(draft, by=author)

What is taken over was allowed where it happened, is dated then, and nobody is told of it: neither notice nor
letter nor open page nor listener. Its events carry that, so that their handlers know it too.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

if TYPE_CHECKING:
    from django.http import HttpRequest

# Set by boxctl for the programs of the portal that it runs.
ASKED_BY = "KOROBKA_ASKED_BY"


@dataclass(frozen=True)
class Origin:
    """`address` of a request; `actor` for who has no row in the portal, such as root on the machine."""

    address: str = ""
    actor: str = ""
    imported_at: str = ""
    """When it happened where it is taken over from, in ISO 8601; nothing for what happens here."""

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


@contextmanager
def importing(*, at: datetime) -> Iterator[None]:
    """What is done within is taken over from elsewhere, where it was done at this moment."""
    with acting_from(replace(origin(), imported_at=at.isoformat())):
        yield


def is_importing() -> bool:
    current = _current.get()
    return current is not None and bool(current.imported_at)


def moment() -> datetime:
    """Of what is being done: now, or when it was done where it is taken over from."""
    current = _current.get()
    at = current.imported_at if current else ""
    return datetime.fromisoformat(at) if at else timezone.now()


def address_of(request: HttpRequest) -> str:
    """By the balancer's word; nothing for a Unix socket without a balancer in front, as in a test."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""
