"""Edit conflicts: two people have a task's form open at once.

A three-way merge by field. The form carries a fingerprint of each value as it showed it, the base. What one
has left as it was is not written, whatever others have made of it; what both have changed is refused once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from box.apps.tasks.actions.checks import checked_tags, checked_text
from box.apps.tasks.actions.locking import locked
from box.apps.tasks.actions.tasks import change_task, delegate_task
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Participant
from box.core.fields.values import values_of

if TYPE_CHECKING:
    from box.apps.tasks.models import Task
    from box.core.accounts.models import User
    from box.core.fields.values import Values

COLUMNS = (
    "title",
    "project",
    "priority",
    "tags",
    "deadline_at",
    "starts_at",
    "ends_at",
    "estimate_minutes",
    "needs_acceptance",
    "may_move_deadline",
)
"""Those that the form shows."""


class EditConflict(ValidationError):
    """`names` are of the fields that both have changed, own fields by their keys. With `base` the form can be
    sent again, to replace what the others wrote."""

    def __init__(self, names: list[str], base: dict[str, str]) -> None:
        super().__init__(_("It was changed meanwhile: reload the page."), code="conflict")
        self.names, self.base = names, base


def base_of(task: Task) -> dict[str, str]:
    """For the form that shows the task as it is now: by field, 12 hexadecimal digits."""
    return {name: _fingerprint(value) for name, value in _standing(task).items()}


@transaction.atomic
def edit_task(
    task: Task, changes: Mapping[str, Any], *, responsible: User, base: Mapping[str, str], by: User
) -> None:
    """All that a form says, or nothing. `changes` are as `change_task` takes them; a field that is not in
    `base` is written as it was sent. Raises EditConflict, and what `change_task` and `delegate_task` do."""
    task = locked(task)
    untouched = _untouched(task, _sent(changes, responsible, by), base)
    change_task(task, _without(changes, untouched), by=by)
    # Of what is closed nobody hands anything over, and its other fields may be changed all the same.
    if "responsible" not in untouched and responsible.pk != task.responsible_id:
        delegate_task(task, responsible, by=by)


def _untouched(task: Task, sent: Mapping[str, Any], base: Mapping[str, str]) -> set[str]:
    """Names of what this person has left as it was shown. Raises EditConflict."""
    now, mine = base_of(task), {name: _fingerprint(value) for name, value in sent.items()}
    untouched = {name for name, one in mine.items() if base.get(name) == one}
    asked = [name for name in mine if name in base and name not in untouched]
    both = [name for name in asked if now.get(name) not in (base[name], mine[name])]
    if both:
        raise EditConflict(both, {**base, **{name: now.get(name, "") for name in both}})
    return untouched


def _standing(task: Task) -> dict[str, Any]:
    people: dict[str, list[int]] = {role: [] for role in Participant.Role}
    for pk, role in task.participants.values_list("user", "role"):
        people[role].append(pk)
    own = values_of(TASK_FIELDS, task.pk)
    return {
        **{name: getattr(task, name) for name in COLUMNS},
        "html": task.html,
        "responsible": task.responsible,
        "accomplice_ids": sorted(people[Participant.Role.ACCOMPLICE]),
        "observer_ids": sorted(people[Participant.Role.OBSERVER]),
        **{field.key: own.get(field, ()) for field in TASK_FIELDS.fields},
    }


def _sent(changes: Mapping[str, Any], responsible: User, by: User) -> dict[str, Any]:
    """As `_standing` says it."""
    return {
        **{name: changes[name] for name in COLUMNS},
        "title": " ".join(changes["title"].split()),
        "tags": checked_tags(changes["tags"]),
        "html": checked_text(changes["text"], changes["html"], by=by).html,
        "responsible": responsible,
        "accomplice_ids": sorted(changes["accomplice_ids"]),
        "observer_ids": sorted(changes["observer_ids"]),
        **{field.key: values for field, values in changes["fields"].items()},
    }


def _without(changes: Mapping[str, Any], untouched: set[str]) -> dict[str, Any]:
    left = {name: value for name, value in changes.items() if name not in untouched}
    if "html" in untouched:
        left.pop("text")
    own: Values = changes["fields"]
    return {**left, "fields": {field: values for field, values in own.items() if field.key not in untouched}}


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(repr(_plain(value)).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    match value:
        case Model():
            return value.pk
        case datetime():
            # To the minute, as the form's input has it.
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value
