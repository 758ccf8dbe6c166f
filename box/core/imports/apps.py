from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room


class ImportsConfig(Room):
    name = "box.core.imports"

    def offer(self) -> None:
        from box.core.imports.events import ImportFinished, ImportUndone
        from box.core.imports.importers import importer_at
        from box.core.registry.auditing import Audited, audited

        def label(key: str) -> str:
            found = importer_at(key)
            return str(found.label) if found else key

        words = {"importer": label}
        audited.add(
            "imports.finished",
            Audited(
                _("imported %(rows)s rows of the table %(name)s (%(importer)s): %(created)s added,"
                  " %(changed)s corrected, %(failed)s refused"),
                ImportFinished,
                words=words,
            ),
        )  # fmt: skip
        audited.add(
            "imports.undone",
            Audited(
                _("undid the import of the table %(name)s (%(importer)s): %(rows)s rows"),
                ImportUndone,
                words=words,
            ),
        )
