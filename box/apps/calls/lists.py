"""The log of calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.calls.clients import clients_behind
from box.apps.calls.models import LoggedCall, Participant
from box.apps.calls.words import length, number_shown, outcome, phone_shown
from box.bridges.telephony.models import Call
from box.core.lists.definition import Column, Empty, List, Search, Shortcut
from box.core.lists.filters import Choice, Dates, Filter, Numbers, Text, people
from box.core.lists.presenters import macro
from box.core.registry.company import PHONE_REGION
from box.core.registry.filtering import Among, Amount, Keyword, Moment, Named
from box.core.registry.filtering import Text as TextField
from box.lib import phones

if TYPE_CHECKING:
    from box.core.accounts.models import Face, User
    from box.core.registry.capabilities import Card

KEY = "calls.log"
_OVER = Q(ended_at__isnull=False)
RESULTS = {
    "answered": Q(answered_at__isnull=False),
    "missed": Q(is_missed=True),
    "waiting": Q(is_missed=True, settled_at=None),
    "unanswered": _OVER & Q(answered_at=None, is_missed=False),
    "going": Q(ended_at=None),
}


def _with(ids: Sequence[int]) -> Q:
    return Q(pk__in=Participant.objects.filter(user__in=ids).values("logged"))


def _looked_for(rows: QuerySet[LoggedCall], text: str) -> QuerySet[LoggedCall]:
    """A number, or the end of one; of a name how it begins."""
    number = phones.normal(text, PHONE_REGION.value)
    if number is not None:
        return rows.filter(number=number)
    digits = "".join(sign for sign in text if sign.isdigit())
    return rows.filter(number__endswith=digits) if digits else rows.filter(caller_name__icontains=text)


FILTERS: tuple[Filter[Any], ...] = (
    Choice(
        "direction",
        pgettext_lazy("call", "Direction"),
        Keyword("direction", tuple(Call.Direction.values)),
        is_always_set=True,
        choices=tuple(Call.Direction.choices),
    ),
    Choice(
        "result",
        gettext_lazy("Result"),
        Named(RESULTS),
        is_always_set=True,
        choices=(
            ("answered", pgettext_lazy("call", "answered")),
            ("missed", pgettext_lazy("call", "missed")),
            ("waiting", gettext_lazy("missed, to be called back")),
            ("unanswered", gettext_lazy("nobody answered us")),
            ("going", gettext_lazy("going on")),
        ),
    ),
    people("person", gettext_lazy("Employee"), Among(_with)),
    Text("queue", pgettext_lazy("telephone", "Queue"), TextField("queue")),
    Dates("day", gettext_lazy("Day"), Moment("started_at"), is_always_set=True),
    Numbers("talk", gettext_lazy("Seconds of talk"), Amount("talk_seconds"), is_always_set=True),
)


@dataclass(frozen=True)
class Row:
    """A call as a line of the log."""

    call: LoggedCall
    cards: tuple[Card, ...]
    people: tuple[Face, ...]

    @property
    def pk(self) -> int:
        return self.call.pk

    @property
    def other(self) -> str:
        """Whom it was with, in a word."""
        return self.cards[0].title if self.cards else number_shown(self.call)

    @property
    def shown(self) -> str:
        return phone_shown(self.call.number)

    @property
    def outcome(self) -> str:
        return outcome(self.call).label

    @property
    def tone(self) -> str:
        return outcome(self.call).tone

    @property
    def talked(self) -> str:
        return length(self.call.talk_seconds) if self.call.talk_seconds else ""

    @property
    def waited(self) -> str:
        return length(self.call.wait_seconds)


COLUMNS: tuple[Column[Row], ...] = (
    Column(
        "with",
        gettext_lazy("With"),
        lambda row: row.other,
        cell=macro("calls/ui.html", "other"),
        export=lambda row: row.other,
    ),
    Column("result", gettext_lazy("Result"), lambda row: row.outcome, cell=macro("calls/ui.html", "result")),
    Column(
        "people",
        gettext_lazy("Employees"),
        lambda row: list(row.people),
        export=lambda row: ", ".join(face.name for face in row.people),
    ),
    Column("started", gettext_lazy("When"), lambda row: row.call.started_at, sort="started_at"),
    Column(
        "talk",
        gettext_lazy("Talk"),
        lambda row: row.talked,
        sort="talk_seconds",
        export=lambda row: row.call.talk_seconds,
    ),
    Column(
        "wait",
        gettext_lazy("Wait"),
        lambda row: row.waited,
        sort="wait_seconds",
        export=lambda row: row.call.wait_seconds,
    ),
    Column("queue", pgettext_lazy("telephone", "Queue"), lambda row: row.call.queue),
    Column(
        "number",
        gettext_lazy("Number"),
        lambda row: row.shown,
        export=lambda row: row.call.number,
        is_shown=False,
    ),
    Column("line", gettext_lazy("Our number"), lambda row: phone_shown(row.call.line), is_shown=False),
    Column(
        "direction",
        pgettext_lazy("call", "Direction"),
        lambda row: row.call.get_direction_display(),
        is_shown=False,
    ),
)


def call_list(user: User) -> List[LoggedCall, Row]:
    return List(
        key=KEY,
        title=gettext_lazy("Calls"),
        rows=LoggedCall.objects.visible_to(user),
        columns=COLUMNS,
        filters=FILTERS,
        shortcuts=(
            Shortcut(gettext_lazy("To be called back"), "result=waiting"),
            Shortcut(gettext_lazy("Mine"), "person=me"),
            Shortcut(gettext_lazy("Today"), "day=today"),
        ),
        order="-started",
        search=Search(gettext_lazy("Number or name"), narrow=_looked_for),
        present=lambda calls: rows_of(calls, user),
        href=lambda row: row.call.get_absolute_url(),
        empty=Empty(
            gettext_lazy("No calls yet"),
            gettext_lazy(
                "As soon as the company's telephone exchange is connected, every call is found here: who"
                " called, who answered, and what is still to be done."
            ),
        ),
    )


def rows_of(calls: Sequence[LoggedCall], reader: User) -> Iterable[Row]:
    """A page of the log, in three queries."""
    cards = clients_behind((call.number for call in calls if call.is_outside), reader)
    parts = Participant.objects.filter(logged__in=[call.pk for call in calls]).select_related("user")
    faces: dict[int, dict[int, Face]] = {}
    for part in parts.order_by("began_at", "id"):
        faces.setdefault(part.logged_id, {})[part.user_id] = part.user.face
    return [
        Row(call, tuple(cards.get(call.number, ())), tuple(_shown_first(call, faces.get(call.pk, {}))))
        for call in calls
    ]


def _shown_first(call: LoggedCall, faces: dict[int, Face]) -> Iterable[Face]:
    """Who talked; of a call that nobody took, and of an internal one, all whose it was."""
    if call.user_id in faces and call.is_outside:
        return [faces[call.user_id]]
    return list(faces.values())[:5]
