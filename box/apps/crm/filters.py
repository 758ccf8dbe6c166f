"""By what records are found: the filters of every type's list and board."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import normal
from box.apps.crm.funnel import has_reached
from box.apps.crm.models import ContactPoint, Observer, Stage
from box.core.lists import filters as kinds
from box.core.lists.filters import Choice, Context, Dates, Filter, Numbers, Pairs, Reference, people, text_of
from box.core.registry.company import PHONE_REGION
from box.core.registry.filtering import Amount, Day, Moment, Related, Text

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.apps.crm.models import RecordType

type Rows = QuerySet[Any, Any]

STEPS = {
    "none": gettext_lazy("nothing is planned"),
    "overdue": gettext_lazy("overdue"),
    "today": gettext_lazy("today"),
    "week": gettext_lazy("within seven days"),
}
STATES = {
    Stage.Kind.OPEN.value: gettext_lazy("in progress"),
    Stage.Kind.WON.value: gettext_lazy("won"),
    Stage.Kind.LOST.value: gettext_lazy("lost"),
}


@dataclass(frozen=True)
class Reached(Filter[str]):
    """By a number or an address, in whichever way it is written; of a number also a part."""

    kind: str = ""
    control: ClassVar[str] = "text"

    def parse(self, given: QueryDict, context: Context) -> str | None:
        return text_of(given.get(self.key, "")) or None

    def pairs(self, value: str) -> Pairs:
        return [(self.key, value)]

    def condition(self, field: Any, value: str, context: Context) -> Q:
        raise NotImplementedError

    def apply(self, rows: Rows, value: Any, context: Context) -> Rows:
        points = ContactPoint.objects.filter(record=OuterRef("pk"), kind=self.kind)
        return rows.filter(Exists(points.filter(self._same(value))))

    def words(self, value: str, context: Context) -> str:
        return value

    def _same(self, value: str) -> Q:
        try:
            found = normal(self.kind, value, region=PHONE_REGION.value)
        except ValidationError:
            return Q(normal__contains=value.lower())
        part = "".join(sign for sign in value if sign.isdigit()) if self.kind == "phone" else value.lower()
        return Q(normal=found) | Q(normal__contains=part)


def filters_for(kind: RecordType) -> tuple[Filter[Any], ...]:
    return (
        *(_of_stages(kind) if kind.has_stages else ()),
        people("responsible", gettext_lazy("Responsible"), Related("responsible"), is_always_set=True),
        people("observer", gettext_lazy("Observer"), narrow=None, field=_Observed()),
        Choice(
            "source",
            gettext_lazy("Source"),
            Related("source"),
            choices=lambda: [(str(one.pk), str(one)) for one in catalog().standing_sources],
        ),
        *(_of_money() if kind.has_amount else ()),
        *(_of_clients() if kind.has_client else ()),
        *(_of_reach() if kind.has_contact_points else ()),
        Dates("added", gettext_lazy("Added"), Moment("created_at"), is_always_set=True),
        Dates("changed", gettext_lazy("Last changed"), Moment("changed_at"), is_always_set=True),
    )


class _Observed:
    """Of whom an observer is."""

    def condition(self, operator: str, value: Any) -> Q:
        return Q(Exists(Observer.objects.filter(record=OuterRef("pk"), user__in=value)))


def _of_stages(kind: RecordType) -> Iterable[Filter[Any]]:
    pipelines = catalog().pipelines_of(kind)
    if len(pipelines) > 1:
        yield Choice(
            "pipeline",
            gettext_lazy("Pipeline"),
            Related("pipeline"),
            choices=lambda: [(str(one.pk), str(one)) for one in pipelines],
            is_always_set=True,
        )

    def stages() -> list[tuple[str, str]]:
        return [
            (str(stage.pk), f"{stage.pipeline}: {stage}" if len(pipelines) > 1 else str(stage))
            for stage in catalog().stages_of_type(kind)
        ]

    yield Choice("stage", gettext_lazy("Stage"), Related("stage"), choices=stages, is_always_set=True)
    yield Choice(
        "reached",
        gettext_lazy("Has come to"),
        choices=stages,
        narrow=lambda rows, values: reached(rows, values, kind),
    )
    yield Choice("state", gettext_lazy("State"), choices=list(STATES.items()), narrow=in_states)
    yield Choice("step", gettext_lazy("Next step"), choices=list(STEPS.items()), narrow=with_steps)


def reached(rows: Rows, values: Sequence[str], kind: RecordType) -> Rows:
    """Those that were in all of these stages, or in one further on."""
    for value in values:
        stage = catalog().stages[int(value)]
        rows = has_reached(rows, stage, catalog().stages_of(stage.pipeline))
    return rows


def in_states(rows: Rows, states: Sequence[str]) -> Rows:
    return rows.filter(stage__in=[pk for pk, stage in catalog().stages.items() if stage.kind in states])


def with_steps(rows: Rows, steps: Sequence[str]) -> Rows:
    """Of what is in progress: what is closed needs no next step."""
    now = timezone.now()
    found = Q()
    for one in steps:
        found |= _step(one, now)
    return rows.filter(found, closed_at=None)


def _step(step: str, now: datetime) -> Q:
    if step == "none":
        return Q(next_step_at=None)
    if step == "overdue":
        return Q(next_step_at__lt=now)
    days = 1 if step == "today" else 7
    begin = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return Q(next_step_at__gte=now, next_step_at__lt=begin + timedelta(days=days))


def _of_money() -> Iterable[Filter[Any]]:
    yield Numbers("amount", gettext_lazy("Amount"), Amount("base_amount"), is_always_set=True)
    yield Dates("expected", gettext_lazy("Expected to end"), Day("expected_on"))


def _of_clients() -> Iterable[Filter[Any]]:
    yield Reference("company", gettext_lazy("Client company"), Related("company"), kind="crm.company")
    yield Reference("contact", gettext_lazy("Contact"), Related("contact"), kind="crm.contact")


def _of_reach() -> Iterable[Filter[Any]]:
    yield Reached("phone", gettext_lazy("Telephone"), kind="phone")
    yield Reached("email", gettext_lazy("E-mail"), kind="email")
    yield kinds.Text("tax", gettext_lazy("Tax number"), Text("tax_number"))
