"""Who used what, when people are erased or two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.pulse.models import Use
from box.core.registry.belongings import Belongings, Belongs, Deleted, OneEach

if TYPE_CHECKING:
    from box.core.accounts.models import User

_SUM = "times = kept.times + gone.times"


def used(person: User) -> list[str]:
    """On how many days they used anything."""
    days = Use.objects.filter(user=person).values("on").distinct().count()
    said = ngettext("what they used on %(num)s day", "what they used on %(num)s days", days)
    return [said % {"num": days}] if days else []


BELONGINGS = Belongings(
    _("Pulse"),
    {
        "pulse.Use.user": Belongs(Deleted(), OneEach("on", "tool", takes=_SUM)),
        "pulse.Rank.user": Belongs(Deleted(), OneEach(takes=_SUM)),
    },
    found=used,
)
