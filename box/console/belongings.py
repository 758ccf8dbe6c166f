"""What people asked to get back, when they are erased or two accounts become one: it is of the login under
which was searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from box.console.models import Retrieval
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, Stays

if TYPE_CHECKING:
    from box.core.accounts.models import User


def _ending(gone: User, kept: User) -> list[str]:
    count = Retrieval.objects.of(gone).open().count()
    words = ngettext(
        "%(num)s request to get something back ends", "%(num)s requests to get something back end", count
    )
    return [words % {"num": count}] if count else []


BELONGINGS = Belongings(
    _("Requests to get something back"),
    {
        "console.Retrieval.asker": Belongs(
            Deleted(),
            Deleted(),
            said=ngettext_lazy(
                "%(num)s request to get something back", "%(num)s requests to get something back", "num"
            ),
        ),
        "console.Retrieval.answered_by": Belongs(Stays(DECIDED)),
    },
    moves=_ending,
)
