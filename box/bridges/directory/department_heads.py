"""Who heads which department, as the directory says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from box.bridges.directory import distinguished_names
from box.bridges.directory.apply import BATCH
from box.bridges.directory.models import Change, Connection, Link, Run
from box.bridges.directory.plan.units import heads_by_manager, without_circles
from box.bridges.directory.plan.values import PersonStep, UnitNow
from box.bridges.directory.reader import Unit
from box.core.accounts.models import User
from box.core.structure.bulk import place_all, roles_of_all
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from box.bridges.directory.apply import Performer
    from box.bridges.directory.snapshot import Seen

Role = Membership.Role


@dataclass(frozen=True, slots=True)
class HeadStep:
    """A department's head from now on (none: nobody any more), or, without a department, only a report."""

    unit: str
    unit_name: str
    head: str = ""
    head_name: str = ""
    old: str = ""
    reason: str = ""

    @property
    def is_loss(self) -> bool:
        """Somebody headed it, and nobody would."""
        return bool(self.old and self.unit and not self.head)

    def change(self, run: Run, outcome: str, *, reason: str = "", object_id: int | None = None) -> Change:
        is_report = bool(self.reason)
        return Change(
            run=run,
            action=Change.Action.REPORT if is_report else Change.Action.HEAD,
            kind=Link.Kind.PERSON if is_report and not self.unit else Link.Kind.DEPARTMENT,
            stable_id=self.unit or self.head,
            object_id=object_id,
            name=self.unit_name or self.head_name,
            field="manager" if is_report else "head",
            old=self.old,
            new=self.head_name,
            outcome=outcome,
            reason=reason or self.reason,
        )


def plan_heads(
    connection: Connection,
    steps: Iterable[PersonStep],
    units: Sequence[Unit],
    here: Mapping[str, UnitNow],
    table: Seen,
    *,
    is_full: bool,
) -> list[HeadStep]:
    """What changes, and what is wrong: of a circle of managers when it is new, and once a day."""
    how = connection.mapping.heads
    if not how or not connection.mapping.departments:
        return []
    known = {unit.key: unit.name for unit in units} | {key: unit.name for key, unit in here.items() if key}
    before = {
        link.stable_id: link.values.get("head", "")
        for link in connection.links.departments().only("stable_id", "values")
    }
    reports: list[HeadStep] = []
    if how == "managedBy":
        wanted = table.owners_of([distinguished_names.key(unit.head) for unit in units if unit.head])
        heads = {unit.key: wanted.get(distinguished_names.key(unit.head), "") for unit in units if unit.head}
        if all(heads.get(key, "") == before.get(key, "") and key in here for key in known):
            return []
        _of_person, _managers, names = _people(connection, steps)
        heads = {key: head if head in names else "" for key, head in heads.items()}
        reports = [
            HeadStep(unit.key, unit.name, reason=_("%(name)s, who heads it, is not among those imported.")
                     % {"name": distinguished_names.name_of(unit.head)})
            for unit in units
            if unit.head and not heads[unit.key] and unit.key not in here
        ]  # fmt: skip
    else:
        of_person, managers, names = _people(connection, steps)
        edges = without_circles(managers)
        cut_before = _cut_before(connection) if edges.cut and not is_full else ()
        heads = heads_by_manager(of_person, edges.managers)
        reports = [
            HeadStep(
                "", "", head=person, head_name=names.get(person, person),
                reason=_("The managers go round in a circle: this one's is left out."),
            )
            for person in edges.cut
            if person not in cut_before
        ]  # fmt: skip
    decided = []
    for key, name in sorted(known.items()):
        head, was = heads.get(key, ""), before.get(key, "")
        if head != was:
            told = names.get(head, "") or head
            decided.append(HeadStep(key, name, head, told, old=names.get(was, "")))
    return [*reports, *decided]


def _cut_before(connection: Connection) -> tuple[str, ...]:
    """Whose manager was left out when the last run was done."""
    _of_person, managers, _names = _people(connection, ())
    return without_circles(managers).cut


def _people(
    connection: Connection, steps: Iterable[PersonStep]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Where each person is, whom they have as manager, and how they are called: as it will be."""
    units: dict[str, str] = {}
    managers: dict[str, str] = {}
    names: dict[str, str] = {}
    rows = connection.links.people().filter(leaving_since=None).values_list("stable_id", "values")
    for stable_id, values in rows.iterator(chunk_size=1000):
        _learn(stable_id, values, units, managers, names)
    for step in steps:
        if step.is_skipped:
            continue
        if step.leaving_since:
            for known in (units, managers):
                known.pop(step.stable_id, None)
        else:
            _learn(step.stable_id, step.values, units, managers, names)
    return units, managers, names


def _learn(
    stable_id: str,
    values: Mapping[str, str],
    units: dict[str, str],
    managers: dict[str, str],
    names: dict[str, str],
) -> None:
    units[stable_id] = values.get("unit", "")
    # Names are told only of those who lead somebody or are led round in a circle.
    if manager := values.get("manager"):
        managers[stable_id] = manager
    else:
        managers.pop(stable_id, None)
    names[stable_id] = " ".join(
        filter(None, (values.get("first_name"), values.get("last_name")))
    ) or values.get("login", "")


def perform_heads(steps: Sequence[HeadStep], performer: Performer) -> None:
    performer.write(*(step.change(performer.run, Change.Outcome.DONE) for step in steps if step.reason))
    for part in batched((step for step in steps if not step.reason), BATCH, strict=False):
        _all_or_each(part, performer)


def _all_or_each(steps: Sequence[HeadStep], performer: Performer) -> None:
    """At once; where one of them fails, one by one."""
    before = performer.counts.copy()
    try:
        with transaction.atomic():
            _perform(steps, performer)
    except (ValidationError, DatabaseError) as error:
        # What was rolled back was not done.
        performer.counts = before
        if len(steps) == 1:
            performer.write(steps[0].change(performer.run, Change.Outcome.FAILED, reason=str(error)))
            return
        for step in steps:
            _all_or_each([step], performer)


def _perform(steps: Sequence[HeadStep], performer: Performer) -> None:
    links = performer.connection.links
    departments = {
        link.stable_id: link for link in links.departments().filter(stable_id__in=[one.unit for one in steps])
    }
    named = {one.head for one in steps} | {link.values.get("head", "") for link in departments.values()}
    people = {link.stable_id: link for link in links.people().filter(stable_id__in=named)}
    ids = {link.object_id for link in people.values()}
    here = set(User.objects.filter(pk__in=ids).values_list("pk", flat=True))
    roles = roles_of_all(ids)
    moved: set[int] = set()
    done: list[tuple[HeadStep, Link]] = []
    for step in steps:
        department, head = departments.get(step.unit), people.get(step.head)
        if department is None or (step.head and (head is None or head.object_id not in here)):
            continue
        before, pk = department.values.get("head", ""), department.object_id
        was = people.get(before) if before != step.head else None
        if was is not None and roles[was.object_id].get(pk) == Role.HEAD:
            roles[was.object_id] = _without_office(roles[was.object_id], pk, was, step.unit)
            moved.add(was.object_id)
        if head is not None:
            roles[head.object_id] = {**roles[head.object_id], pk: Role.HEAD}
            moved.add(head.object_id)
        department.values = {**department.values, "head": step.head}
        done.append((step, department))
    place_all({person: roles[person] for person in moved})
    Link.objects.bulk_update([department for _step, department in done], ["values"])
    outcome = Change.Outcome.DONE
    performer.write(*(step.change(performer.run, outcome, object_id=link.object_id) for step, link in done))


def _without_office(roles: Mapping[int, str], department: int, was: Link, unit: str) -> dict[int, str]:
    """Whoever headed a department from outside of it has nothing more to do with it."""
    if was.values.get("unit", "") == unit:
        return {**roles, department: Role.MEMBER}
    return {pk: role for pk, role in roles.items() if pk != department}
