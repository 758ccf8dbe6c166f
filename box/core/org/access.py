"""Which principals of the structure a person is."""

from __future__ import annotations

from collections.abc import Iterator

from box.core.accounts.models import User
from box.core.org.models import Department


def department_codes(user: User) -> Iterator[str]:
    """`D` of the person's own departments, `DR` of these and of all above them."""
    for department_id, path in Department.objects.filter(memberships__user=user).values_list("id", "path"):
        yield f"D{department_id}"
        for ancestor_id in path:
            yield f"DR{ancestor_id}"


def can_edit_structure(user: User) -> bool:
    return user.is_active and user.is_administrator
