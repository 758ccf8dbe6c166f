"""The fields of profiles that a company defines: who sees and fills in which, and what people are found by.

Outside guests have none of these fields, and see nobody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.access.principals import EVERYONE
from box.core.accounts.access import EDITORS_OF_PEOPLE, can_manage, can_see_company
from box.core.accounts.events import ProfileChanged
from box.core.accounts.models import Profile, User
from box.core.events.outbox import emit
from box.core.fields.kinds import KINDS, kind_of, read, written
from box.core.fields.models import Field, Value
from box.core.fields.sets import FieldSet
from box.core.fields.values import (
    Shown,
    Values,
    share_parts,
    shown,
    values_of,
    values_of_many,
    write_many,
    write_values,
)

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair

EVERYBODY, PERSON, EDITORS = "everybody", "person", "editors"


def reindex_people(people: Collection[int] | None = None) -> None:
    """Writes what these people, or all, are found by: the words that everybody sees."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_user SET own_words = new.words FROM ("
            " SELECT person.id, COALESCE(own.words, '') AS words FROM accounts_user AS person"
            " LEFT JOIN LATERAL ("
            "  SELECT string_agg(COALESCE(choice.name, value.text, trim_scale(value.number)::text), ' '"
            "   ORDER BY field.place, value.place) AS words"
            "  FROM fields_value AS value JOIN fields_field AS field ON field.id = value.field_id"
            "  LEFT JOIN fields_choice AS choice ON choice.id = value.choice_id"
            "  WHERE value.object_id = person.id AND field.set_key = %(set)s AND field.archived_at IS NULL"
            "   AND field.readers = 'everybody' AND field.kind = ANY(%(kinds)s)) AS own ON true"
            " WHERE %(people)s::bigint[] IS NULL OR person.id = ANY(%(people)s::bigint[])) AS new"
            " WHERE accounts_user.id = new.id AND accounts_user.own_words <> new.words",
            {
                "set": PROFILE.key,
                "kinds": [key for key, kind in KINDS.items() if kind.is_text or key == Field.Kind.NUMBER],
                "people": None if people is None else list(people),
            },
        )


def follow_definitions() -> None:
    """Fields were added or changed: who sees one may be another, and sees its files or not, as its words."""
    reindex_people()
    held = Value.objects.filter(field__set_key=PROFILE.key).exclude(file=None)
    people = set(held.values_list("object_id", flat=True))
    share_parts(PROFILE, people, audience=[EVERYONE], readers=EVERYBODY)
    for pk in people:
        share_parts(PROFILE, [pk], audience=audience_of(PERSON, pk), readers=PERSON)


def audience_of(readers: str, person_id: int) -> list[str]:
    """Whoever sees what stands in the person's fields that are for these readers."""
    return [EDITORS_OF_PEOPLE, f"U{person_id}"] if readers == PERSON else [EVERYONE]


PROFILE = FieldSet(
    "accounts.user",
    gettext_lazy("Fields of profiles"),
    gettext_lazy(
        "What your company wants to know of its people beside name, position, phone and birthday."
        " Tables of people and directories can fill these fields in, too."
    ),
    readers={
        EVERYBODY: gettext_lazy("everybody who works here"),
        PERSON: gettext_lazy("only the person and who may edit people"),
    },
    writers={
        PERSON: gettext_lazy("the person, and who may edit people"),
        EDITORS: gettext_lazy("only who may edit people"),
    },
    changed=follow_definitions,
)


def shown_of(person: User, *, reader: User) -> list[Shown]:
    """What this reader sees of the person, in order."""
    fields = readable(person, reader=reader)
    return shown(values_of_many(fields, [person.pk]), reader=reader).get(person.pk, [])


def readable(person: User, *, reader: User) -> list[Field]:
    fields = PROFILE.fields
    if person.is_extranet or not fields:
        return []
    if reader.pk == person.pk or can_manage(reader, person):
        return list(fields)
    if not can_see_company(reader):
        return []
    return [field for field in fields if field.readers == EVERYBODY]


def editable(person: User, *, by: User) -> list[Field]:
    fields = PROFILE.fields
    if person.is_extranet or not fields:
        return []
    if can_manage(by, person):
        return list(fields)
    if by.pk != person.pk:
        return []
    return [field for field in fields if field.writers == PERSON]


@transaction.atomic
def set_values(person: User, values: Mapping[Field, Sequence[Any]], *, by: User) -> bool:
    """Writes these values of the person. Returns whether anything has changed.

    Raises ValidationError by the key of a field for what an outside source decides.
    """
    Profile.objects.get_or_create(user=person)
    profile = Profile.objects.select_for_update().get(user=person)
    has = values_of(PROFILE, person.pk)
    changed = {field: own for field, own in values.items() if has.get(field, ()) != tuple(own)}
    decided = {
        field.key: _("%(source)s decides this: change it there.") % {"source": profile.owners[field.key]}
        for field in changed
        if field.key in profile.owners
    }
    if decided:
        raise ValidationError({key: ValidationError(text, code="owned") for key, text in decided.items()})
    if not changed:
        return False
    for readers in {field.readers for field in changed}:
        seen = {field: own for field, own in changed.items() if field.readers == readers}
        write_values(PROFILE, person.pk, seen, by=by, audience=audience_of(readers, person.pk))
    reindex_people([person.pk])
    emit(ProfileChanged(user_id=person.pk, fields=tuple(sorted(field.key for field in changed)), by_id=by.pk))
    return True


# As texts: what directories and tables have


def plain_fields() -> list[Field]:
    """Those of which a text says everything."""
    return [field for field in PROFILE.fields if kind_of(field).is_plain]


def settled_fields() -> list[Field]:
    """Those that nobody fills in of themselves: they may say who somebody is."""
    return [field for field in plain_fields() if field.writers == EDITORS]


def texts_of_many(people: Collection[int]) -> dict[int, dict[str, str]]:
    """By person and the key of a field what `kinds.written` makes of the values."""
    found = values_of_many(plain_fields(), people)
    return {
        pk: {field.key: written(field, own) for field, own in values.items()} for pk, values in found.items()
    }


def people_having(key: str, texts: Collection[str]) -> dict[str, frozenset[int]]:
    """By each of these texts who has it in the field of that key; nobody where that is none of
    `settled_fields`, or the text none of its kind."""
    field = next((field for field in settled_fields() if field.key == key), None)
    if field is None or not texts:
        return {}
    meant: dict[Any, set[str]] = defaultdict(set)
    for text in texts:
        with suppress(ValidationError):
            for value in read(field, text):
                meant[value].add(text)
    kind = kind_of(field)
    rows = Value.objects.filter(field=field, **{f"{kind.column}__in": list(meant)})
    found: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        for text in meant.get(kind.value(row), ()):
            found[text].add(row.object_id)
    return {text: frozenset(people) for text, people in found.items()}


@transaction.atomic
def write_texts(texts: Mapping[int, Mapping[str, str]]) -> None:
    """Writes values as `kinds.written` makes them, by the key of a field; empty ones are taken away, and what
    is archived is left out. Nobody is told: the caller knows of what this is a part."""
    fields = {field.key: field for field in plain_fields()}
    write_everybodys(
        {
            pk: {fields[key]: read(fields[key], text) for key, text in own.items() if key in fields}
            for pk, own in texts.items()
        }
    )


def write_everybodys(values: Mapping[int, Values]) -> None:
    """The values of many people, of which nobody is told either."""
    if write_many(PROFILE, values):
        reindex_people(values.keys())


# Erasing and merging


def names_of(person: User) -> Iterable[str]:
    """What of these fields the person has something in, also in archived ones."""
    mine = Value.objects.filter(object_id=person.pk, field__set_key=PROFILE.key)
    return Field.objects.filter(pk__in=mine.values("field")).in_order().values_list("name", flat=True)


# Of what both have in a field the remaining person's stays, but for what an outside source decides.
_MERGED = """
    WITH own AS (SELECT id FROM fields_field WHERE set_key = %(set)s),
         taken AS (SELECT DISTINCT value.field_id AS id
                     FROM fields_value AS value JOIN own ON own.id = value.field_id
                    WHERE value.object_id = %(gone)s
                      AND (NOT EXISTS (SELECT FROM fields_value AS there
                                        WHERE there.object_id = %(kept)s AND there.field_id = value.field_id)
                           OR value.field_id = ANY(%(decided)s))),
         dropped AS (DELETE FROM fields_value USING taken
                      WHERE fields_value.object_id = %(kept)s AND fields_value.field_id = taken.id
                      RETURNING fields_value.id)
    SELECT array_agg(taken.id), (SELECT count(*) FROM dropped) FROM taken
"""


def merge_values(pair: Pair, decided: Collection[str]) -> None:
    """What of these fields goes to the person that remains; `decided` are keys of those in which an outside
    source has written to the account that goes."""
    keys = {f"own-{pk}": pk for pk in Field.objects.of(PROFILE.key).values_list("pk", flat=True)}
    with connection.cursor() as cursor:
        cursor.execute(
            _MERGED,
            {
                "set": PROFILE.key,
                "gone": pair.gone,
                "kept": pair.kept,
                "decided": [keys[key] for key in decided if key in keys],
            },
        )
        taken = cursor.fetchone()[0] or []
    of_set = Value.objects.filter(field__set_key=PROFILE.key)
    of_set.filter(object_id=pair.gone, field__in=taken).update(object_id=pair.kept)
    of_set.filter(object_id=pair.gone).delete()
