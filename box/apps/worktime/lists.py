"""What one has reported of one's work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.worktime.models import Report
from box.apps.worktime.presenters import period_name
from box.core.lists.definition import Column, Empty, List
from box.core.lists.filters import Choice
from box.core.lists.presenters import macro
from box.core.registry.filtering import Keyword

if TYPE_CHECKING:
    from box.core.accounts.models import User


def state_of(report: Report) -> str:
    if report.confirmed_at:
        return str(report.get_score_display() or _("confirmed"))
    return _("sent") if report.sent_at else _("not sent yet")


STATE = macro("worktime/ui.html", "report_state")
COLUMNS: tuple[Column[Report], ...] = (
    Column("when", gettext_lazy("Period"), period_name, sort="starts_on"),
    Column("said", gettext_lazy("Report"), lambda report: Truncator(report.text or report.plan).chars(120)),
    Column(
        "state",
        gettext_lazy("State"),
        state_of,
        cell=lambda report: STATE(report, state_of(report)),
    ),
    Column("sent", gettext_lazy("Sent"), lambda report: report.sent_at, is_shown=False),
)
FILTERS = (
    Choice(
        "period",
        gettext_lazy("Period"),
        Keyword("period", tuple(Report.Period)),
        choices=Report.Period.choices,
    ),
)


def report_list(user: User) -> List[Report]:
    """One's own, the latest first."""
    return List(
        key="worktime.reports",
        title=gettext_lazy("Work reports"),
        rows=Report.objects.filter(user=user),
        columns=COLUMNS,
        filters=FILTERS,
        order="-when",
        empty=Empty(
            gettext_lazy("You have no reports yet"),
            gettext_lazy(
                "Write what you plan for the week; when it is over, add what you have done and send it to"
                " your manager."
            ),
        ),
    )
