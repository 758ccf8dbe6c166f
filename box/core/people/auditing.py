"""What the audit log tells of people's absences, and of the list of employees."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from box.core.accounts.auditing import about_person
from box.core.people import events
from box.core.registry.auditing import About, Audited, audited

EXPORTED = "org.people_exported"


def declare() -> None:
    for kind, declared in {
        EXPORTED: Audited(_("exported the list of employees (%(format)s, chosen: %(filter)s)")),
        "org.absence_written": Audited(
            _("wrote an absence of %(about)s down (%(starts_on)s to %(ends_on)s)"),
            events.AbsenceWritten,
            about=_person,
            told=lambda event: _is_anothers(event) and event.is_new,
        ),
        "org.absence_changed": Audited(
            _("changed an absence of %(about)s (now %(starts_on)s to %(ends_on)s)"),
            events.AbsenceWritten,
            about=_person,
            told=lambda event: _is_anothers(event) and not event.is_new,
        ),
        "org.absence_removed": Audited(
            _("took an absence of %(about)s back (%(starts_on)s to %(ends_on)s)"),
            events.AbsenceRemoved,
            about=_person,
            told=_is_anothers,
        ),
    }.items():
        audited.add(kind, declared)


def _person(event: Any) -> About:
    return about_person(event.user_id)


def _is_anothers(event: events.AbsenceWritten | events.AbsenceRemoved) -> bool:
    """People's own absences are no more to the log than what else they write of themselves."""
    return event.by_id != event.user_id
