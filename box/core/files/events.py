"""What happened to files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileStored:
    """A file's bytes are complete in the store; nobody has looked into them yet."""

    file_id: int
    by_id: int
