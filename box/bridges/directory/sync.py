"""A run from its beginning to its end: read, plan, ask where there is reason to, and do.

It may be killed at any moment. Whatever was done is whole, and the next run finds out by itself what is left:
nothing is remembered but what stands in the links.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched
from tempfile import TemporaryFile
from typing import IO, Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.bridges.directory import distinguished_names, presets
from box.bridges.directory.actions import note_bind_refusal
from box.bridges.directory.apply import BATCH, Performer, change_rows, counts_of
from box.bridges.directory.bind_refusals import way_of
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.department_heads import HeadStep, perform_heads, plan_heads
from box.bridges.directory.events import RunFinished
from box.bridges.directory.group_news import Grouped, GroupNews, is_outside_changed
from box.bridges.directory.group_sync import GroupStep, perform_groups, plan_groups
from box.bridges.directory.losses import Losses, lost_lately, unit_rows
from box.bridges.directory.models import Change, Connection, Cursor, Link, Run
from box.bridges.directory.ownership import own_groups
from box.bridges.directory.plan.clashes import AGAIN, Clash
from box.bridges.directory.plan.guard import guard
from box.bridges.directory.plan.leavers import plan_gone
from box.bridges.directory.plan.people import Waiting, plan_people, plan_waiting, together
from box.bridges.directory.plan.units import plan_units
from box.bridges.directory.plan.values import (
    Claims,
    Known,
    Note,
    PersonStep,
    UnitNow,
    UnitStep,
    photo_gone,
    with_photo,
)
from box.bridges.directory.reader import PersonEntry, Reader
from box.bridges.directory.snapshot import Seen, known_for, people_now, seen, units_now
from box.bridges.directory.typed_json import as_json
from box.core.accounts.access import console_holders
from box.core.events.outbox import emit
from box.lib.sealing import SealBroken

log = logging.getLogger(__name__)

READ_BATCH = 250
# When so many of all have news, reading all is cheaper.
FULL_FROM = 0.3
FULL_AT_LEAST = 200
# Once a day everything is compared, whatever the cursor says.
FULL_EVERY = timedelta(hours=24)


class _Cancelled(Exception):
    """Somebody has stopped the run, or removed its directory."""


State, Stage, Mode = Run.State, Run.Stage, Run.Mode


class Spool:
    """The steps of a plan, and photos, on disk while they wait: deleted as soon as they are closed."""

    def __init__(self) -> None:
        self._steps: IO[bytes] = TemporaryFile()  # noqa: SIM115 - see `close`
        self.photos: IO[bytes] = TemporaryFile()  # noqa: SIM115
        self.count = 0
        self.with_photos = 0

    def add(self, step: PersonStep, photo: bytes) -> None:
        if photo:
            place = self.photos.seek(0, 2), len(photo)
            self.photos.write(photo)
            step = with_photo(step, place)
        self.count += 1
        self.with_photos += bool(photo) or step.takes_photo_away
        self._steps.write(json.dumps(asdict(step)).encode() + b"\n")

    def steps(self) -> Iterator[PersonStep]:
        self._steps.seek(0)
        for line in self._steps:
            told = json.loads(line)
            notes = tuple(Note(**note) for note in told.pop("notes"))
            found = tuple(Clash(**clash) for clash in told.pop("clashes"))
            photo = told.pop("photo")
            yield PersonStep(**told, notes=notes, clashes=found, photo=tuple(photo) if photo else None)

    def close(self) -> None:
        self._steps.close()
        self.photos.close()


@dataclass
class Plan:
    """All that a run will do, as data. People wait in the spool, for they may be many."""

    spool: Spool
    # Entries between whose people names change hands: done together, or not at all.
    together: frozenset[str] = frozenset()
    claims: Claims = field(default_factory=Claims)
    units: list[UnitStep] = field(default_factory=list)
    gone_units: list[Link] = field(default_factory=list)
    heads: list[HeadStep] = field(default_factory=list)
    groups: list[GroupStep] = field(default_factory=list)
    grouped: dict[str, Grouped] = field(default_factory=dict)
    question: str = ""
    # By what the guard counts how many.
    asked: dict[str, int] = field(default_factory=dict)
    position: str = ""
    groups_position: str = ""
    server: str = ""
    # By attribute of how many entries the account may not read it; and what of that it sees of nobody.
    unread: Counter[str] = field(default_factory=Counter)
    seen_of_nobody: list[str] = field(default_factory=list)
    hidden_units: list[Link] = field(default_factory=list)
    is_full: bool = False
    read: int = 0
    skipped: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def losses(self) -> Losses:
        """Of people anew each time: they are read from the spool."""
        return Losses(self.spool.steps(), self.gone_units, self.heads, self.groups)


type Tell = Callable[[Mapping[str, Any]], None]
"""Hears of each change of the run's row, as it is made."""


def perform_run(
    run: Run, *, now: datetime | None = None, is_full: bool = False, tell: Tell | None = None
) -> None:
    """Does the run. Whatever comes of it stands in its row: nothing is raised but a defect of ours."""
    _Running(run, now or timezone.now(), is_full=is_full, tell=tell).go()


class _Running:
    def __init__(self, run: Run, now: datetime, *, is_full: bool, tell: Tell | None) -> None:
        self._told = tell or (lambda news: None)
        self.run = run
        self.connection: Connection = run.connection
        self.now = now
        self.wants_all = is_full
        self.is_preview = run.mode == Mode.PREVIEW
        self._performer: Performer | None = None
        self._done_before: Counter[str] = Counter()
        """What this run did before it was killed."""
        self.cursor: Cursor | None = Cursor.objects.filter(connection=self.connection).first()

    def go(self) -> None:
        try:
            self._do()
        except _Cancelled:
            log.info("directory %s: the run was stopped", self.connection)
            Run.objects.filter(pk=self.run.pk).update(counts=dict(self._counts()))

    def _counts(self) -> Counter[str]:
        return self._performer.counts if self._performer else self._done_before

    def _do(self) -> None:
        try:
            with transaction.atomic():
                # Whoever decides something about it holds its row while they look whether a run is going.
                Connection.objects.select_for_update().get(pk=self.connection.pk)
                self._note(
                    state=State.RUNNING, stage=Stage.CONNECTING, started_at=timezone.now(), error="", done=0
                )
            self._keep_what_was_done()
            with ExitStack() as stack:
                plan = self._read(stack)
                if plan.question and not self.is_preview:
                    self._ask(plan)
                elif self.is_preview:
                    self._finish(State.DONE, plan.counts, question=plan.question)
                else:
                    self._finish(State.DONE, self._perform(plan))
        except (DirectoryTrouble, SealBroken) as trouble:
            log.warning("directory %s: %s", self.connection, trouble)
            if isinstance(trouble, DirectoryTrouble) and trouble.code == "credentials":
                note_bind_refusal(self.connection, way_of(self.connection), at=timezone.now())
            self._finish(State.FAILED, self._counts(), error=str(trouble))
        except _Cancelled:
            raise
        except Exception:
            if not Run.objects.filter(pk=self.run.pk).exists():
                log.info("directory %s: it was removed, and its run with it", self.connection)
                return
            self._finish(
                State.FAILED,
                self._counts(),
                error=_("Something went wrong that should not: the journal of the jobs says what."),
            )
            raise

    def _keep_what_was_done(self) -> None:
        """Of a run that was killed: nobody does it again, so that nobody else tells of it. What it, or the
        guard, had only planned, left out or not been able to do is found anew."""
        action = Change.Action
        done = self.run.changes.filter(outcome=Change.Outcome.DONE).exclude(action=action.SKIP)
        # What may not be read is summed up by each run.
        done = done.exclude(action=action.REPORT, stable_id="")
        self.run.changes.exclude(pk__in=done.values("pk")).delete()
        self._done_before.update(dict(done.values_list("action").annotate(Count("pk"))))

    # Reading and planning

    def _read(self, stack: ExitStack) -> Plan:
        with connect(self.connection) as directory:
            self._note(stage=Stage.READING)
            reader = Reader(directory, self.connection)
            table = stack.enter_context(seen(self.connection, reader.sightings()))
            spool = Spool()
            stack.callback(spool.close)
            plan = Plan(spool=spool, server=reader.server_id(), position=table.newest())
            plan.groups_position = self._groups_position(reader)
            news = self._news(reader, table, plan)
            self._note(is_full=plan.is_full, total=table.count() if plan.is_full else len(news))
            units = units_now(self.connection)
            left = self.connection.links.departments().exclude(leaving_since=None)
            former = set(left.values_list("stable_id", flat=True))
            links = {
                distinguished_names.key(link.dn): link
                for link in self.connection.links.departments().standing()
                if link.dn
            }
            known = {own: link.stable_id for own, link in links.items()}
            found_units = reader.units(known, table.with_people)
            plan.hidden_units = [one for one in links.values() if one.stable_id in reader.hidden_units]
            plan.units = plan_units(found_units, units, former)
            people = reader.people() if plan.is_full else reader.people_with(news)
            self._plan_people(people, plan, table, {**_planned(plan.units), **units}, reader)
            if self.connection.mapping.departments == "attribute":
                found_units = reader.named_units
                plan.units = plan_units(found_units, units, former)
            self._plan_gone_units(plan, {unit.key for unit in found_units} | reader.hidden_units)
            self._plan_gone(plan, table)
            self._note(stage=Stage.PLANNING)
            if plan.is_full or plan.spool.count or plan.units or self.connection.mapping.heads == "managedBy":
                plan.heads = plan_heads(
                    self.connection, plan.spool.steps(), found_units, units, table, is_full=plan.is_full
                )
            mapping = self.connection.mapping
            follows = bool(mapping.groups or mapping.all_groups)
            has_news = plan.is_full or plan.spool.count or reader.is_ad or self._has_groups_news(plan, reader)
            if follows and has_news:
                coming = {
                    step.stable_id for step in plan.spool.steps() if step.is_seen and not step.is_skipped
                }
                read = GroupNews(plan.is_full, plan.grouped)
                plan.groups = plan_groups(self.connection, reader, table, read, coming)
            plan.unread, plan.seen_of_nobody = reader.rights.unread, reader.rights.seen_of_nobody()
            self._look_at_guard(plan, table, reader)
        self._tell(plan)
        return plan

    def _news(self, reader: Reader, table: Seen, plan: Plan) -> list[str]:
        """Whom to read wholly; of everybody `plan.is_full` says so."""
        cursor = self.cursor
        plan.is_full = (
            self.wants_all
            or cursor is None
            or cursor.server != plan.server
            or cursor.settings_fingerprint != settings_fingerprint(self.connection)
            or cursor.full_at < self.now - FULL_EVERY
            # Rights have come back, of which nothing in the entries tells.
            or any(reader.rights.shows(attribute) for attribute in cursor.unread)
            # A server that was put back to an older state: its numbers say nothing.
            or reader.newest(plan.position) < cursor.position
        )
        if plan.is_full or cursor is None:
            return []
        plan.skipped = set(cursor.skipped)
        news = table.news(cursor.position, cursor.skipped, now=self.now)
        plan.is_full = len(news) > max(FULL_AT_LEAST, FULL_FROM * table.count())
        if plan.is_full:
            plan.skipped = set()
        return news

    def _plan_people(
        self,
        entries: Iterable[PersonEntry],
        plan: Plan,
        table: Seen,
        units: dict[str, UnitNow],
        reader: Reader,
    ) -> None:
        holders = console_holders()
        met: set[str] = set()
        waiting: list[Waiting] = []
        for batch in batched(entries, READ_BATCH, strict=False):
            # Search bases that lie in each other tell of somebody twice.
            fresh = [entry for entry in batch if entry.stable_id not in met]
            met.update(entry.stable_id for entry in fresh)
            for unit in reader.named_units:
                units.setdefault(unit.key, UnitNow(None, unit.name))
            known = known_for(fresh, self.connection, table=table, units=units, console_holders=holders)
            fresh = [reader.rights.judged(entry, known.links.get(entry.stable_id)) for entry in fresh]
            steps = plan_people(fresh, known, self.connection.rules, plan.claims, waiting, now=self.now)
            by_id = {entry.stable_id: entry for entry in fresh}
            for step in steps:
                self._add(plan, step, by_id[step.stable_id], known)
            if not plan.is_full:
                plan.grouped |= {
                    entry.stable_id: Grouped(entry.groups, entry.primary_group) for entry in fresh
                }
            plan.read += len(fresh)
            self._note(done=plan.read, read=plan.read)
        waits = {one.entry.stable_id: one for one in waiting}
        for step in plan_waiting(waiting, self.connection.rules, plan.claims, now=self.now):
            one = waits[step.stable_id]
            self._add(plan, step, one.entry, one.known)
        plan.together = together(waiting, plan.claims)

    def _add(self, plan: Plan, step: PersonStep, entry: PersonEntry, known: Known) -> None:
        if step.is_skipped:
            plan.skipped.add(step.stable_id)
            was_told = set(step.clashes) <= known.standing.get(step.stable_id, frozenset())
            if was_told and not self.is_preview and not plan.is_full:
                return
        link = known.links.get(step.stable_id)
        step = replace(step, linked_to=link.object_id if link else None)
        has_photo = not step.is_skipped and step.photo_fingerprint
        is_new_photo = has_photo and (link is None or link.photo_fingerprint != step.photo_fingerprint)
        plan.spool.add(step, entry.photo if is_new_photo else b"")

    def _plan_gone(self, plan: Plan, table: Seen) -> None:
        gone = table.gone()
        waits = self.connection.conflicts.filter(kind=AGAIN).values_list("person", flat=True)
        asked_about = plan.claims.asked_about | {pk for pk in waits if pk is not None}
        for part in batched(gone.items(), BATCH, strict=False):
            links = dict(part)
            people = people_now(Q(pk__in=[link.object_id for link in links.values()]))
            for step in plan_gone(
                links,
                people,
                self.connection.rules,
                now=self.now,
                relinked=plan.claims.relinked,
                asked_about=asked_about,
            ):
                plan.spool.add(step, b"")

    def _plan_gone_units(self, plan: Plan, found: set[str]) -> None:
        """Names in an attribute are all known only when everybody was read."""
        how = self.connection.mapping.departments
        if how == "ou" or (how == "attribute" and plan.is_full):
            links = self.connection.links.departments().standing().exclude(stable_id__in=found)
            plan.gone_units = list(links.order_by("-id"))

    def _look_at_guard(self, plan: Plan, table: Seen, reader: Reader) -> None:
        answered = table.by_base()
        leaving = plan.losses.leaving(
            self.connection,
            lost_lately(self.connection, now=self.now),
            in_base=table.linked_by_base(),
            empty_bases=tuple(base for base in reader.bases if not answered.get(base)),
        )
        plan.asked = leaving.counted
        question = guard(leaving, self.connection.rules)
        # Who has allowed so many has not allowed more.
        allowed = self.run.counts if self.run.is_allowed else {}
        was_allowed = all(count <= int(allowed.get(name, 0)) for name, count in plan.asked.items())
        plan.question = "" if was_allowed else question

    def _groups_position(self, reader: Reader) -> str:
        is_followed = self.connection.mapping.groups or self.connection.mapping.all_groups
        if reader.is_ad or not is_followed:
            # There each group has its version: see `group_news`.
            return ""
        return reader.newest_group()

    def _has_groups_news(self, plan: Plan, reader: Reader) -> bool:
        if self.cursor is None or plan.groups_position != self.cursor.groups_position:
            return True
        followed = self.connection.links.filter(kind__in=[Link.Kind.GROUP, Link.Kind.ROLE]).standing()
        return is_outside_changed(followed, reader)

    # What it comes to

    def _tell(self, plan: Plan) -> None:
        """Of a preview all that would be done; of a run that the guard stops what it asks about."""
        if not self.is_preview and not plan.question:
            return
        rows = self._rows(plan)
        for part in batched(rows, 1000, strict=False):
            plan.counts.update(counts_of(part))
            Change.objects.bulk_create(part)

    def _rows(self, plan: Plan) -> Iterator[Change]:
        if not self.is_preview:
            yield from plan.losses.rows(self.run)
            return
        planned = Change.Outcome.PLANNED
        for unit in plan.units:
            yield from change_rows(self.run, Link.Kind.DEPARTMENT, unit, unit.object_id, planned)
        yield from unit_rows(self.run, plan.gone_units)
        for step in plan.spool.steps():
            photo = (Note("change", "photo"),) if step.photo else ()
            photo = (photo_gone(),) if step.takes_photo_away else photo
            notes = (*step.notes, *photo)
            yield from change_rows(self.run, Link.Kind.PERSON, step, step.object_id, planned, notes=notes)
        yield from self._unread_rows(plan, planned)
        for head in plan.heads:
            yield head.change(self.run, planned)
        for group in plan.groups:
            yield from group.changes(self.run, planned)

    def _unread_rows(self, plan: Plan, outcome: str) -> Iterator[Change]:
        """What stays as it is because nobody can say how it should be: a line each, of however many."""
        report = Change.Action.REPORT
        for attribute, count in sorted(plan.unread.items()):
            reason = ngettext(
                "The bind account may not read it of %(count)s entry: what the portal has stays as it is.",
                "The bind account may not read it of %(count)s entries: what the portal has stays as it is.",
                count,
            ) % {"count": count}
            yield Change(
                run=self.run, action=report, kind=Link.Kind.PERSON, name=attribute, reason=reason,
                outcome=outcome,
            )  # fmt: skip
        for link in plan.hidden_units:
            reason = _(
                "The bind account may not read this unit, in which there are people: the department stays as"
                " it is."
            )
            yield Change(
                run=self.run, action=report, kind=Link.Kind.DEPARTMENT, stable_id=link.stable_id,
                object_id=link.object_id, dn=link.dn, name=distinguished_names.name_of(link.dn),
                reason=reason, outcome=outcome,
            )  # fmt: skip

    def _ask(self, plan: Plan) -> None:
        log.warning("directory %s: %s", self.connection, plan.question)
        counts = Counter({**plan.asked, **plan.counts})
        self._finish(State.ASKING, counts, question=plan.question)

    def _perform(self, plan: Plan) -> Counter[str]:
        done = 0

        def moved(count: int) -> None:
            nonlocal done
            done += count
            self._note(done=done)

        # Who was written is no news any more, and pictures, heads and groups follow from them: after a run
        # that has not come to its end everything is compared.
        Cursor.objects.filter(connection=self.connection).update(full_at=self.now - FULL_EVERY)
        total = plan.spool.count + plan.spool.with_photos + len(plan.units)
        self._note(stage=Stage.WRITING, total=total, done=0, read=plan.read)
        self._performer = performer = Performer(self.run, now=self.now, moved=moved)
        performer.counts.update(self._done_before)
        performer.know_units(
            {key: unit.id for key, unit in units_now(self.connection).items() if unit.id is not None}
        )
        performer.units(plan.units)
        performer.write(*self._unread_rows(plan, Change.Outcome.DONE))
        alone = (step for step in plan.spool.steps() if step.stable_id not in plan.together)
        for steps in batched(alone, BATCH, strict=False):
            performer.people(steps)
        if plan.together:
            performer.people([step for step in plan.spool.steps() if step.stable_id in plan.together])
        performer.forget_conflicts()
        with_photos = (step for step in plan.spool.steps() if step.photo or step.takes_photo_away)
        performer.photos(with_photos, plan.spool.photos)
        # First: whoever headed a department that goes has nothing more to do with it.
        perform_heads(plan.heads, performer)
        self._note()
        performer.drop_units(plan.gone_units)
        self._note()
        perform_groups(plan.groups, performer)
        own_groups(self.connection)
        self._keep_cursor(plan)
        return performer.counts

    def _keep_cursor(self, plan: Plan) -> None:
        before = self.cursor
        still_unread = before.unread if before and not plan.is_full else ()
        Cursor.objects.update_or_create(
            connection=self.connection,
            defaults={
                "kind": "usn" if self.connection.kind == Connection.Kind.AD else "timestamp",
                "server": plan.server,
                "position": plan.position,
                "groups_position": plan.groups_position,
                "skipped": sorted(plan.skipped),
                "unread": sorted({*plan.seen_of_nobody, *still_unread}),
                "settings_fingerprint": settings_fingerprint(self.connection),
                "read_at": self.now,
                "full_at": self.now if plan.is_full or before is None else before.full_at,
            },
        )

    def _note(self, **changes: Any) -> None:
        """Tells how far it is, and hears whether it is to go on."""
        going = Run.objects.filter(pk=self.run.pk).exclude(state=State.CANCELLED)
        if not going.update(moved_at=timezone.now(), **changes):
            raise _Cancelled
        self._told(changes)

    @transaction.atomic
    def _finish(self, state: str, counts: Mapping[str, int], **changes: Any) -> None:
        now = timezone.now()
        self._note(state=state, counts=dict(counts), finished_at=now, **changes)
        if state != State.FAILED and not self.is_preview:
            # It has looked at everything anew: nobody need answer what those before it have asked.
            asking = self.connection.runs.filter(mode=Mode.SYNC, state=State.ASKING).exclude(pk=self.run.pk)
            asking.update(state=State.CANCELLED, finished_at=now)
        self.run.refresh_from_db()
        emit(RunFinished(run_id=self.run.pk, state=state))


def _planned(steps: Iterable[UnitStep]) -> dict[str, UnitNow]:
    return {step.key: UnitNow(step.object_id, step.name) for step in steps}


def settings_fingerprint(connection: Connection) -> str:
    """Of all that decides what is read and what it means."""
    told = [
        as_json(connection.mapping),
        as_json(connection.rules),
        connection.people_bases,
        connection.group_bases,
        presets.people_filter(connection),
        presets.group_filter(connection),
        [distinguished_names.key(base) for base in connection.people_bases],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
