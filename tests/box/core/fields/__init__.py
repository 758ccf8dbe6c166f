"""Fields that companies define."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.sets import FieldSet, field_sets

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.fields.models import Field

THINGS = FieldSet("test.thing", "Fields of things")
"""Objects that are nothing but a number."""


def thing_field(name: str, kind: str = "text", *, by: User, **more: Any) -> Field:
    """Of a set that no room offers: it is offered while the test runs, see `conftest`."""
    assert THINGS.key in field_sets
    return add_field(THINGS, FieldDraft(name, kind, **more), by=by)
