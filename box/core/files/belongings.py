"""Whose files are whose, when people are erased or two accounts become one."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import MADE, Belongings, Belongs, Stays

BELONGINGS = Belongings(
    _("Files"),
    {
        "files.File.owner": Belongs(Stays(MADE), said=ngettext_lazy("%(num)s file", "%(num)s files", "num")),
        "files.Upload.owner": Belongs(Stays("goes by itself within days")),
    },
)
