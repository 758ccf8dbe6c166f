"""What happened in discussions. `kind` is that of the object under which the thread stands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CommentAdded:
    comment_id: int
    thread_id: int
    kind: str
    by_id: int


@dataclass(frozen=True)
class CommentEdited:
    comment_id: int
    thread_id: int
    kind: str
    by_id: int


@dataclass(frozen=True)
class CommentDeleted:
    comment_id: int
    thread_id: int
    kind: str
    by_id: int


@dataclass(frozen=True)
class Reacted:
    thread_id: int
    kind: str
    by_id: int
    value: int


@dataclass(frozen=True)
class EmojiChanged:
    """Somebody gave an emoji, or took it back."""

    thread_id: int
    kind: str
    emoji: str
    is_given: bool
    by_id: int
