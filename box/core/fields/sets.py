"""Sets of fields: what apps declare, and which fields each has now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from box.core.fields.models import Field
from box.core.registry.offers import Offers
from box.core.registry.settings import Remembered

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class FieldSet:
    """A kind of objects that companies define fields for; an object has a number, and its values that one.

    `label` heads the page of its fields, and `about` says below it what they are for. Rights by field are the
    room's: `readers` and `writers` are the words that it knows, with what they mean, the usual one first.
    `changed` is called in the transaction in which a definition has changed, for what was made of it.
    """

    key: str
    label: _StrOrPromise
    about: _StrOrPromise = ""
    readers: Mapping[str, _StrOrPromise] = field(default_factory=dict)
    writers: Mapping[str, _StrOrPromise] = field(default_factory=dict)
    changed: Callable[[], object] = lambda: None

    @property
    def fields(self) -> tuple[Field, ...]:
        """All that stand, in their order, with what there is to choose from: a query a process, until one
        has changed. The rows are values here, of which nobody changes any."""
        return _standing.value.get(self.key, ())

    def field(self, key: str) -> Field | None:
        """The field under this key, unless it is archived or gone."""
        return next((one for one in self.fields if one.key == key), None)


field_sets: Offers[FieldSet] = Offers("sets of fields")

# Of rooms whose kinds of objects companies add themselves: those that there are now.
further_sets: Offers[Callable[[], Iterable[FieldSet]]] = Offers("sets of fields that come and go")


def all_sets() -> dict[str, FieldSet]:
    """By their keys, in the order in which rooms offer them."""
    return {one.key: one for sets in (field_sets, *(now() for now in further_sets)) for one in sets}


def set_at(key: str) -> FieldSet | None:
    return field_sets[key] if key in field_sets else all_sets().get(key)


def name_of(key: str) -> str | None:
    """What a field of any set is called that stands under this key, in no query."""
    return next((one.name for fields in _standing.value.values() for one in fields if one.key == key), None)


def _read() -> Mapping[str, tuple[Field, ...]]:
    found: dict[str, list[Field]] = defaultdict(list)
    for one in Field.objects.standing().in_order():
        found[one.set_key].append(one)
    return {key: tuple(fields) for key, fields in found.items()}


_standing: Remembered[Mapping[str, tuple[Field, ...]]] = Remembered(_read)
