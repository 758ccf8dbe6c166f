"""Departments are found by everybody who works here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.registry.capabilities import Findable, Searchable, Touched
from box.core.structure.events import (
    DepartmentCreated,
    DepartmentDeleted,
    DepartmentMerged,
    DepartmentRenamed,
)
from box.core.structure.models import Department


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    for department in Department.objects.standing().filter(pk__in=ids):
        yield Findable(
            id=department.pk,
            title=department.name,
            body="",
            url=f"{reverse('people:people')}?{urlencode({'department': department.pk})}",
            audience=[EVERYONE],
            # A department has no age that anybody looks for.
            at=timezone.now(),
        )


def _touched(event: Any) -> Touched:
    return Touched([event.department_id])


EVENTS = (DepartmentCreated, DepartmentRenamed, DepartmentMerged, DepartmentDeleted)
DEPARTMENTS = Searchable(
    label=_("Departments"),
    icon="sitemap",
    order=50,
    read=_read,
    rows=Department.objects.standing,
    touched_by=dict.fromkeys(EVENTS, _touched),
)
