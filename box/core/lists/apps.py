from django.utils.translation import gettext_lazy as _

from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.auditing import Audited, audited
from box.core.registry.capabilities import Assets, assets


class ListsConfig(Room):
    name = "box.core.lists"

    def offer(self) -> None:
        from box.core.lists.access import SHARE
        from box.core.lists.export import EXPORTED

        assets.add("lists", Assets(styles=("lists/lists.css",), scripts=("lists/lists.js",)))
        rights.add(SHARE, Right("company", _("Share views of lists with everybody")))
        audited.add(
            EXPORTED, Audited(_("exported %(rows)s rows of the list %(list)s as %(format)s: %(filter)s"))
        )
