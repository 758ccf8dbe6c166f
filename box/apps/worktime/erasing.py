"""What the working day knows of a person, for when it is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.worktime.models import Correction, PersonSchedule, Report, WorkDay
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def worked(person: User) -> list[str]:
    """See `box.core.registry.capabilities.Eraser`."""
    days, reports = WorkDay.objects.filter(user=person).count(), Report.objects.filter(user=person).count()
    said = [
        ngettext("%(num)s working day", "%(num)s working days", days) % {"num": days} if days else "",
        ngettext("%(num)s report", "%(num)s reports", reports) % {"num": reports} if reports else "",
    ]
    return list(filter(None, said))


def forget(person: User, by: User) -> None:
    """What they decided about others stays."""
    for model in (Correction, Report, WorkDay):
        model.objects.filter(user=person).delete()
    PersonSchedule.objects.filter(person=person).delete()


ERASER = Eraser(
    _("Working time"),
    worked,
    forget,
    (
        *(f"worktime.{name}.user" for name in ("Correction", "Report", "WorkDay")),
        "worktime.PersonSchedule.person",
    ),
)
