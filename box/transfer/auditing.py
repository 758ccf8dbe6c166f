"""What the audit log tells of migrations: that they were begun, ended and undone, with their figures. Of what
each thing is that has come, it tells nothing: that was not done here."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.core.registry.auditing import Audited, audited
from box.transfer import events


def declare() -> None:
    audited.add(
        "transfer.begun",
        Audited(
            _("began to move %(portal)s into this box"),
            events.MigrationBegun,
            told=lambda event: not (event.is_undo or event.is_outbound),
        ),
    )
    audited.add(
        "transfer.outbound_begun",
        Audited(
            _("began to move this box into %(portal)s"),
            events.MigrationBegun,
            told=lambda event: event.is_outbound,
        ),
    )
    audited.add(
        "transfer.undo_begun",
        Audited(
            _("began to undo the migration of %(portal)s"),
            events.MigrationBegun,
            told=lambda event: event.is_undo,
        ),
    )
    audited.add(
        "transfer.export_ordered",
        Audited(
            _("had the portal written into an archive"),
            events.ExportOrdered,
            told=lambda event: not event.is_own,
        ),
    )
    audited.add(
        "transfer.own_ordered",
        Audited(
            _("had what is their own written into an archive"),
            events.ExportOrdered,
            told=lambda event: event.is_own,
        ),
    )
    audited.add(
        "transfer.finished",
        Audited(
            _("moved %(portal)s into this box, pass %(passes)s: %(created)s added, %(changed)s changed,"
              " %(refused)s refused"),
            events.MigrationFinished,
            told=lambda event: not event.is_outbound,
        ),
    )  # fmt: skip
    audited.add(
        "transfer.outbound_finished",
        Audited(
            _("moved this box into %(portal)s, pass %(passes)s: %(created)s added, %(changed)s changed,"
              " %(refused)s refused"),
            events.MigrationFinished,
            told=lambda event: event.is_outbound,
        ),
    )  # fmt: skip
    audited.add(
        "transfer.undone",
        Audited(_("undid the migration of %(portal)s: %(removed)s things"), events.MigrationUndone),
    )
