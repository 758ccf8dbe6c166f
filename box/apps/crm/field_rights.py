"""Rights by field in the CRM: which of a type's fields somebody sees, and which they may change.

Several columns are one field to whoever hides it: a price is an amount with its currency and what it is made
of. What names a record, where it stands and whose it is, is seen by whoever sees the record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.crm.catalog import catalog
from box.apps.crm.custom_fields import set_of
from box.core.access.field_rights import FieldAccess, FieldLevel, field_access, set_field_right
from box.core.access.field_rights import current as current_rules
from box.core.fields.guards import Guard
from box.core.fields.models import number_in
from box.core.registry.origin import is_importing

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.models import RecordType
    from box.core.access.models import Role
    from box.core.accounts.models import User
    from box.core.fields.models import Field

PREFIX = "crm."

FIELD_LEVELS: Mapping[FieldLevel, _StrOrPromise] = {
    FieldLevel.HIDDEN: pgettext_lazy("field", "hidden"),
    FieldLevel.SEE: pgettext_lazy("field", "seen"),
    FieldLevel.CHANGE: pgettext_lazy("field", "seen and changed"),
}

_LABELS: Mapping[str, _StrOrPromise] = {
    "title": gettext_lazy("Title"),
    "stage": gettext_lazy("Stage"),
    "responsible": gettext_lazy("Responsible"),
    "amount": gettext_lazy("Amount"),
    "lines": gettext_lazy("Products"),
    "begins_on": gettext_lazy("Begins on"),
    "expected_on": gettext_lazy("Expected to end on"),
    "reached_by": gettext_lazy("Telephones and addresses"),
    "company": pgettext_lazy("client", "Company"),
    "contacts": gettext_lazy("Contacts"),
    "position": gettext_lazy("Position"),
    "born_on": gettext_lazy("Date of birth"),
    "tax_number": gettext_lazy("Tax number"),
    "address": gettext_lazy("Address"),
    "comment": gettext_lazy("Comment"),
    "source": gettext_lazy("Source"),
    "loss_reason": gettext_lazy("Why it was lost"),
    "observers": gettext_lazy("Observers"),
}
PART_OF: Mapping[str, str] = {
    "currency": "amount", "has_own_amount": "amount", "first_name": "title", "last_name": "title",
    "patronymic": "title", "pipeline": "stage", "category": "stage", "contact": "contacts",
    "utm": "source", "source_note": "source", "phone": "reached_by", "email": "reached_by",
}  # fmt: skip
"""By the names of columns, inputs and demands the field that they are a part of."""
ALWAYS_SEEN = frozenset({"title", "stage", "responsible"})
SEARCHED = frozenset({"reached_by", "tax_number", "address", "comment", "position"})
"""Fields by which the search finds records."""


def entity_of(type_id: int) -> str:
    return f"{PREFIX}t{type_id}"


def fields_of(kind: RecordType) -> dict[str, _StrOrPromise]:
    """What can be given or hidden of this type, with what it is called; a company's own fields last."""
    has = {
        "stage": kind.has_stages,
        "amount": kind.has_amount,
        "lines": kind.has_amount,
        "begins_on": kind.has_stages,
        "expected_on": kind.has_stages,
        "loss_reason": kind.has_stages,
        "reached_by": kind.has_contact_points,
        "company": kind.is_person or kind.has_client,
        "contacts": kind.has_client,
        "position": kind.is_person,
        "born_on": kind.is_person,
        "tax_number": kind.has_contact_points and not kind.is_person,
        "address": kind.has_contact_points or kind.is_person,
    }
    known = {name: label for name, label in _LABELS.items() if has.get(name, True)}
    return known | {one.key: one.name for one in set_of(kind.pk).fields}


@dataclass(frozen=True)
class RecordFields:
    """How far somebody reaches among the fields of a type, by any name that the CRM has for them."""

    access: FieldAccess

    def sees(self, name: str) -> bool:
        field = PART_OF.get(name, name)
        # Prices say what a deal comes to.
        return self.access.sees(field) and (field != "lines" or self.access.sees("amount"))

    def changes(self, name: str) -> bool:
        return self.sees(name) and self.access.changes(PART_OF.get(name, name))

    def seen(self, fields: Iterable[Field]) -> tuple[Field, ...]:
        """Of a company's own fields."""
        return tuple(one for one in fields if self.sees(one.key))

    def changeable(self, fields: Iterable[Field]) -> tuple[Field, ...]:
        return tuple(one for one in fields if self.changes(one.key))

    def told(self, changes: Iterable[Any]) -> list[Any]:
        """Of (field, before, after) those that this person may read."""
        return [one for one in changes if self.sees(one[0])]

    def refused(self, names: Iterable[str]) -> str:
        """The first of these that may not be changed; nothing where all may."""
        return next((name for name in names if not self.changes(name)), "")


def fields_for(user: User | None, type_id: int) -> RecordFields:
    """None: the portal itself, which sees and changes everything."""
    return RecordFields(field_access(user, entity_of(type_id)))


def sees_numbers(reader: User) -> bool:
    """Whether this reader sees by what clients are reached: what tells of a call with a contact stands on
    its company's time line too."""
    return sees_of_clients(reader, "reached_by")


def numbers_are_for_all() -> bool:
    """Whether whoever sees a client sees by what it is reached: then titles may name it."""
    types = (one.pk for one in catalog().types.values() if one.has_contact_points)
    return not any(hidden_from_some(pk, {"reached_by"}) for pk in types)


def sees_of_clients(reader: User, name: str) -> bool:
    """Whether this reader sees this field of clients of whatever type."""
    types = (one.pk for one in catalog().types.values() if one.has_contact_points)
    return all(fields_for(reader, pk).sees(name) for pk in types)


def check_changeable(by: User | None, type_id: int, names: Iterable[str]) -> None:
    """Raises PermissionDenied for the first of these fields that `by` may not change."""
    if by is None or is_importing():
        return
    if name := fields_for(by, type_id).refused(names):
        label = fields_of(catalog().types[type_id]).get(PART_OF.get(name, name), name)
        raise PermissionDenied(_("Your role does not let you change “%(field)s” here.") % {"field": label})


def check_seen(by: User | None, type_id: int, names: Iterable[str]) -> None:
    """Raises PermissionDenied for the first of these fields that is hidden from `by`."""
    if by is None or is_importing():
        return
    fields = fields_for(by, type_id)
    if any(not fields.sees(name) for name in names):
        raise PermissionDenied(_("There are fields here that your role does not let you see."))


def hidden_from_some(type_id: int, names: Collection[str]) -> set[str]:
    """Of these fields those that are not for every reader of a record."""
    rules, entity = current_rules(), entity_of(type_id)
    return {name for name in names if rules.is_hidden_from_some(entity, name)}


def give(role: Role, kind: RecordType, name: str, level: FieldLevel | None, *, by: User | None) -> None:
    """What a role may with a field of this type; None: nothing is said of it. Raises ValidationError."""
    if role.key == role.Key.ADMINISTRATORS:
        raise ValidationError(_("Administrators may do everything."), code="built-in")
    if name not in fields_of(kind):
        raise ValidationError(_("There is nothing of that kind here: reload the page."), code="field")
    if level == FieldLevel.HIDDEN and name in ALWAYS_SEEN:
        raise ValidationError(_("Whoever sees a record sees this: it cannot be hidden."), code="seen")
    set_field_right(role, entity_of(kind.pk), name, level, by=by)


def _hidden_from(user: User) -> set[int]:
    return {
        pk
        for entity in current_rules().given
        for name, level in field_access(user, entity).limits.items()
        if level < FieldLevel.SEE and (pk := own_field_in(entity, name))
    }


def _hidden_from_some() -> set[int]:
    rules = current_rules()
    return {
        pk
        for entity, names in rules.given.items()
        for name in names
        if rules.is_hidden_from_some(entity, name) and (pk := own_field_in(entity, name))
    }


GUARD = Guard(_hidden_from, _hidden_from_some)


def own_field_in(entity: str, name: str) -> int | None:
    """The number of a field that the company has defined for something of the CRM; None of any other."""
    return number_in(name) if entity.startswith(f"{PREFIX}t") else None


def types_in(entities: Iterable[str]) -> Iterator[int]:
    """Of the CRM's own among these the numbers of their types."""
    for entity in entities:
        number = entity.removeprefix(f"{PREFIX}t")
        if entity.startswith(f"{PREFIX}t") and number.isdecimal():
            yield int(number)
