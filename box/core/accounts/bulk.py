"""The writes to people for many of them at once: the same events and the same checks as one by one, in a
handful of statements. What decides about single people stands in `actions`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import date

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from box.core.access.events import AccessChanged
from box.core.accounts.actions import NewUser
from box.core.accounts.custom_fields import plain_fields, write_texts
from box.core.accounts.events import ProfileChanged, UserCreated
from box.core.accounts.models import MERGED, User
from box.core.events.outbox import emit, emit_all

# An outside source makes employees: neither administrators nor guests.
_COPIED = frozenset(one.name for one in fields(NewUser)) - {"is_administrator", "is_extranet"}
# Columns that an outside source may write, all of them texts but the day.
_CHANGED = _COPIED - {"language"} | {"former_last_name"}


@transaction.atomic
def add_people(new: Sequence[NewUser], *, by: User | None) -> list[int]:
    """Adds employees who have no password, in this order. Logins and e-mails are in small letters already and
    free: the database refuses all of them otherwise (IntegrityError)."""
    people = [User(**{name: getattr(one, name) for name in _COPIED}) for one in new]
    for person in people:
        person.set_unusable_password()
    made = User.objects.bulk_create(people, batch_size=500)
    ids = [person.pk for person in made]
    by_id = by.pk if by else None
    emit_all([UserCreated(user_id=pk, by_id=by_id) for pk in ids])
    if ids:
        emit(AccessChanged(user_ids=tuple(ids)))
    return ids


# A person may take back what an account had that was merged into theirs.
_FREE_NAMES = """
    UPDATE accounts_user AS gone
       SET login = CASE WHEN gone.login = new.login THEN %s || gone.id ELSE gone.login END,
           email = CASE WHEN gone.email = new.email THEN '' ELSE gone.email END
      FROM jsonb_to_recordset(%s::jsonb) AS new(id bigint, login text, email text)
     WHERE gone.merged_into_id = new.id AND (gone.login = new.login OR gone.email = new.email)
"""


# Who gives a name up to somebody else lets go of it first: the database looks at each row by itself.
_LET_GO = """
    UPDATE accounts_user AS held
       SET login = CASE WHEN new.login IS NULL OR held.login = new.login THEN held.login
                        ELSE %s || held.id END,
           email = CASE WHEN new.email IS NULL OR held.email = new.email THEN held.email ELSE '' END
      FROM jsonb_to_recordset(%s::jsonb) AS new(id bigint, login text, email text)
     WHERE held.id = new.id AND (held.login = ANY(%s) OR held.email = ANY(%s))
"""
MOVING = "/moving/"


@transaction.atomic
def change_people(changes: Mapping[int, Mapping[str, str]]) -> None:
    """Writes these fields, as texts, whoever owns them: it is their owner who calls this. Those that
    administrators have defined go by their keys, their values as `custom_fields.texts_of_many` has them.
    Logins and e-mails may be exchanged among these people, in circles too."""
    by_fields: dict[tuple[str, ...], list[dict[str, object]]] = {}
    own: dict[int, dict[str, str]] = {}
    defined = {field.key for field in plain_fields()}
    for pk, values in changes.items():
        if unknown := values.keys() - _CHANGED - defined:
            raise ValueError(f"not of the profile: {', '.join(sorted(unknown))}")
        built_in = {name: value for name, value in values.items() if name in _CHANGED}
        if built_in:
            by_fields.setdefault(tuple(sorted(built_in)), []).append({"id": pk, **built_in})
        if len(values) > len(built_in):
            own[pk] = {name: value for name, value in values.items() if name in defined}
    with connection.cursor() as cursor:
        _let_go(cursor, [row for rows in by_fields.values() for row in rows])
        for names, rows in by_fields.items():
            if {"login", "email"} & set(names):
                cursor.execute(_FREE_NAMES, [MERGED, json.dumps(rows)])
            # The names are those of `_CHANGED`, never a caller's text.
            columns = ", ".join(
                f"{name} = NULLIF(new.{name}, '')::date" if name == "birthday_on" else f"{name} = new.{name}"
                for name in names
            )
            typed = ", ".join(f"{name} text" for name in names)
            cursor.execute(
                f"UPDATE accounts_user SET {columns}"  # noqa: S608
                f" FROM jsonb_to_recordset(%s::jsonb) AS new(id bigint, {typed})"
                " WHERE accounts_user.id = new.id",
                [json.dumps(rows)],
            )
    write_texts(own)
    emit_all([ProfileChanged(user_id=pk, fields=tuple(sorted(one))) for pk, one in changes.items() if one])


def _let_go(cursor: CursorWrapper, rows: Sequence[Mapping[str, object]]) -> None:
    moving = [row for row in rows if "login" in row or "email" in row]
    names = [name for row in moving for name in (row.get("login"), row.get("email")) if name]
    if names:
        cursor.execute(_LET_GO, [MOVING, json.dumps(moving), names, names])


@transaction.atomic
def claim_fields(owned: Mapping[int, Collection[str]], source: str) -> None:
    """From now on the source owns exactly these fields of these people: the portal only shows them."""
    rows = [{"id": pk, "owners": dict.fromkeys(sorted(fields), source)} for pk, fields in owned.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_profile (user_id, owners)"
            " SELECT new.id, new.owners FROM jsonb_to_recordset(%s::jsonb) AS new(id bigint, owners jsonb)"
            " ON CONFLICT (user_id) DO UPDATE SET owners ="
            " (SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(accounts_profile.owners)"
            "  WHERE value <> to_jsonb(%s::text)) || EXCLUDED.owners",
            [json.dumps(rows), source],
        )


def day_of(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
