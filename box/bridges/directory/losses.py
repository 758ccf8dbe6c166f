"""What runs take away: what this one would, and what those of the last day have, so that many small runs do
no more than one may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, IntegerField, Sum
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from box.bridges.directory.apply import change_rows
from box.bridges.directory.department_heads import HeadStep
from box.bridges.directory.group_sync import GroupStep
from box.bridges.directory.models import Change, Connection, Link, Run
from box.bridges.directory.plan.guard import Leaving, LeavingGroup
from box.bridges.directory.plan.values import LOSING, Note, PersonStep, UnitStep
from box.bridges.directory.targets import label_of
from box.core.structure.models import Department

GUARDED = timedelta(hours=24)

Action, Kind = Change.Action, Link.Kind


@dataclass(frozen=True)
class Lately:
    """What runs have taken away within a day, each thing once, but for runs that somebody has allowed."""

    people: int = 0
    departments: int = 0
    heads: int = 0
    # By field of how many people.
    by_field: Mapping[str, int] = field(default_factory=dict)
    # By the kind and the stable id of a group how many have left it.
    members: Mapping[tuple[str, str], int] = field(default_factory=dict)


def lost_lately(connection: Connection, *, now: datetime) -> Lately:
    """In a handful of questions to the database, however much was done."""
    done = Change.objects.filter(
        run__connection=connection,
        run__mode=Run.Mode.SYNC,
        run__is_allowed=False,
        run__asked_at__gt=now - GUARDED,
        outcome=Change.Outcome.DONE,
    )
    of_departments = done.filter(kind=Kind.DEPARTMENT)
    people = done.filter(kind=Kind.PERSON, action__in=LOSING).values("object_id").distinct().count()
    taken_away = done.filter(kind=Kind.PERSON, action=Action.CHANGE, new="").exclude(old="")
    left = done.filter(kind__in=[Kind.GROUP, Kind.ROLE], action=Action.LEAVE, new__regex=r"^[0-9]{1,9}$")
    return Lately(
        people=people,
        departments=of_departments.filter(action=Action.LEAVE).values("stable_id").distinct().count(),
        heads=of_departments.filter(action=Action.HEAD, new="")
        .exclude(old="")
        .values("stable_id")
        .distinct()
        .count(),
        by_field=dict(
            taken_away.values_list("field")
            .annotate(people=Count("object_id", distinct=True))
            .values_list("field", "people")
        ),
        members={
            (kind, stable_id): count
            for kind, stable_id, count in left.values("kind", "stable_id")
            .annotate(people=Sum(Cast("new", IntegerField())))
            .values_list("kind", "stable_id", "people")
        },
    )


@dataclass(frozen=True)
class Losses:
    """What a plan would take away."""

    people: Iterable[PersonStep]
    units: Sequence[Link]
    heads: Sequence[HeadStep]
    groups: Sequence[GroupStep]

    def leaving(
        self,
        connection: Connection,
        lately: Lately,
        *,
        in_base: Mapping[str, int],
        empty_bases: tuple[str, ...],
    ) -> Leaving:
        """As the guard weighs it. `in_base` has by base how many people of it work here."""
        by_base: Counter[str] = Counter()
        by_field: Counter[str] = Counter()
        for step in self.people:
            by_base[step.base] += step.is_leaving
            by_field.update({note.field for note in step.losses})
        departments = connection.links.departments()
        return Leaving(
            now=by_base.total(),
            before=lately.people,
            people=sum(in_base.values()),
            by_base=by_base,
            in_base=in_base,
            empty_bases=empty_bases,
            departments_now=len(self.units),
            departments_before=lately.departments,
            departments=departments.standing().count() + lately.departments,
            heads_now=sum(step.is_loss for step in self.heads),
            heads_before=lately.heads,
            heads=sum(bool(link.values.get("head")) for link in departments) + lately.heads,
            by_field={label_of(name): count for name, count in by_field.items()},
            by_field_before={label_of(name): lately.by_field.get(name, 0) for name in by_field},
            groups=tuple(
                LeavingGroup(
                    step.name,
                    len(step.leaving),
                    step.count,
                    lately.members.get((step.kind, step.stable_id), 0),
                )
                for step in self.groups
            ),
        )

    def rows(self, run: Run) -> Iterator[Change]:
        """Each of them as a line of the log, for whoever is asked."""
        planned = Change.Outcome.PLANNED
        yield from unit_rows(run, self.units)
        for step in self.people:
            notes = step.notes if step.is_leaving else step.losses
            yield from change_rows(run, Kind.PERSON, step, step.object_id, planned, notes=notes)
        yield from (step.change(run, planned) for step in self.heads if step.is_loss)
        for group in self.groups:
            yield from (row for row in group.changes(run, planned) if row.action == Action.LEAVE)


def unit_rows(run: Run, gone: Sequence[Link]) -> Iterator[Change]:
    """Departments whose units the directory has no more."""
    names = dict(
        Department.objects.filter(pk__in=[link.object_id for link in gone]).values_list("pk", "name")
    )
    note = Note("leave", reason=_("The directory has it no more."))
    for link in gone:
        step = UnitStep(link.stable_id, names.get(link.object_id, link.dn), "", link.dn, link.object_id)
        yield from change_rows(
            run, Kind.DEPARTMENT, step, link.object_id, Change.Outcome.PLANNED, notes=(note,)
        )
