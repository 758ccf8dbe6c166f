"""Calls of people, when they are erased or two accounts become one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import DECIDED, Belongings, Belongs, Moved, Stays

TALKED = "that the company has spoken with a client stays, under no name"

BELONGINGS = Belongings(
    _("Calls"),
    {
        "calls.LoggedCall.user": Belongs(
            Stays(TALKED), Moved(), said=ngettext_lazy("%(num)s call", "%(num)s calls", "num")
        ),
        "calls.LoggedCall.settled_by": Belongs(Stays(DECIDED)),
        "calls.Participant.user": Belongs(Stays(TALKED)),
        "calls.BlockedNumber.by": Belongs(Stays(DECIDED)),
    },
)
