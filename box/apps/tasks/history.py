"""What of a task's history is for whom: what fields of the company's own point at, as its reader sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.apps.tasks.fields import TASK_FIELDS
from box.core.history.redaction import with_own_fields

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.history.models import Line
    from box.core.registry.capabilities import Ref


def redactor(ref: Ref, reader: User, lines: Sequence[Line]) -> list[Mapping[str, Any] | None]:
    """See `box.core.history.redaction`."""
    return with_own_fields([line.details for line in lines], TASK_FIELDS, reader)
