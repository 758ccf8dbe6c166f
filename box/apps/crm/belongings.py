"""The CRM, when people leave, are erased, or two accounts become one. Clients are the company's: who looks
after them changes, and nothing goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from box.apps.crm.actions.audiences import renew_audiences_of
from box.apps.crm.actions.records import change_record
from box.apps.crm.models import Activity, Record
from box.core.accounts.models import User
from box.core.registry.belongings import DECIDED, MADE, Belongings, Belongs, Deleted, OneEach, Stays
from box.core.registry.capabilities import Holdings

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair


def _follow(pair: Pair) -> None:
    """What came to the one who remains is seen by those who reach them."""
    renew_audiences_of(User.objects.get(pk=pair.kept))


def _held(person: User) -> list[str]:
    """In numbers: somebody may look after thousands of clients."""
    work = Record.objects.there().filter(responsible=person).count()
    steps = Activity.objects.open().filter(responsible=person).count()
    said = [
        ngettext("%(num)s lead, deal or client", "%(num)s leads, deals and clients", work) % {"num": work}
        if work
        else "",
        ngettext("%(num)s planned activity", "%(num)s planned activities", steps) % {"num": steps}
        if steps
        else "",
    ]
    return list(filter(None, said))


def _hand_over(person: User, successor: User | None, by: User) -> None:
    if successor is None:
        if _held(person):
            raise ValidationError(_("Say who looks after their clients from now on."), code="successor")
        return
    for record in Record.objects.there().filter(responsible=person).order_by("pk"):
        change_record(record, {"responsible": successor}, by=None)
    Activity.objects.open().filter(responsible=person).update(responsible=successor)


HOLDINGS = Holdings(gettext_lazy("CRM"), _held, _hand_over)

BELONGINGS = Belongings(
    gettext_lazy("CRM"),
    {
        "crm.Record.responsible": Belongs(
            Stays(MADE),
            said=ngettext_lazy("%(num)s lead, deal or client", "%(num)s leads, deals and clients", "num"),
        ),
        "crm.Record.created_by": Belongs(Stays(MADE)),
        "crm.Record.changed_by": Belongs(Stays(MADE)),
        "crm.Record.deleted_by": Belongs(Stays(DECIDED)),
        "crm.Observer.user": Belongs(Deleted(), OneEach("record")),
        "crm.StageVisit.by": Belongs(Stays(MADE)),
        # The records' trigger has moved them.
        "crm.StageTotal.responsible": Belongs(Stays(MADE), Stays("adds up what records say")),
        "crm.Activity.responsible": Belongs(
            Stays(MADE), said=ngettext_lazy("%(num)s activity", "%(num)s activities", "num")
        ),
        "crm.Activity.created_by": Belongs(Stays(MADE)),
        "crm.Activity.done_by": Belongs(Stays(MADE)),
        "crm.Paper.sent_by": Belongs(Stays(MADE)),
        "crm.PaperLink.created_by": Belongs(Stays(MADE)),
        "crm.Payment.created_by": Belongs(Stays(MADE)),
        "crm.Receiver.user": Belongs(Deleted(), OneEach("form")),
        "crm.Plan.user": Belongs(Deleted(), OneEach("month")),
        "crm.RobotTurn.user": Belongs(Deleted(), OneEach("robot")),
        "crm.Merger.by": Belongs(Stays(DECIDED)),
    },
    follow=_follow,
)
