"""What the console knows of a person, for when it is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.console.models import Retrieval
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def asked_by(person: User) -> list[str]:
    """See `box.core.registry.capabilities.Eraser`."""
    count = Retrieval.objects.of(person).count()
    words = ngettext("%(num)s request to get something back", "%(num)s requests to get something back", count)
    return [words % {"num": count}] if count else []


def forget(person: User, by: User) -> None:
    Retrieval.objects.of(person).delete()


def dropped_of(gone: User, kept: User) -> list[str]:
    """Said before the account becomes another: see `box.core.registry.merging.Merger`."""
    count = Retrieval.objects.of(gone).open().count()
    words = ngettext(
        "%(num)s request to get something back ends", "%(num)s requests to get something back end", count
    )
    return [words % {"num": count}] if count else []


ERASER = Eraser(_("Requests to get something back"), asked_by, forget, ("console.Retrieval.asker",))
