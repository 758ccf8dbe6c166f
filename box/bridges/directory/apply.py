"""Doing what was planned: in batches that are done wholly or not at all, and where one fails, one by one."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from box.bridges.directory.mapping import PROFILE_FIELDS
from box.bridges.directory.models import Change, Conflict, Connection, Link, Run
from box.bridges.directory.ownership import renumber_members
from box.bridges.directory.plan.values import Note, PersonStep, UnitStep, photo_gone
from box.bridges.directory.targets import targets
from box.core.accounts import actions as accounts
from box.core.accounts.actions import NewUser
from box.core.accounts.bulk import add_people, change_people, claim_fields, day_of
from box.core.accounts.custom_fields import write_texts
from box.core.accounts.models import User
from box.core.files.pictures import PicturesWait
from box.core.files.store import StoreUnavailable
from box.core.people.photos import remove_photo, set_photo
from box.core.registry.company import company_name
from box.core.structure import actions as org
from box.core.structure.bulk import place_all, roles_of_all, set_source
from box.core.structure.models import Department, Membership

log = logging.getLogger(__name__)

BATCH = 500

Outcome = Change.Outcome
Role = Membership.Role


class Performer:
    """Performs the steps of one run, and writes down each of them. `moved` is called after each batch."""

    def __init__(self, run: Run, *, now: datetime, moved: Callable[[int], None]) -> None:
        self.run = run
        self.connection: Connection = run.connection
        self.now = now
        self.counts: Counter[str] = Counter()
        self._moved = moved
        self._targets = frozenset(targets())
        self.relinked: dict[str, str] = {}
        """By the id of an entry that is gone that which its person is now."""
        self._units: dict[str, int] = {}
        """By key the ids of departments."""

    # Departments

    def root(self) -> Department:
        from box.bridges.directory.snapshot import root_of

        found = root_of(self.connection)
        return found or org.create_department(company_name(), parent=None, by=None)

    def know_units(self, ids: Mapping[str, int]) -> None:
        self._units.update(ids)

    def units(self, steps: Sequence[UnitStep]) -> None:
        """Few, and so one by one; those above come first."""
        if not self._units.get(""):
            self._units[""] = self.root().pk
        for step in steps:
            try:
                with transaction.atomic():
                    self._unit(step)
                    self._write_down(Link.Kind.DEPARTMENT, step, self._units.get(step.key), Outcome.DONE)
            except (ValidationError, DatabaseError) as error:
                self._failed(Link.Kind.DEPARTMENT, step, error)
        self._moved(len(steps))

    def _unit(self, step: UnitStep) -> None:
        source = self.connection.name
        parent = Department.objects.get(pk=self._units.get(step.parent) or self._units[""])
        if step.object_id is None:
            made = org.create_department(
                step.name, parent=parent, by=None, source=source, number=self._former(step)
            )
            self._units[step.key] = made.pk
        else:
            department = Department.objects.get(pk=step.object_id)
            set_source([department.pk], source)
            org.rename_department(department, step.name, by=None)
            org.move_department(department, parent, by=None)
            self._units[step.key] = department.pk
        Link.objects.update_or_create(
            connection=self.connection,
            kind=Link.Kind.DEPARTMENT,
            stable_id=step.key,
            defaults={
                "object_id": self._units[step.key],
                "dn": step.dn,
                "seen_at": self.now,
                "leaving_since": None,
            },
        )

    def _former(self, step: UnitStep) -> int | None:
        """The number of the department that was its own when the directory had it last."""
        links = self.connection.links.departments().filter(stable_id=step.key)
        number = links.values_list("object_id", flat=True).first()
        is_taken = Department.objects.filter(pk=number or 0).exists()
        return None if is_taken else number

    def drop_units(self, gone: Iterable[Link]) -> None:
        """Departments that the directory no longer has: deleted where nobody is in them, else left to the
        portal, and said so. What comes back under the same id is the same department, by its number too."""
        for link in gone:
            department = Department.objects.standing().filter(pk=link.object_id).first()
            name = department.name if department else link.dn
            step = UnitStep(link.stable_id, name, "", link.dn, link.object_id)
            with transaction.atomic():
                try:
                    if department is not None:
                        with transaction.atomic():
                            org.delete_department(department, by=None)
                    note = Note("leave", reason=_("The directory has it no more, and nobody was in it."))
                except ValidationError:
                    set_source([link.object_id], "")
                    note = Note(
                        "leave",
                        reason=_(
                            "The directory has it no more, but it is not empty: it is the portal's own now."
                        ),
                    )
                link.leaving_since = self.now
                link.save(update_fields=["leaving_since"])
                self._write_down(Link.Kind.DEPARTMENT, step, link.object_id, Outcome.DONE, (note,))

    # People

    def people(self, steps: Sequence[PersonStep]) -> None:
        """A batch at most. A step that fails is written down, and the others are done."""
        before = self.counts.copy()
        try:
            with transaction.atomic():
                self._people(steps)
        except (ValidationError, DatabaseError, ValueError) as error:
            # What was rolled back was not done.
            self.counts = before
            if len(steps) == 1:
                self._person_failed(steps[0], error)
            else:
                log.info("one by one, because: %s", error)
                for step in steps:
                    self.people([step])
                return
        self._moved(len(steps))

    def _people(self, steps: Sequence[PersonStep]) -> None:
        steps = self._undecided(steps)
        ids = {step.stable_id: step.object_id for step in steps if step.object_id is not None}
        done = [step for step in steps if not step.is_skipped]
        # First, for what somebody gives up may be taken by who is new.
        change_people({ids[step.stable_id]: step.fields for step in done if step.fields and not step.is_new})
        new = [step for step in done if step.is_new]
        made = add_people([self._new_user(step) for step in new], by=self.run.by)
        ids |= {step.stable_id: pk for step, pk in zip(new, made, strict=True)}
        write_texts({ids[step.stable_id]: own for step in new if (own := _own_texts(step))})
        seen = [step for step in done if step.is_seen]
        claim_fields({ids[step.stable_id]: self._owned(step) for step in seen}, source=self.connection.name)
        self._place({ids[step.stable_id]: step.unit for step in done if step.unit is not None})
        self._link(done, ids)
        self._keep_conflicts(steps)
        for step in done:
            if step.status:
                self._give_status(ids[step.stable_id], step)
        self._write_people_down(steps, ids, Outcome.DONE)

    def _undecided(self, steps: Sequence[PersonStep]) -> list[PersonStep]:
        """Those whose entry is still whose it was when the plan was made: whoever has linked or unlinked it
        since has had the last word."""
        Connection.objects.select_for_update(no_key=True).get(pk=self.connection.pk)
        links = self.connection.links.people().filter(stable_id__in=[step.stable_id for step in steps])
        linked = dict(links.values_list("stable_id", "object_id"))
        decided = [step.stable_id for step in steps if linked.get(step.stable_id) != step.linked_to]
        if decided:
            # The next run looks at them anew.
            links.filter(stable_id__in=decided).update(fingerprint="")
        return [step for step in steps if step.stable_id not in decided]

    def _new_user(self, step: PersonStep) -> NewUser:
        fields: dict[str, Any] = {
            name: value for name, value in step.fields.items() if value and name in PROFILE_FIELDS
        }
        if "birthday_on" in fields:
            fields["birthday_on"] = day_of(fields["birthday_on"])
        return NewUser(**fields)

    def _owned(self, step: PersonStep) -> set[str]:
        owned = {name for name, value in step.values.items() if value and name in self._targets}
        if self.connection.mapping.departments:
            owned.add("departments")
        if step.photo_fingerprint:
            owned.add("photo")
        return owned

    def _place(self, units: Mapping[int, str]) -> None:
        """In that department, in whichever role; heads and deputies of others stay that."""
        before = roles_of_all(units.keys())
        places = {}
        for person, key in units.items():
            target = self._units.get(key)
            if target is None:
                continue
            kept = {pk: role for pk, role in before[person].items() if role != Role.MEMBER}
            places[person] = {target: Role.MEMBER, **kept}
        if places:
            place_all(places)

    def _give_status(self, pk: int, step: PersonStep) -> None:
        person = User.objects.get(pk=pk)
        if person.status == step.status:
            return
        give = {
            User.Status.SUSPENDED: accounts.suspend_user,
            User.Status.DISMISSED: accounts.dismiss_user,
            User.Status.ACTIVE: accounts.return_user,
        }
        give[User.Status(step.status)](person, by=None)

    def _keep_conflicts(self, steps: Sequence[PersonStep]) -> None:
        """The standing list has of these entries what was found just now, and since when. What somebody has
        decided goes once the entry is somebody's."""
        standing = self.connection.conflicts.filter(stable_id__in=[step.stable_id for step in steps])
        before = {(one.stable_id, one.kind): one for one in standing}
        found = {(step.stable_id, clash.kind): (step, clash) for step in steps for clash in step.clashes}
        taken_in = {step.stable_id for step in steps if not step.is_skipped}
        over = [
            one.pk
            for key, one in before.items()
            if key not in found and (not one.decision or key[0] in taken_in)
        ]
        Conflict.objects.filter(pk__in=over).delete()
        Conflict.objects.bulk_create(
            [
                Conflict(
                    connection=self.connection, stable_id=step.stable_id, kind=clash.kind,
                    wanted=clash.wanted[:254], rule=clash.rule, person_id=clash.person, dn=step.dn,
                    name=step.name[:300], since=self.now,
                )
                for step, clash in found.values()
            ],
            update_conflicts=True, unique_fields=["connection", "stable_id", "kind"],
            update_fields=["wanted", "rule", "person", "dn", "name"],
        )  # fmt: skip

    def forget_conflicts(self) -> None:
        """Of entries that the directory does not show any more; what somebody has decided stays."""
        self.connection.conflicts.filter(decision="").unseen().delete()

    def _link(self, steps: Sequence[PersonStep], ids: Mapping[str, int]) -> None:
        again = [ids[step.stable_id] for step in steps if step.is_relinked]
        if again:
            former = self.connection.links.people().filter(object_id__in=again)
            was = dict(former.values_list("object_id", "stable_id"))
            relinked = {
                was[ids[step.stable_id]]: step.stable_id
                for step in steps
                if step.is_relinked and ids[step.stable_id] in was
            }
            former.delete()
            renumber_members(self.connection, relinked)
            self.relinked |= relinked
        Link.objects.bulk_create(
            [
                Link(
                    connection=self.connection, kind=Link.Kind.PERSON, stable_id=step.stable_id,
                    object_id=ids[step.stable_id], dn=step.dn, base=step.base, values=dict(step.values),
                    fingerprint=step.fingerprint, status=step.link_status,
                    leaving_since=_moment(step.leaving_since), leaving_why=step.leaving_why,
                    expires_at=_moment(step.expires_at), seen_at=self.now,
                )
                for step in steps
            ],
            update_conflicts=True, unique_fields=["connection", "kind", "stable_id"],
            update_fields=[
                "dn", "base", "values", "fingerprint", "status", "leaving_since", "leaving_why",
                "expires_at", "seen_at",
            ],
        )  # fmt: skip

    def photos(self, steps: Iterable[PersonStep], spool: IO[bytes]) -> None:
        """After the people: each alone, for each is written to the store. Without the store they wait, and
        behind others' pictures that take too long."""
        for step in steps:
            link = self.connection.links.people().filter(stable_id=step.stable_id).first()
            if link is None:
                continue
            person = User.objects.get(pk=link.object_id)
            outcome, note = Outcome.DONE, photo_gone() if step.photo is None else Note("change", "photo")
            waits = False
            try:
                if step.photo is not None:
                    spool.seek(step.photo[0])
                    set_photo(person, BytesIO(spool.read(step.photo[1])), by=None)
                else:
                    remove_photo(person, by=None)
            except (StoreUnavailable, ValidationError) as error:
                outcome, note = Outcome.FAILED, Note("change", "photo", reason=_reason_of(error))
                waits = isinstance(error, StoreUnavailable | PicturesWait)
            self._write_down(Link.Kind.PERSON, step, person.pk, outcome, (note,))
            known = self.connection.links.people().filter(pk=link.pk)
            if waits:
                # Read again by the next run, as is everybody whose import was not whole.
                known.update(fingerprint="")
                continue
            # A picture that is none is not tried again until it is another.
            known.update(photo_fingerprint=step.photo_fingerprint)
            self._moved(1)

    # The log

    def _person_failed(self, step: PersonStep, error: Exception) -> None:
        """It is tried again by the next run, whatever the directory says has changed."""
        self.connection.links.people().filter(stable_id=step.stable_id).update(fingerprint="")
        self._failed(Link.Kind.PERSON, step, error)

    def _failed(self, kind: str, step: PersonStep | UnitStep, error: Exception) -> None:
        action = step.notes[0].action if step.notes else "change"
        note = Note(action, reason=_reason_of(error))
        self._write_down(kind, step, step.object_id, Outcome.FAILED, (note,))

    def _write_people_down(self, steps: Sequence[PersonStep], ids: Mapping[str, int], outcome: str) -> None:
        rows = [
            row
            for step in steps
            for row in change_rows(self.run, Link.Kind.PERSON, step, ids.get(step.stable_id), outcome)
        ]
        self._count(rows)
        Change.objects.bulk_create(rows, batch_size=2000)

    def _write_down(
        self,
        kind: str,
        step: PersonStep | UnitStep,
        object_id: int | None,
        outcome: str,
        notes: tuple[Note, ...] | None = None,
    ) -> None:
        rows = change_rows(self.run, kind, step, object_id, outcome, notes=notes)
        self._count(rows)
        Change.objects.bulk_create(rows)

    def write(self, *rows: Change) -> None:
        self._count(rows)
        Change.objects.bulk_create(rows)

    def _count(self, rows: Iterable[Change]) -> None:
        self.counts.update(counts_of(rows))


def _reason_of(error: Exception) -> str:
    """For the log; of what the database says its first line."""
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error).partition("\n")[0]


def _own_texts(step: PersonStep) -> dict[str, str]:
    """Of somebody new, what goes into fields that administrators have defined."""
    return {name: value for name, value in step.fields.items() if value and name not in PROFILE_FIELDS}


def _counted(row: Change) -> str:
    return "failed" if row.outcome == Outcome.FAILED else str(row.action)


def change_rows(
    run: Run,
    kind: str,
    step: PersonStep | UnitStep,
    object_id: int | None,
    outcome: str,
    *,
    notes: tuple[Note, ...] | None = None,
) -> list[Change]:
    """The lines of the log that a step makes, done or only planned."""
    return [
        Change(
            run=run, action=note.action, kind=kind, object_id=object_id,
            stable_id=step.stable_id if isinstance(step, PersonStep) else step.key,
            dn=step.dn, name=step.name[:300], field=note.field, old=note.old, new=note.new,
            outcome=outcome, reason=note.reason,
        )
        for note in (step.notes if notes is None else notes)
    ]  # fmt: skip


def counts_of(rows: Iterable[Change]) -> Counter[str]:
    return Counter(_counted(row) for row in rows)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
