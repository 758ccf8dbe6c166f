"""Devices, when people are erased or two accounts become one: a phone is given by a person the rights of one
account, not of two."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import Belongings, Belongs, Deleted

BELONGINGS = Belongings(
    _("Phones and programs"),
    {
        "dav.Device.user": Belongs(
            Deleted(), Deleted(), said=ngettext_lazy("%(num)s device", "%(num)s devices", "num")
        ),
        "dav.SyncState.user": Belongs(Deleted(), Deleted()),
    },
)
