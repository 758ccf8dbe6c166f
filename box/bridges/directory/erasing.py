"""What a directory's link remembers of a person, for when it is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.bridges.directory.models import Link
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User


def linked(person: User) -> list[str]:
    """See `box.core.registry.capabilities.Eraser`: the directories whose entries the person was."""
    return list(_links(person).values_list("connection__name", flat=True))


def forget(person: User, by: User) -> None:
    _links(person).delete()


def _links(person: User) -> QuerySet[Link]:
    return Link.objects.filter(kind=Link.Kind.PERSON, object_id=person.pk)


ERASER = Eraser(_("Directory"), linked, forget)
