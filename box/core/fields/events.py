"""What happened to the definitions of fields. Of values the rooms tell whose objects have them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldChanged:
    """A field was added, changed, moved, archived or brought back: `change` says which."""

    set_key: str
    field_id: int
    name: str
    change: str
    by_id: int | None
