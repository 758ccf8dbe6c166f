"""What happened in the feed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PostPublished:
    post_id: int
    by_id: int


@dataclass(frozen=True)
class PostDeleted:
    post_id: int
    by_id: int
