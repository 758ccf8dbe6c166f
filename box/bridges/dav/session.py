"""Whose request is being served. Apart from the server: its code takes 12 MB, which processes that no phone
asks do without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError

from box.core.registry.dav import DavChanged, DavCollection, dav_sources

if TYPE_CHECKING:
    from box.core.accounts.models import User

FOLDER = "/dav"
# No more than Django reads: see DATA_UPLOAD_MAX_MEMORY_SIZE.
LARGEST_REQUEST = 2 * 2**20
LARGEST_OBJECT = 512 * 1024


@dataclass
class Session:
    """One request of one person."""

    user: User
    text: str = ""
    """What was sent, as it was: Radicale's own copy of it has lost what is written loosely."""
    status: int = 0
    """What is answered in place of Radicale's own word, and why."""
    problem: str = ""
    schedule_match: str = ""
    """What the program has of `If-Schedule-Tag-Match`; empty, where it compares nothing by it."""
    schedule_tag: str = ""
    """Of the object that is answered with; empty, where it is none of scheduling."""
    is_rewritten: bool = False
    """Whether what was put reads otherwise now: then the program has to fetch it."""

    @property
    def home(self) -> str:
        return str(self.user.pk)

    @cached_property
    def collections(self) -> dict[str, DavCollection]:
        return {one.key: one for source in dav_sources for one in source.collections(self.user)}

    def refuse(self, error: Exception) -> None:
        match error:
            case DavChanged() | IntegrityError():
                self.status, self.problem = 412, "It was changed meanwhile: fetch it and try again."
            case PermissionDenied():
                self.status, self.problem = 403, str(error)
            case ValidationError():
                self.status, self.problem = 403, " ".join(error.messages)


_session: ContextVar[Session] = ContextVar("dav session")


def current() -> Session:
    return _session.get()


def is_refused() -> bool:
    """Whether a request is being served, and refused by now."""
    session = _session.get(None)
    return session is not None and bool(session.problem)


@contextmanager
def serving(session: Session) -> Iterator[None]:
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)
