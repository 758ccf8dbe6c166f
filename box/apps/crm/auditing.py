"""What the history of a record tells, and what the audit log."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from box.apps.crm.catalog import catalog
from box.apps.crm.events import (
    LeadConverted,
    ObserversChanged,
    PaperSent,
    PaymentNoted,
    RecordAdded,
    RecordChanged,
    RecordErased,
    RecordMoved,
    RecordsDeleted,
    RecordsMerged,
    ResponsibleChanged,
    StepMoved,
)
from box.apps.crm.fields import LABELS
from box.apps.crm.models import Payment, Record
from box.apps.crm.presenters import money
from box.core.accounts.models import User
from box.core.fields.sets import name_of
from box.core.registry.auditing import About, Audited, audited, changes_of, told
from box.core.registry.environment import format_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def declare() -> None:
    for key, sentence, event, more in _HISTORY:
        one = Audited(
            sentence,
            event=event,
            about=_about,
            about_many=_about_many,
            timeline=True,
            is_logged=False,
            **more,
        )
        audited.add(f"crm.{key}", one)
    erased = Audited(_("erased the CRM's record %(record_id)s for good"), event=RecordErased)
    audited.add("crm.erased", erased)
    audited.add(
        "crm.deleted", Audited(_("moved the CRM's records %(record_ids)s to the trash"), event=RecordsDeleted)
    )


def _about(event: Any) -> About | None:
    return _about_many([event])[0]


def _about_many(events: Sequence[Any]) -> list[About | None]:
    ids = [event.lead_id if isinstance(event, LeadConverted) else event.record_id for event in events]
    records = Record.objects.select_related("type").filter(pk__in=ids)
    found = {record.pk: About(record.type.kind, record.pk, record.title) for record in records}
    return [found.get(pk) for pk in ids]


def _stage(value: Any) -> str:
    stage = catalog().stages.get(value)
    return str(stage) if stage else "…"


def _person(value: Any) -> str:
    """A card has put names in place of ids already."""
    if isinstance(value, str):
        return value
    person = User.objects.filter(pk=value).first()
    return person.name if person else "…"


def _people(value: Any) -> str:
    return ", ".join(_person(one) for one in value) or "…"


def _sum(value: str) -> str:
    """Of `1200.00 RUB`."""
    amount, _space, currency = value.partition(" ")
    return money(Decimal(amount), currency)


def _direction(value: str) -> str:
    return str(Payment.Direction(value).label)


def _moment(value: str) -> str:
    return format_moment(datetime.fromisoformat(value))


class _Labels(dict[str, Any]):
    """Of the CRM's fields, and under their keys of those that the company has added."""

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else name_of(name) or default


_STAGES: dict[str, Callable[[Any], str]] = {"stage_before_id": _stage, "stage_id": _stage}
_PEOPLE: dict[str, Callable[[Any], str]] = {
    "user_id": _person, "former_id": _person, "user_ids": _people, "former_ids": _people,
}  # fmt: skip
_PAYMENT: dict[str, Callable[[Any], str]] = {"amount": _sum, "direction": _direction}
_HISTORY: tuple[tuple[str, Any, type[Any], dict[str, Any]], ...] = (
    ("added", _("added this"), RecordAdded, {}),
    (
        "changed",
        _("changed %(changes)s"),
        RecordChanged,
        {"words": {"changes": changes_of(_Labels(LABELS))}, "told": lambda event: bool(event.changes)},
    ),
    ("moved", _("%(stage_before_id)s → %(stage_id)s"), RecordMoved, {"words": _STAGES}),
    (
        "handed-over",
        _("handed this over: %(former_id)s → %(user_id)s"),
        ResponsibleChanged,
        {"words": _PEOPLE},
    ),
    (
        "observed",
        _("added observers: %(user_ids)s"),
        ObserversChanged,
        {"words": _PEOPLE, "told": lambda event: bool(event.user_ids)},
    ),
    (
        "unobserved",
        _("removed observers: %(former_ids)s"),
        ObserversChanged,
        {"words": _PEOPLE, "told": lambda event: bool(event.former_ids) and not event.user_ids},
    ),
    (
        "step-moved",
        _("moved “%(subject)s”: %(deadline_before)s → %(deadline)s"),
        StepMoved,
        {"words": {"deadline_before": _moment, "deadline": _moment}},
    ),
    ("paper-sent", _("sent this to the client"), PaperSent, {}),
    (
        "payment",
        _("wrote down a payment: %(amount)s %(direction)s"),
        PaymentNoted,
        {"words": _PAYMENT, "told": lambda event: not event.is_removed},
    ),
    (
        "payment-removed",
        _("took a payment back: %(amount)s %(direction)s"),
        PaymentNoted,
        {"words": _PAYMENT, "told": lambda event: event.is_removed},
    ),
    ("converted", _("converted this lead"), LeadConverted, {}),
    (
        "merged",
        _("made %(merged_ids)s duplicates a part of this"),
        RecordsMerged,
        {"words": {"merged_ids": lambda value: told(len(value))}},
    ),
)
