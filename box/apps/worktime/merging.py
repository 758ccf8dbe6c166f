"""Working time of two accounts that become one: nobody works twice at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.worktime.models import Report, WorkDay
from box.core.registry.merging import Merger, OneEach, mergers, settlings

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


def declare() -> None:
    settlings.add(
        "worktime.WorkDay.user",
        OneEach(only=_OVERLAPS, better="gone.worked_seconds > kept.worked_seconds"),
    )
    both_wait = "gone.status = 'asked' AND kept.status = 'asked'"
    settlings.add(
        "worktime.Correction.user",
        OneEach("on", only=both_wait, better="gone.asked_at > kept.asked_at"),
    )
    # What was written in either report stands in the one that is left.
    takes = [*(_ADDED.format(name) for name in ("plan", "text")), _FIRST.format("sent_at")]
    takes += [_CONFIRMED.format(name) for name in ("confirmed_by_id", "score", "remark", "confirmed_at")]
    settlings.add("worktime.Report.user", OneEach("period", "starts_on", takes=", ".join(takes)))
    settlings.add("worktime.PersonSchedule.person", OneEach())
    mergers.add("worktime", Merger(_("Working time"), moves=_worked))


def _worked(gone: User, kept: User) -> list[str]:
    days = WorkDay.objects.filter(user=gone)
    same = days.filter(on__in=WorkDay.objects.filter(user=kept, on=OuterRef("on")).values("on")).count()
    count, reports = days.count(), Report.objects.filter(user=gone).count()
    said = [
        ngettext("%(num)s working day", "%(num)s working days", count) % {"num": count} if count else "",
        ngettext("on %(num)s day both worked: the longer one stays",
                 "on %(num)s days both worked: the longer one stays", same) % {"num": same} if same else "",
        ngettext("%(num)s report", "%(num)s reports", reports) % {"num": reports} if reports else "",
    ]  # fmt: skip
    return list(filter(None, said))
