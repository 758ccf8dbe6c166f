"""What the audit log tells of directories: who has connected them, and who has let them go on."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from box.bridges.directory import events
from box.bridges.directory.models import Connection
from box.core.registry.auditing import About, Audited, audited


def declare() -> None:
    for kind, declared in {
        "directory.changed": Audited(
            _("connected the directory %(about)s, or changed it"), events.ConnectionChanged, about=_connection
        ),
        "directory.deleted": Audited(_("removed the directory %(name)s"), events.ConnectionDeleted),
        # By schedule it comes and goes: the directory's own log tells of that.
        "directory.run_asked": Audited(
            _("asked for a run of the directory %(about)s"),
            events.RunAsked,
            about=_run,
            told=lambda event: event.by_id is not None,
        ),
        "directory.run_cancelled": Audited(
            _("stopped a run of the directory %(about)s"), events.RunCancelled, about=_run
        ),
        "directory.linked": Audited(
            _("linked the entry %(dn)s of the directory %(about)s with a person"),
            events.EntryLinked,
            about=_connection,
        ),
        "directory.separated": Audited(
            _("said that the entry %(dn)s of the directory %(about)s is somebody new"),
            events.EntrySeparated,
            about=_connection,
        ),
        "directory.unlinked": Audited(
            _("unlinked a person from the directory %(about)s"), events.PersonUnlinked, about=_connection
        ),
        "directory.password_changed": Audited(
            _("changed their own password of the directory %(about)s"),
            events.PasswordChanged,
            about=_connection,
        ),
        "directory.guard_answered": Audited(
            _("answered the guard of the directory %(about)s: allowed %(is_allowed)s"),
            events.GuardAnswered,
            about=_run,
        ),
    }.items():
        audited.add(kind, declared)


def _connection(event: Any) -> About | None:
    return _about(Connection.objects.filter(pk=event.connection_id).first())


def _run(event: Any) -> About | None:
    return _about(Connection.objects.filter(runs=event.run_id).first())


def _about(connection: Connection | None) -> About | None:
    return About("directory.connection", connection.pk, connection.name) if connection else None
