"""What a person used, for when it is to be forgotten. The shares that were counted of it name nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.pulse.models import Rank, Use
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def used(person: User) -> list[str]:
    """On how many days they used anything."""
    days = Use.objects.filter(user=person).values("on").distinct().count()
    said = ngettext("what they used on %(num)s day", "what they used on %(num)s days", days)
    return [said % {"num": days}] if days else []


def forget(person: User, by: User) -> None:
    for model in (Use, Rank):
        model.objects.filter(user=person).delete()


ERASER = Eraser(_("Pulse"), used, forget, ("pulse.Use.user", "pulse.Rank.user"))
