"""The lists of a directory: its runs, what each did, would do, or left undone, and what is not taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext_lazy as _

from box.bridges.directory.models import Change, Conflict, Link, Run
from box.bridges.directory.plan.clashes import AGAIN, APART, CONSOLE, EMAIL, LOGIN, TO_DECIDE
from box.console.directory.forms.mapping import field_label
from box.core.lists.definition import Column, Empty, List, Search, Shortcut
from box.core.lists.filters import Choice
from box.core.lists.presenters import macro
from box.core.registry.environment import url
from box.core.registry.filtering import Keyword
from box.core.structure.models import Department

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise
    from markupsafe import Markup

    from box.bridges.directory.models import Connection

# What a run did

CELLS = "console/directory/changes.html"
KINDS: Mapping[str, _StrOrPromise] = {
    Link.Kind.PERSON: _("Person"),
    Link.Kind.DEPARTMENT: _("Department"),
    Link.Kind.GROUP: _("Group"),
    Link.Kind.ROLE: _("Role"),
}


class Told(NamedTuple):
    """A change with the page of what it is about; nothing where that cannot be opened any more."""

    change: Change
    url: str

    @property
    def field(self) -> str:
        return field_label(self.change.field) if self.change.field else ""


COLUMNS: tuple[Column[Told], ...] = (
    Column("what", _("What"), lambda told: told.change.get_action_display(), cell=macro(CELLS, "what")),
    Column("kind", _("Kind"), lambda told: KINDS.get(told.change.kind, ""), is_shown=False),
    Column("name", _("Name"), lambda told: told.change.name, cell=macro(CELLS, "name")),
    Column("entry", _("Entry"), lambda told: told.change.dn, is_shown=False),
    Column("change", _("Change"), lambda told: told.field, cell=macro(CELLS, "change"), is_exported=False),
    Column("field", _("Field"), lambda told: told.field, is_offered=False),
    Column("before", _("Before"), lambda told: told.change.old, is_offered=False),
    Column("after", _("After"), lambda told: told.change.new, is_offered=False),
    Column(
        "outcome",
        _("Outcome"),
        lambda told: told.change.get_outcome_display(),
        cell=macro(CELLS, "outcome"),
    ),
    Column("reason", _("Reason"), lambda told: told.change.reason),
    Column("place", _("Number"), lambda told: told.change.pk, sort="id", is_offered=False, is_exported=False),
)


def _choice(key: str, label: _StrOrPromise, choices: Sequence[tuple[str, _StrOrPromise]]) -> Choice:
    return Choice(key, label, Keyword(key, tuple(value for value, _name in choices)), choices=choices)


FILTERS = (
    _choice("action", _("What"), Change.Action.choices),
    _choice("kind", _("Kind"), tuple(KINDS.items())),
    _choice("outcome", _("Outcome"), Change.Outcome.choices),
)


def change_list(run: Run) -> List[Change, Told]:
    counts = ((key, label, run.counts.get(key)) for key, label in Change.Action.choices)
    return List(
        key="directory.changes",
        title=_("Preview") if run.mode == Run.Mode.PREVIEW else _("Synchronisation"),
        rows=run.changes.all(),
        columns=COLUMNS,
        filters=FILTERS,
        shortcuts=tuple(Shortcut(f"{label} {n}", f"action={key}") for key, label, n in counts if n),
        order="place",
        search=Search(_("Name or login"), lambda rows, text: rows.filter(name__icontains=text)),
        present=_told,
        pk=lambda told: told.change.pk,
        href=None,
        empty=Empty(_("Nothing to be done"), _("The portal and the directory agree.")),
    )


def _told(changes: Sequence[Change]) -> list[Told]:
    """A log outlives what it tells of: a department may be gone."""
    departments = {one.object_id for one in changes if one.object_id and one.kind == Link.Kind.DEPARTMENT}
    standing = (
        set(Department.objects.standing().filter(pk__in=departments).values_list("pk", flat=True))
        if departments
        else set()
    )
    return [Told(one, _address(one, standing)) for one in changes]


def _address(change: Change, standing: set[int]) -> str:
    if change.object_id and change.kind == Link.Kind.PERSON:
        return url("people:person", change.object_id)
    return url("structure:department", change.object_id) if change.object_id in standing else ""


# Runs


def _counts_of(run: Run) -> str:
    """What it did or would do, in one line."""
    told = [f"{label}: {n}" for key, label in Change.Action.choices if (n := run.counts.get(key))]
    return ", ".join(told) or str(_("nothing changes"))


def _done(run: Run) -> str:
    if run.error:
        return run.error
    return run.get_stage_display() if run.is_going else _counts_of(run)


def _seconds(run: Run) -> float | None:
    return None if run.duration is None else round(run.duration.total_seconds(), 1)


RUN_COLUMNS: tuple[Column[Run], ...] = (
    Column("asked", _("Run"), lambda run: run.asked_at, sort="id"),
    Column("mode", _("Kind"), lambda run: run.get_mode_display()),
    Column(
        "state",
        _("State"),
        lambda run: run.get_state_display(),
        cell=macro("console/directory/ui.html", "run_state"),
    ),
    Column("done", _("What it did"), _done),
    Column("by", _("By"), lambda run: run.by.name if run.by else run.get_why_display()),
    Column("seconds", _("Seconds"), _seconds),
)
RUN_FILTERS = (
    _choice("mode", _("Kind"), Run.Mode.choices),
    _choice("state", _("State"), Run.State.choices),
)


def run_list(connection: Connection) -> List[Run]:
    return List(
        key="directory.runs",
        title=_("Log"),
        rows=connection.runs.select_related("by"),
        columns=RUN_COLUMNS,
        filters=RUN_FILTERS,
        order="-asked",
        href=lambda run: url("console:directory:run", run.pk),
        empty=Empty(
            _("Nothing has run yet"), _("Each run stands here, with everything that it has changed.")
        ),
    )


# What is not taken over

CONFLICT_CELLS = "console/directory/conflicts.html"
DECIDE, LEFT = "decide", "left"
_KINDS_TO_DECIDE: Mapping[str, _StrOrPromise] = {
    AGAIN: _("made anew"),
    LOGIN: _("login taken"),
    EMAIL: _("e-mail taken"),
    CONSOLE: _("local account"),
    APART: _("unlinked"),
}
CAN_BE_LINKED = (AGAIN, LOGIN, APART)
CAN_BE_SEPARATE = (AGAIN, APART)


def _kind_of(conflict: Conflict) -> str:
    return str(_KINDS_TO_DECIDE.get(conflict.kind, _("left out")))


def _waiting_for(rows: QuerySet[Conflict], chosen: tuple[str, ...]) -> QuerySet[Conflict]:
    """For a decision, or for nothing: with both chosen all are found."""
    if len(chosen) > 1:
        return rows
    return rows.filter(kind__in=TO_DECIDE) if DECIDE in chosen else rows.exclude(kind__in=TO_DECIDE)


_kind_cell = macro(CONFLICT_CELLS, "kind")


def _cure_cell(conflict: Conflict) -> Markup:
    """What helps, and where it is a step of this portal, its button."""
    has_person = conflict.person_id is not None
    return macro(CONFLICT_CELLS, "cure")(
        conflict,
        has_person and conflict.kind in CAN_BE_LINKED,
        has_person and conflict.kind in CAN_BE_SEPARATE,
    )


CONFLICT_COLUMNS: tuple[Column[Conflict], ...] = (
    Column("name", _("Entry"), lambda conflict: conflict.name),
    Column("kind", _("Kind"), _kind_of, cell=lambda conflict: _kind_cell(conflict, _kind_of(conflict))),
    Column("reason", _("Reason"), lambda conflict: conflict.reason),
    Column("cure", _("What helps"), lambda conflict: conflict.cure, cell=_cure_cell),
    # Whom it may be linked with is on the button.
    Column(
        "person",
        _("Person"),
        lambda conflict: conflict.person.face if conflict.person else None,
        is_shown=False,
    ),
    Column("dn", _("Place in the directory"), lambda conflict: conflict.dn, is_shown=False),
    Column("since", _("Since"), lambda conflict: conflict.since),
    Column(
        "place", _("Number"), lambda conflict: conflict.pk, sort="id", is_offered=False, is_exported=False
    ),
)
CONFLICT_FILTERS = (
    Choice(
        "show",
        _("What waits"),
        narrow=_waiting_for,
        choices=((DECIDE, _("To be decided")), (LEFT, _("Not imported"))),
    ),
)


def conflict_list(connection: Connection) -> List[Conflict]:
    of_it = connection.conflicts.open()
    to_decide, left = of_it.filter(kind__in=TO_DECIDE).count(), of_it.exclude(kind__in=TO_DECIDE).count()
    waiting = ((DECIDE, _("To be decided"), to_decide), (LEFT, _("Not imported"), left))
    return List(
        key="directory.conflicts",
        title=_("Conflicts"),
        rows=of_it.select_related("person"),
        columns=CONFLICT_COLUMNS,
        filters=CONFLICT_FILTERS,
        shortcuts=tuple(Shortcut(f"{label} {n}", f"show={key}") for key, label, n in waiting if n),
        order="place",
        search=Search(_("Name"), lambda rows, text: rows.filter(name__icontains=text)),
        href=None,
        empty=Empty(_("No conflicts"), _("All that the directory holds is here, as far as you have asked.")),
    )
