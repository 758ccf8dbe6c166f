"""What happened on drives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FolderChanged:
    """Something in it came, went, or is called otherwise."""

    folder_id: int
    by_id: int | None


@dataclass(frozen=True)
class FoldersTouched:
    """These folders came, went, are called otherwise or are for others: what a search must look at again."""

    folder_ids: tuple[int, ...]


@dataclass(frozen=True)
class ItemShared:
    """`codes` may open it now who could not by this share before."""

    item_id: int
    codes: tuple[str, ...]
    by_id: int


@dataclass(frozen=True)
class ItemsPurged:
    """Gone for good: `name` is that of the one that took the others along."""

    drive_id: int
    name: str
    count: int
    by_id: int | None


@dataclass(frozen=True)
class LinkMade:
    link_id: int
    item_id: int
    name: str
    by_id: int


@dataclass(frozen=True)
class LinkEnded:
    link_id: int
    item_id: int
    name: str
    by_id: int | None
