"""Files as pages show them beside what they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING


@dataclass(frozen=True)
class Attached:
    """A file of an object: a value, so that what shows it can be rendered once."""

    pk: int
    name: str
    content_type: str
    size: int
    width: int | None
    height: int | None
    thumbnail_id: int | None

    @property
    def is_picture(self) -> bool:
        """Once it was looked at and a small one was made."""
        return self.thumbnail_id is not None


class WithFiles:
    """What has files: pictures are shown as such, the others by their names."""

    if TYPE_CHECKING:

        @property
        def files(self) -> tuple[Attached, ...]: ...

    @property
    def pictures(self) -> list[Attached]:
        return [file for file in self.files if file.is_picture]

    @property
    def documents(self) -> list[Attached]:
        return [file for file in self.files if not file.is_picture]


def facts_of(file: str) -> tuple[str, ...]:
    """What `values_list` asks for, by way of the foreign key of this name, to make an `Attached`."""
    blob = ("content_type", "size", "width", "height", "thumbnail_id")
    return (f"{file}_id", f"{file}__name", *(f"{file}__blob__{name}" for name in blob))
