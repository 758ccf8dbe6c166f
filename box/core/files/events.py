"""What happened to files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileStored:
    """A file's bytes are complete in the store; nobody has looked into them yet."""

    file_id: int
    by_id: int


@dataclass(frozen=True)
class FilesChanged:
    """These files became part of something, are for another audience, or are no more."""

    file_ids: tuple[int, ...]
