"""The audit log as a list, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.audit.models import AuditRecord
from box.core.audit.presenters import Shown, erased_people
from box.core.lists.definition import Column, Empty, List, Search
from box.core.lists.filters import Choice, Dates, people
from box.core.lists.presenters import macro
from box.core.registry.auditing import audited
from box.core.registry.filtering import Keyword, Moment, Related

if TYPE_CHECKING:
    from box.core.accounts.models import User

# What stands for the object and for details in the list of kinds.
_BLANK = "…"


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return _BLANK


def kind_labels() -> list[tuple[str, str]]:
    """Every kind of record with its sentence, in the order of the alphabet."""
    found = ((kind, str(one.sentence) % _Blanks()) for kind, one in audited.items())
    return sorted(found, key=lambda one: one[1])


COLUMNS: tuple[Column[Shown], ...] = (
    Column("when", _("When"), lambda shown: shown.record.at, sort="at"),
    Column("who", _("Who"), lambda shown: shown.who, cell=macro("console/audit_cells.html", "who")),
    Column("what", _("What was done"), lambda shown: shown.sentence),
    Column("address", _("Address"), lambda shown: shown.record.address),
    Column("kind", _("Kind"), lambda shown: shown.record.kind, is_shown=False),
    Column(
        "number",
        _("Number"),
        lambda shown: shown.record.position,
        cell=macro("console/audit_cells.html", "number"),
    ),
    Column("seal", _("Seal"), lambda shown: shown.record.seal, is_offered=False),
)


@cache
def _kinds() -> Keyword:
    return Keyword("kind", tuple(kind for kind, _audited in audited.items()))


def audit_list(reader: User) -> List[AuditRecord, Shown]:
    """For whoever may read the log: they see all of it, and may take it along."""
    return List(
        key="audit.records",
        title=_("Audit log"),
        rows=AuditRecord.objects.all(),
        columns=COLUMNS,
        filters=(
            Choice("kind", _("What was done"), _kinds(), choices=kind_labels, is_always_set=True),
            people("by", _("Who"), Related("by_id")),
            Dates("at", _("When"), Moment("at"), is_always_set=True),
        ),
        order="-when",
        search=Search(_("Who or what"), narrow=lambda found, text: found.matching(text)),  # type: ignore[attr-defined]
        present=_shown,
        pk=lambda shown: shown.record.pk,
        href=None,
        empty=Empty(
            _("Nothing is written yet"),
            _(
                "Sign-ins, changes of rights and people, downloads and what was done on the machine "
                "are written here."
            ),
        ),
    )


def _shown(records: Sequence[AuditRecord]) -> Iterable[Shown]:
    erased = erased_people()
    return (Shown(one, erased) for one in records)
