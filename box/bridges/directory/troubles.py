"""What is wrong with directories right now, for those who look after them: it is told by `box.console`, by
`boxctl directory status` and by `boxctl doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.bridges.directory.models import Connection, Run
from box.bridges.directory.plan.clashes import TO_DECIDE

FAILING, ASKING, CONFLICTS, LATE = "dir_failing", "dir_asking", "dir_conflicts", "dir_late"
# A run is late when so many have been left out, and at least so long ago.
LATE_AFTER_RUNS, LATE_AT_LEAST = 3, timedelta(hours=1)


@dataclass(frozen=True)
class DirectoryAlert:
    """`target` is the directory's name; `about` what the sentence needs besides. `key` is the same for as
    long as it is the same trouble: of conflicts for a day, so that later ones are told as well."""

    kind: str
    target: str
    about: str
    key: str


def troubles(now: datetime) -> list[DirectoryAlert]:
    """Of the directories in use."""
    found = Connection.objects.on().filter(is_confirmed=True)
    return [trouble for connection in found for trouble in _of(connection, now)]


def sentence(kind: str, target: str, about: str) -> str:
    """In the reader's language; what a run said is in the language that it was done in."""
    match kind:
        case "dir_failing":
            return _("%(target)s cannot be read: %(about)s") % {"target": target, "about": about}
        case "dir_asking":
            told = _("%(target)s waits for your answer, and nothing of it is written before: %(about)s")
            return told % {"target": target, "about": about}
        case "dir_conflicts":
            told = ngettext(
                "%(target)s has %(count)s conflict that you can resolve.",
                "%(target)s has %(count)s conflicts that you can resolve.",
                int(about),
            )
            return told % {"target": target, "count": about}
    moment = date_format(localtime(datetime.fromisoformat(about)), "SHORT_DATETIME_FORMAT")
    return _("%(target)s was last read on %(moment)s. Look whether the jobs run.") % {
        "target": target,
        "moment": moment,
    }


def _of(connection: Connection, now: datetime) -> Iterator[DirectoryAlert]:
    ended = connection.runs.filter(mode=Run.Mode.SYNC).exclude(state=Run.State.CANCELLED)
    newest = ended.exclude(state__in=[Run.State.WAITING, Run.State.RUNNING]).order_by("-id").first()
    if newest is not None and newest.state == Run.State.FAILED:
        yield _trouble(FAILING, connection, newest.error[:200])
    elif newest is not None and newest.state == Run.State.ASKING:
        yield _trouble(ASKING, connection, newest.question[:200])
    elif (since := _late_since(connection, newest, now)) is not None:
        yield _trouble(LATE, connection, since.isoformat())
    undecided = connection.conflicts.open().filter(kind__in=TO_DECIDE, decision="")
    latest = undecided.order_by("-since").values_list("since", flat=True).first()
    if latest is not None:
        yield _trouble(CONFLICTS, connection, str(undecided.count()), mark=f":{latest:%Y-%m-%d}")


def _late_since(connection: Connection, newest: Run | None, now: datetime) -> datetime | None:
    if not connection.interval_minutes:
        return None
    patience = max(LATE_AFTER_RUNS * timedelta(minutes=connection.interval_minutes), LATE_AT_LEAST)
    since = (newest and newest.finished_at) or connection.changed_at
    return since if now - since > patience else None


def _trouble(kind: str, connection: Connection, about: str, *, mark: str = "") -> DirectoryAlert:
    return DirectoryAlert(kind, connection.name, about, f"{kind}:{connection.pk}{mark}")
