"""Which clients and deals a task belongs to, for programs: `UF_CRM_TASK`, a list such as `["D_5", "CO_2"]`.

Source: https://apidocs.bitrix24.com/api-reference/tasks/fields.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from box.apps.tasks.models import KIND, Task
from box.core.registry.capabilities import Ref
from box.core.registry.filtering import several
from box.core.registry.services import is_on
from box.core.relations.actions import relate, unrelate
from box.core.relations.models import Relation
from box.core.relations.relatable import Codes, codes_of_programs

if TYPE_CHECKING:
    from box.core.accounts.models import User

FIELD = "UF_CRM_TASK"
_ROOM = "crm"


@dataclass(frozen=True)
class BoundTo:
    """Tasks of one of these: of what the reader does not see there are none."""

    reader: User | None = None
    """Nobody where the filters there are are only named."""

    def condition(self, operator: str, value: Any) -> Q:
        said = [str(one) for one in several(value)]
        if operator not in ("", "=", "@") or not all(said):
            raise ValidationError(_("Write what it belongs to, such as D_5."), code="filter")
        codes = _codes()
        if codes is None or self.reader is None:
            return Q(pk__in=[])
        ids = codes.ids(said, self.reader).values()
        return Q(pk__in=Relation.objects.across(codes.kind, list(ids), KIND).values("beside"))


def bindings_of(tasks: Collection[int], reader: User) -> dict[int, list[str]]:
    """By task, as far as the reader sees them: two queries, whatever their number."""
    codes = _codes()
    found: dict[int, list[str]] = defaultdict(list)
    if codes is not None:
        rows = list(Relation.objects.across(KIND, tasks, codes.kind))
        named = codes.codes({row["beside"] for row in rows}, reader) if rows else {}
        for row in rows:
            if row["beside"] in named:
                found[row["end"]].append(named[row["beside"]])
    return found


def bound(value: Any, by: User) -> tuple[Ref, ...]:
    """What these codes name. Raises ValidationError for one that names nothing that this person sees."""
    said = [str(one) for one in several(value if value is not None else []) if one not in ("", False)]
    codes = _codes()
    ids = codes.ids(said, by) if codes is not None and said else {}
    if missing := [one for one in said if one not in ids]:
        told = _("There is no %(code)s, or you don't see it.") % {"code": missing[0][:40]}
        raise ValidationError(f"{FIELD}: {told}", code="binding")
    return tuple(Ref(codes.kind, ids[one]) for one in dict.fromkeys(said)) if codes is not None else ()


def bind(task: Task, refs: Collection[Ref], *, by: User) -> None:
    """To these, and to none else of those that this person sees: call within a transaction."""
    codes = _codes()
    if codes is None:
        return
    had = [row["beside"] for row in Relation.objects.across(KIND, [task.pk], codes.kind)]
    for pk in codes.codes(had, by):
        if (ref := Ref(codes.kind, pk)) not in refs:
            unrelate(task.ref, ref, by=by)
    relate(task.ref, list(refs), by=by)


def _codes() -> Codes | None:
    """Nothing where the service is off."""
    return codes_of_programs[_ROOM] if is_on(_ROOM) else None
