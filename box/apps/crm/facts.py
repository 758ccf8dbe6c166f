"""The facts on a record's card: in groups, each of which is changed where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from markupsafe import Markup

from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import RecordFields, fields_for
from box.apps.crm.inputs import INPUTS, Input, inputs_of
from box.apps.crm.models import Record, RecordType
from box.apps.crm.presenters import money
from box.core.lists.custom_fields import filled
from box.core.lists.presenters import macro, said
from box.lib.plain_text import linked

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.card_parts import CardParts
    from box.core.accounts.models import User
    from box.core.fields.models import Field

UI = "crm/facts.html"
OWN = "own"
"""The group of what a company has added itself."""

_GROUPS: Mapping[str, tuple[_StrOrPromise, tuple[str, ...]]] = {
    "about": (
        gettext_lazy("About it"),
        (
            *("title", "last_name", "first_name", "patronymic", "position", "amount", "begins_on"),
            *("expected_on", "born_on", "tax_number", "address", "comment", "loss_reason"),
        ),
    ),
    "reach": (gettext_lazy("Telephones and addresses"), ("reached_by",)),
    "client": (pgettext_lazy("CRM", "Client"), ("company", "contacts")),
    "source": (gettext_lazy("Source"), ("source", "source_note")),
    "people": (gettext_lazy("Who looks after it"), ("responsible", "observers")),
}


@dataclass(frozen=True)
class Fact:
    label: str
    said: Any


@dataclass(frozen=True)
class FactGroup:
    """`facts` are those that hold something."""

    key: str
    label: str
    facts: Sequence[Fact]
    can_change: bool
    """Whether the reader's role lets them change one of its fields; of the record they may not."""


def groups_of(record: Record, reader: User, parts: CardParts, seen: Mapping[int, Record]) -> list[FactGroup]:
    """`seen`: of its clients those that the reader sees. Only what it has in own fields is asked
    for here."""
    say, fields = _Saying(record, reader, parts, seen), fields_for(reader, record.type_id)
    groups = []
    for key, inputs in fields_by_group(record).items():
        shown = [one for one in inputs if fields.sees(one.name)]
        facts = [Fact(str(one.label), value) for one in shown if (value := say(one.name))]
        if shown:
            can_change = any(fields.changes(one.name) for one in shown)
            groups.append(FactGroup(key, str(_GROUPS[key][0]), facts, can_change))
    return [*groups, *_own_group(record, reader, fields)]


def _own_group(record: Record, reader: User, fields: RecordFields) -> list[FactGroup]:
    """None where a company has added no fields to this type, or none that this reader sees."""
    seen = fields.seen(set_of(record.type_id).fields)
    if not seen:
        return []
    values = filled(seen, [record.pk], reader)[record.pk]
    facts = [Fact(field.name, macro(UI, "values")(said)) for field in seen if (said := values.shown(field))]
    return [FactGroup(OWN, _("Further fields"), facts, bool(fields.changeable(seen)))]


def fields_by_group(record: Record) -> dict[str, list[Input]]:
    known = {one.name: one for one in inputs_of(record.type)}
    if record.stage and record.stage.kind == "lost":
        known["loss_reason"] = INPUTS["loss_reason"]
    found = {
        key: [known[name] for name in names if name in known] for key, (_label, names) in _GROUPS.items()
    }
    return {key: inputs for key, inputs in found.items() if inputs}


class _Saying:
    """What a record has in each field, as its reader is shown it."""

    def __init__(self, record: Record, reader: User, parts: CardParts, seen: Mapping[int, Record]) -> None:
        self.record, self.reader, self.parts, self.seen = record, reader, parts, seen

    def __call__(self, name: str) -> Any:
        known: Mapping[str, Callable[[], Any]] = {
            "amount": lambda: money(self.record.amount, self.record.currency) if self.record.amount else "",
            "comment": lambda: linked(self.record.comment) if self.record.comment else "",
            "company": self._company,
            "contacts": self._contacts,
            "reached_by": self._points,
            "responsible": lambda: macro(UI, "people")([self.record.responsible]),
            "observers": self._observers,
        }
        return known[name]() if name in known else said(getattr(self.record, name))

    def _company(self) -> Any:
        if self.record.company_id is None:
            return ""
        return macro(UI, "clients")(self._seen([self.record.company_id]), {}, 1)

    def _contacts(self) -> Any:
        ids = self.parts.contact_ids
        if not ids:
            return ""
        seen = self._seen(ids)
        of = seen if fields_for(self.reader, RecordType.Id.CONTACT).sees("reached_by") else []
        phones = {one.pk: points[0] for one in of if (points := self.parts.points.get(one.pk))}
        return macro(UI, "clients")(seen, phones, len(ids))

    def _seen(self, ids: Iterable[int]) -> list[Record]:
        return [self.seen[pk] for pk in ids if pk in self.seen]

    def _points(self) -> Any:
        points = self.parts.points.get(self.record.pk)
        return macro(UI, "points")(points) if points else ""

    def _observers(self) -> Any:
        return macro(UI, "people")(self.parts.observers) if self.parts.observers else ""


def group_inputs(record: Record, key: str, by: User) -> list[Input] | None:
    """Those that this person may change; None where the record has no such group."""
    fields, inputs = fields_for(by, record.type_id), fields_by_group(record).get(key)
    return None if inputs is None else [one for one in inputs if fields.changes(one.name)]


def html_of(inputs: Sequence[Input], record: Record, user: User) -> list[tuple[Input, Markup]]:
    return [(one, one.html(record, user)) for one in inputs]


def own_fields(kind: RecordType, by: User) -> tuple[Field, ...]:
    """Of a company's own those that this person may change."""
    return fields_for(by, kind.pk).changeable(set_of(kind.pk).fields)
