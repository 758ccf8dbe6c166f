"""Who has changed what, when people are erased or two accounts become one."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.belongings import DECIDED, Belongings, Belongs, Stays

BELONGINGS = Belongings(_("History"), {"history.Line.by": Belongs(Stays(DECIDED))})
