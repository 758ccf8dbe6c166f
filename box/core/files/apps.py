from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.auditing import Audited, audited
from box.core.registry.capabilities import (
    CountSince,
    Keepsake,
    attachables,
    cards,
    counts_since,
    keepsakes,
    searchables,
)


class FilesConfig(Room):
    name = "box.core.files"

    def offer(self) -> None:
        from box.core.files import export
        from box.core.files.cards import ATTACHABLE, file_cards
        from box.core.files.searching import FILES
        from box.core.files.views import FETCHED

        cards.add(export.KIND, file_cards)
        attachables.add(export.KIND, ATTACHABLE)
        counts_since.add(export.KIND, CountSince(_("files"), 30, export.files_since))
        keepsakes.add(
            export.KIND,
            Keepsake(
                _("Files"),
                30,
                export.find,
                export.pack,
                export.is_there,
                export.is_same,
                export.put_back,
                export.find_own,
            ),
        )
        searchables.add("files.file", FILES)
        audited.add(FETCHED, Audited(_("fetched the file %(about)s")))
