"""What objects have in the fields of a set: read for many at once, and written.

Whoever writes holds the lock of the object's row: two writers of one field would leave either's values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from box.core.fields.kinds import kind_of, said, written
from box.core.fields.models import Value
from box.core.registry.capabilities import Card, Ref, attachables, cards, finders
from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User
    from box.core.fields.kinds import Cards, Finder
    from box.core.fields.models import Field
    from box.core.fields.sets import FieldSet
    from box.core.registry.capabilities import Attachable

type Values = dict[Field, tuple[Any, ...]]
"""Of an object: by field what it has there, without the fields where it has nothing."""

# Parameters that a statement may have are 65,535, and a row has eleven.
_AT_ONCE = 2_000


def values_of(of: FieldSet | Sequence[Field], object_id: int) -> Values:
    return values_of_many(of, [object_id]).get(object_id, {})


def values_of_many(of: FieldSet | Sequence[Field], ids: Collection[int]) -> dict[int, Values]:
    """By object, in one query, in the order of the fields; of a whole set those of fields that stand."""
    fields = of if isinstance(of, Sequence) else of.fields
    if not fields or not ids:
        return {}
    by_field = {field.pk: field for field in fields}
    rows = Value.objects.filter(object_id__in=ids, field__in=list(by_field)).order_by("place")
    found: dict[int, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.object_id][row.field_id].append(kind_of(by_field[row.field_id]).value(row))
    return {
        pk: {field: tuple(own[field.pk]) for field in fields if field.pk in own} for pk, own in found.items()
    }


def cards_of(values: Iterable[Values], reader: User) -> Cards:
    """Of everything that these values point at and this reader may see: a query a kind of objects."""
    refs: dict[str, set[int]] = defaultdict(set)
    for own in values:
        for field, several in own.items():
            for value in several:
                if ref := kind_of(field).ref(field, value):
                    refs[ref.kind].add(ref.id)
    found: dict[Ref, Card] = {}
    for kind, ids in refs.items():
        if kind in cards:
            found |= {card.ref: card for card in cards[kind](sorted(ids), reader).values()}
    return found


@dataclass(frozen=True)
class Said:
    """A value as a page shows it. `is_file`: where it leads is no page of the portal, so no part of one may
    give way to it."""

    text: str
    url: str = ""
    is_file: bool = False


@dataclass(frozen=True)
class Shown:
    """A field in which an object has something."""

    field: Field
    values: list[Said]

    @property
    def text(self) -> str:
        return ", ".join(one.text for one in self.values)


def shown_of(of: FieldSet | Sequence[Field], ids: Collection[int], *, reader: User) -> dict[int, list[Shown]]:
    """What a page shows of these objects, in order."""
    return shown(values_of_many(of, ids), reader=reader)


def shown(values: Mapping[int, Values], *, reader: User) -> dict[int, list[Shown]]:
    known = cards_of(values.values(), reader)
    return {pk: [_shown(field, own[field], known) for field in own] for pk, own in values.items()}


def _shown(field: Field, values: Sequence[Any], known: Cards) -> Shown:
    return Shown(field, [said_value(field, one, known) for one in values])


def said_value(field: Field, value: Any, known: Cards) -> Said:
    kind = kind_of(field)
    is_file = field.kind == field.Kind.FILE
    return Said(kind.say(field, value, known), kind.url(field, value, known), is_file)


@dataclass(frozen=True)
class Change:
    """What became of a field of an object, for its history: before and after, none being nothing."""

    field: Field
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    names: Mapping[int, str] = MappingProxyType({})
    """What parts of the object were called, such as files: those of before may be gone by now."""

    def told(self) -> tuple[str, str]:
        """Both for a history that is read by whoever sees the field of the object, in whatever language."""
        return self._told(self.before), self._told(self.after)

    def _told(self, values: Sequence[Any]) -> str:
        return ", ".join(self.names[one] for one in values) if self.names else written(self.field, values)


def as_read(
    changes: Sequence[Sequence[str]], fields: Mapping[str, Field], reader: User
) -> list[tuple[str, str, str]]:
    """Of changes as `told` has kept them, each behind the key of its field, what they point at is called as
    this reader sees it: in a query or two a kind of it. What is nothing else than words stays."""
    pointing = [
        {fields[key]: _numbers(fields[key], before) + _numbers(fields[key], after)}
        for key, before, after in changes
        if key in fields
    ]
    known = cards_of(pointing, reader)

    def called(key: str, text: str) -> str:
        numbers = _numbers(fields[key], text) if key in fields else ()
        return said(fields[key], numbers, known) if numbers else text

    return [(key, called(key, before), called(key, after)) for key, before, after in changes]


def _numbers(field: Field, text: str) -> tuple[int, ...]:
    """What a text of `Change.told` points at; nothing where it is said in words, as files are."""
    kind = kind_of(field)
    if kind.is_plain or kind.target(field) in attachables:
        return ()
    numbers = [whole_number(one[1:]) for one in text.split("; ") if one.startswith("#")]
    return tuple(one for one in numbers if one)


def write_values(
    of: FieldSet,
    object_id: int,
    values: Mapping[Field, Sequence[Any]],
    *,
    by: User | None = None,
    audience: Sequence[str] = (),
) -> list[Change]:
    """Gives the object these values; an empty sequence takes away what it had, and other fields stay.

    Files become part of the object: they get its `audience`, and are `by`'s until then.
    """
    changes = write_many(of, {object_id: values})
    for change in changes:
        new = [one for one in change.after if one not in change.before]
        if by is not None and (kept := _attachable(change.field, new)):
            kept.attach(new, audience, by)
    return changes


def _attachable(field: Field, values: Sequence[Any]) -> Attachable | None:
    """Whose values are parts of the object; None of any other field, and where there is nothing."""
    ref = kind_of(field).ref(field, values[0]) if values else None
    return attachables[ref.kind] if ref is not None and ref.kind in attachables else None


def share_parts(
    of: FieldSet, ids: Collection[int], *, audience: Sequence[str], readers: str | None = None
) -> None:
    """Others see these objects now, or of these those fields that are for these readers: the files follow."""
    rows = _parts(of, ids)
    rows = rows if readers is None else rows.filter(field__readers=readers)
    for field, several in _by_field(rows).items():
        if kept := _attachable(field, several):
            kept.share(several, audience)


def _parts(of: FieldSet, ids: Collection[int]) -> QuerySet[Value]:
    return Value.objects.filter(field__set_key=of.key, object_id__in=ids).exclude(file=None)


def _by_field(rows: QuerySet[Value]) -> dict[Field, list[Any]]:
    found: dict[Field, list[Any]] = defaultdict(list)
    for row in rows.select_related("field"):
        found[row.field].append(kind_of(row.field).value(row))
    return found


def _release(gone: Mapping[Field, Sequence[Any]]) -> None:
    """The rows that held these are away by now."""
    for field, several in gone.items():
        if kept := _attachable(field, several):
            kept.release(several)


@transaction.atomic
def write_many(of: FieldSet, values: Mapping[int, Mapping[Field, Sequence[Any]]]) -> list[Change]:
    """The same for many objects, in a handful of statements for some thousands of values. Files stay whose
    they are; those that stand there no more go. Returns what has changed, object by object."""
    fields = list({field: None for own in values.values() for field in own})
    if strange := [field.name for field in fields if field.set_key != of.key]:
        raise ValueError(f"not of {of.key}: {', '.join(strange)}")
    changes: list[Change] = []
    for ids in batched(values, _AT_ONCE, strict=False):
        changes += _write(fields, {pk: values[pk] for pk in ids})
    return changes


def _write(fields: Sequence[Field], values: Mapping[int, Mapping[Field, Sequence[Any]]]) -> list[Change]:
    before = values_of_many(fields, list(values))
    changed: list[tuple[int, Change]] = []
    for pk, own in values.items():
        had = before.get(pk, {})
        changed += [
            (pk, Change(field, had.get(field, ()), tuple(after)))
            for field, after in own.items()
            if had.get(field, ()) != tuple(after)
        ]
    # What goes has no name any more.
    changed = _named(changed)
    gone = [(pk, change.field.pk) for pk, change in changed if change.before]
    if gone:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM fields_value USING unnest(%s::bigint[], %s::bigint[]) AS gone(object, field)"
                " WHERE object_id = gone.object AND field_id = gone.field",
                [[pk for pk, _field in gone], [field for _pk, field in gone]],
            )
    rows = [row for pk, change in changed for row in _rows(pk, change)]
    Value.objects.bulk_create(
        rows, batch_size=_AT_ONCE, update_conflicts=True, unique_fields=["object_id", "field", "place"],
        update_fields=_FILLED,
    )  # fmt: skip
    gone_from: dict[Field, list[Any]] = defaultdict(list)
    for _pk, change in changed:
        gone_from[change.field] += [one for one in change.before if one not in change.after]
    _release(gone_from)
    return [change for _pk, change in changed]


def _named(changed: Sequence[tuple[int, Change]]) -> list[tuple[int, Change]]:
    """With what parts of objects are called, in a query a kind of them."""
    refs: dict[str, set[int]] = defaultdict(set)
    for _pk, one in changed:
        if (kind := kind_of(one.field).target(one.field)) in attachables:
            refs[kind].update(one.before, one.after)
    names = {kind: attachables[kind].names(ids) for kind, ids in refs.items()}
    none: Mapping[int, str] = {}
    return [
        (pk, replace(one, names=names.get(kind_of(one.field).target(one.field), none))) for pk, one in changed
    ]


_FILLED = ["text", "number", "currency", "day", "moment", "choice", "person", "file", "target"]


def _rows(object_id: int, change: Change) -> Iterable[Value]:
    kind = kind_of(change.field)
    for place, value in enumerate(change.after):
        yield Value(object_id=object_id, field=change.field, place=place, **kind.stored(value))


def rows_of(of: FieldSet, ids: Collection[int]) -> list[Value]:
    """As they are stored, also of archived fields: what packs objects packs these with them."""
    return list(Value.objects.filter(field__set_key=of.key, object_id__in=ids).order_by("id"))


def hand_on(of: FieldSet, gone: int, kept: int) -> list[int]:
    """What an object has in fields where the other has nothing goes to that one: the rows that went."""
    rows = Value.objects.filter(field__set_key=of.key)
    filled = rows.filter(object_id=kept).values("field")
    ids = list(rows.filter(object_id=gone).exclude(field__in=filled).values_list("pk", flat=True))
    Value.objects.filter(pk__in=ids).update(object_id=kept)
    return ids


def hand_back(ids: Collection[int], gone: int, kept: int) -> None:
    """Of these rows those that nobody has written anew since."""
    Value.objects.filter(pk__in=list(ids), object_id=kept).update(object_id=gone)


@transaction.atomic
def forget_values(of: FieldSet, ids: Collection[int]) -> None:
    """Of objects that are deleted, or erased, with the files that stood there."""
    held = _by_field(_parts(of, ids))
    Value.objects.filter(field__set_key=of.key, object_id__in=ids).delete()
    _release(held)


def words_of(of: FieldSet, ids: Collection[int]) -> dict[int, str]:
    """What the search finds these objects by: the words that stand in their fields."""
    fields = [field for field in of.fields if kind_of(field).is_text]
    return {
        pk: " ".join(kind_of(field).say(field, one, {}) for field, several in own.items() for one in several)
        for pk, own in values_of_many(fields, ids).items()
    }


def finder(by: User) -> Finder:
    """Finds what people mean by a text, each text once: for a form, or for all rows of a table."""
    known: dict[tuple[str, str], int] = {}

    def find(kind: str, text: str) -> int:
        if (kind, text) not in known:
            known[kind, text] = _meant(kind, text, by)
        return known[kind, text]

    return find


def _meant(kind: str, text: str, by: User) -> int:
    """`Anna Test`, or with the number behind it where several are called that: `Anna Test #12`."""
    _name, _sign, number = text.rpartition("#")
    if number.isascii() and number.isdecimal() and len(number) <= 18:
        if int(number) in cards[kind]([int(number)], by):
            return int(number)
        raise ValueError(text)
    found = finders[kind](text, by) if kind in finders else ()
    exact = [card for card in found if card.title.casefold() == text.casefold()] or list(found)
    if len(exact) > 1:
        raise ValidationError(
            _("Several are called “%(text)s”: write the number behind it, such as %(text)s #%(number)s.")
            % {"text": text, "number": exact[0].ref.id}
        )
    if not exact:
        raise ValueError(text)
    return exact[0].ref.id
