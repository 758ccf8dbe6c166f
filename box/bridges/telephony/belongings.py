"""Whose extension is whose, when people are erased or two accounts become one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import Belongings, Belongs, Deleted

BELONGINGS = Belongings(
    _("Telephony"),
    {
        "telephony.Extension.user": Belongs(
            Deleted(), said=ngettext_lazy("%(num)s extension", "%(num)s extensions", "num")
        ),
        "telephony.Command.by": Belongs(Deleted()),
    },
)
