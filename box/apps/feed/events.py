"""What happened in the feed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PostPublished:
    post_id: int
    by_id: int


@dataclass(frozen=True)
class EntryTold:
    """The portal has begun an entry of its own: nobody has written it."""

    post_id: int


@dataclass(frozen=True)
class PostEdited:
    """Its text is another, or it is back after it was deleted."""

    post_id: int
    by_id: int


@dataclass(frozen=True)
class PostDeleted:
    """Nobody sees it any more; its author may bring it back for a while."""

    post_id: int
    by_id: int


@dataclass(frozen=True)
class Voted:
    """The numbers of a poll are others. Who voted for what is nobody's business here."""

    post_id: int
    by_id: int


@dataclass(frozen=True)
class ReadingConfirmed:
    post_id: int
    version: int
    by_id: int
