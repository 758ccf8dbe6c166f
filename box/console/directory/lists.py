"""What a run of a directory did, would do, or left undone, in the order in which it came to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext_lazy as _

from box.bridges.directory.models import Change, Link, Run
from box.console.directory.forms.mapping import field_label
from box.core.lists.definition import Column, Empty, List, Search, Shortcut
from box.core.lists.filters import Choice
from box.core.lists.presenters import macro
from box.core.registry.environment import url
from box.core.registry.filtering import Keyword
from box.core.structure.models import Department

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

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
FILTERS = tuple(
    Choice(key, label, Keyword(key, tuple(value for value, _name in choices)), choices=choices)
    for key, label, choices in (
        ("action", _("What"), Change.Action.choices),
        ("kind", _("Kind"), tuple(KINDS.items())),
        ("outcome", _("Outcome"), Change.Outcome.choices),
    )
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
