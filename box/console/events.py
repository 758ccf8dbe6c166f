"""What happened in the console."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetrievalAsked:
    """Somebody asks to have a backup looked through for something of theirs; for what is told to nobody."""

    retrieval_id: int
    by_id: int


@dataclass(frozen=True)
class RetrievalWithdrawn:
    """They took the request back."""

    retrieval_id: int
    by_id: int


@dataclass(frozen=True)
class RetrievalAllowed:
    """Somebody who looks after backups allowed it."""

    retrieval_id: int
    by_id: int


@dataclass(frozen=True)
class RetrievalRefused:
    """Somebody who looks after backups refused it, and said why."""

    retrieval_id: int
    by_id: int


@dataclass(frozen=True)
class RetrievalLooked:
    """The backup was looked through. What was found nobody hears but `by_id`, who has asked."""

    retrieval_id: int
    by_id: int


@dataclass(frozen=True)
class RetrievalOver:
    """It ended without a look: `why` of `Retrieval.Why`."""

    retrieval_id: int
    by_id: int
    why: str
