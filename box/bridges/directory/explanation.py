"""Why somebody is, or is not, imported from a directory: in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from box.bridges.directory import presets
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.models import Change, Connection, Link
from box.bridges.directory.plan.people import Waiting, plan_people, plan_waiting
from box.bridges.directory.plan.values import Claims, PersonStep
from box.bridges.directory.reader import PersonEntry, Reader
from box.bridges.directory.snapshot import known_for, seen, units_now
from box.core.accounts.access import console_holders
from box.core.accounts.models import User


def explain(connection: Connection, login: str, *, now: datetime) -> Iterator[str]:
    """What the directory holds of this login, what became of it here, and what the next run would do."""
    login = login.strip().lower()
    yield from _here(connection, login)
    try:
        yield from _there(connection, login, now)
    except DirectoryTrouble as trouble:
        yield str(trouble)


def _here(connection: Connection, login: str) -> Iterator[str]:
    person = User.objects.filter(login=login).first()
    if person is None:
        yield _("Nobody here has the login %(login)s.") % {"login": login}
        return
    link = (
        Link.objects.filter(kind=Link.Kind.PERSON, object_id=person.pk).select_related("connection").first()
    )
    known = {"name": person.name, "status": person.get_status_display()}
    if link is None:
        yield _("%(name)s is here (%(status)s), and no directory's.") % known
        return
    yield _("%(name)s is here (%(status)s), and comes from %(source)s: %(dn)s") % {
        **known,
        "source": link.connection.name,
        "dn": link.dn,
    }
    if link.leaving_since:
        yield _("Leaving since %(moment)s.") % {"moment": f"{link.leaving_since:%Y-%m-%d %H:%M}"}
    # What was only looked at, or stopped by the guard, has not happened.
    done = Change.objects.exclude(outcome=Change.Outcome.PLANNED)
    last = done.filter(run__connection=connection, kind="person", stable_id=link.stable_id)
    for change in last.select_related("run").order_by("-id")[:5]:
        yield _line(change)


def _line(change: Change) -> str:
    told = f"{change.get_action_display()} {change.field}".strip()
    values = f" {change.old or '–'} → {change.new or '–'}" if change.old or change.new else ""
    reason = f": {change.reason}" if change.reason else ""
    if change.outcome == Change.Outcome.FAILED:
        told = f"{told} ({change.get_outcome_display()})"
    return f"{change.run.asked_at:%Y-%m-%d %H:%M} {told}{values}{reason}"


def _there(connection: Connection, login: str, now: datetime) -> Iterator[str]:
    with connect(connection) as line:
        reader = Reader(line, connection)
        reader.units()
        found = list(reader.person_called(login))
        if not found:
            yield _("%(source)s has no entry with the login %(login)s, or shows the bind account none.") % {
                "source": connection.name,
                "login": login,
            }
        for entry, is_taken in found:
            yield from _about(entry, is_taken, reader, connection, now)


def _about(
    entry: PersonEntry, is_taken: bool, reader: Reader, connection: Connection, now: datetime
) -> Iterator[str]:
    yield _("%(source)s has the entry %(dn)s") % {"source": connection.name, "dn": entry.dn}
    if not entry.base:
        yield _("It is outside of the search bases, and so not imported: %(bases)s") % {
            "bases": "; ".join(connection.people_bases)
        }
        return
    if not is_taken:
        yield _("The filter does not take it: %(filter)s") % {"filter": presets.people_filter(connection)}
        return
    step = _step(entry, reader, connection, now)
    if step is None or not step.notes:
        yield _("It is as it is here: the next run changes nothing.")
        return
    for note in step.notes:
        told = f"{Change.Action(note.action).label} {note.field}".strip()
        values = f" {note.old or '–'} → {note.new or '–'}" if note.old or note.new else ""
        yield _("The next run: %(what)s") % {"what": f"{told}{values} {note.reason}".strip()}


def _step(entry: PersonEntry, reader: Reader, connection: Connection, now: datetime) -> PersonStep | None:
    # Who is there as well: managers are among them, and whose entry was made anew is not.
    with seen(connection, reader.sightings()) as table:
        known = known_for(
            [entry],
            connection,
            table=table,
            units=units_now(connection),
            console_holders=console_holders(),
        )
    claims, waiting = Claims(), list[Waiting]()
    steps = plan_people([entry], known, connection.rules, claims, waiting, now=now)
    return next(iter([*steps, *plan_waiting(waiting, connection.rules, claims, now=now)]), None)
