"""Working days and reports, when people are erased or two accounts become one: nobody works twice at the same
time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from box.apps.worktime.models import WorkDay
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, OneEach, Stays

if TYPE_CHECKING:
    from box.core.accounts.models import User

# An unfinished day reaches to the morning on which it counts as forgotten; of two open ones one is a mistake.
_SPAN = (
    "tstzrange({0}.started_at, greatest({0}.started_at, COALESCE({0}.finished_at, {0}.forgotten_at)), '[]')"
)
_OPEN = "{0}.state IN ('working', 'paused')"
_OVERLAPS = " OR ".join(
    [
        'gone."on" = kept."on"',
        " && ".join(_SPAN.format(which) for which in ("gone", "kept")),
        "(" + " AND ".join(_OPEN.format(which) for which in ("gone", "kept")) + ")",
    ]
)
_ADDED = """
    {0} = CASE WHEN gone.{0} = '' OR gone.{0} = kept.{0} THEN kept.{0}
               WHEN kept.{0} = '' THEN gone.{0} ELSE kept.{0} || E'\\n\\n' || gone.{0} END
"""
_FIRST = "{0} = COALESCE(kept.{0}, gone.{0})"
_CONFIRMED = "{0} = CASE WHEN kept.confirmed_at IS NULL THEN gone.{0} ELSE kept.{0} END"
# What was written in either report stands in the one that is left.
_BOTH = [
    *(_ADDED.format(name) for name in ("plan", "text")),
    _FIRST.format("sent_at"),
    *(_CONFIRMED.format(name) for name in ("confirmed_by_id", "score", "remark", "confirmed_at")),
]


def _same_days(gone: User, kept: User) -> list[str]:
    theirs = WorkDay.objects.filter(user=kept, on=OuterRef("on")).values("on")
    same = WorkDay.objects.filter(user=gone, on__in=theirs).count()
    said = ngettext(
        "on %(num)s day both worked: the longer one stays",
        "on %(num)s days both worked: the longer one stays",
        same,
    )
    return [said % {"num": same}] if same else []


BELONGINGS = Belongings(
    _("Working time"),
    {
        "worktime.WorkDay.user": Belongs(
            Deleted(),
            OneEach(only=_OVERLAPS, better="gone.worked_seconds > kept.worked_seconds"),
            said=ngettext_lazy("%(num)s working day", "%(num)s working days", "num"),
        ),
        "worktime.Correction.user": Belongs(
            Deleted(),
            OneEach(
                "on",
                only="gone.status = 'asked' AND kept.status = 'asked'",
                better="gone.asked_at > kept.asked_at",
            ),
        ),
        "worktime.Report.user": Belongs(
            Deleted(),
            OneEach("period", "starts_on", takes=", ".join(_BOTH)),
            said=ngettext_lazy("%(num)s report", "%(num)s reports", "num"),
        ),
        "worktime.PersonSchedule.person": Belongs(Deleted(), OneEach()),
        "worktime.Correction.decided_by": Belongs(Stays(DECIDED)),
        "worktime.Report.confirmed_by": Belongs(Stays(DECIDED)),
    },
    moves=_same_days,
)
