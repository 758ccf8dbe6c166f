"""What is here, as the plan wants to know it: read for a batch of entries at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from box.bridges.directory import distinguished_names
from box.bridges.directory.models import Conflict, Connection, Link
from box.bridges.directory.plan.clashes import AGAIN, APART, CONSOLE, EMAIL, LOGIN, Clash
from box.bridges.directory.plan.values import Known, LinkNow, LocalPerson, UnitNow
from box.bridges.directory.targets import targets
from box.core.accounts.custom_fields import people_having, settled_fields, texts_of_many
from box.core.accounts.models import User
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from box.bridges.directory.reader import PersonEntry, Sighting

_LINK_COLUMNS = (
    "stable_id", "object_id", "dn", "base", "values", "fingerprint", "photo_fingerprint", "status",
    "leaving_since", "leaving_why", "expires_at",
)  # fmt: skip


def _called(fields: Mapping[str, Any]) -> str:
    """Of two names at least: one alone is many people's."""
    names = (fields.get("last_name"), fields.get("first_name"), fields.get("patronymic"))
    return " ".join(filter(None, names)).casefold() if all(names[:2]) else ""


class Seen:
    """Everybody whom the directory has shown in this run, in a table of this database session: comparing sets
    is the database's trade, and memory stays flat."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, sightings: Iterable[Sighting]) -> None:
        """The sightings come while the database's line is busy with them: they may not ask it anything."""
        # A line that is cut leaves no half of a table.
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS directory_seen")
            cursor.execute(
                "CREATE TEMPORARY TABLE directory_seen ("
                " stable_id text, dn text, dn_key text, base text, version text)"
            )
            statement = "COPY directory_seen (stable_id, dn, dn_key, base, version) FROM STDIN"
            with cursor.copy(statement) as copy:
                for one in sightings:
                    copy.write_row(
                        (one.stable_id, one.dn, distinguished_names.key(one.dn), one.base, one.version)
                    )
            cursor.execute("CREATE INDEX ON directory_seen (stable_id)")
            cursor.execute("CREATE INDEX ON directory_seen (dn_key)")
            cursor.execute("ANALYZE directory_seen")

    def drop(self) -> None:
        with database.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS directory_seen")

    def count(self) -> int:
        return int(self._value("SELECT count(*) FROM directory_seen"))

    def newest(self) -> str:
        """The highest version."""
        return str(self._value("SELECT COALESCE(max(version), '') FROM directory_seen"))

    def by_base(self) -> dict[str, int]:
        return dict(self._rows("SELECT base, count(*) FROM directory_seen GROUP BY base"))

    def news(self, position: str, skipped: Collection[str], *, now: datetime) -> list[str]:
        """Whoever has to be looked at again: new, changed since, renamed, not wholly imported the last time,
        or whose time has come."""
        days = self._connection.rules.dismiss_after_days
        due = now - timedelta(days=days) if days is not None else None
        # Who has a manager is looked at again when that one is called otherwise, comes or goes.
        rows = self._rows(
            "SELECT DISTINCT seen.stable_id, link.id IS NULL FROM directory_seen AS seen"
            " LEFT JOIN directory_link AS link ON link.connection_id = %(connection)s"
            "  AND link.kind = 'person' AND link.stable_id = seen.stable_id"
            " WHERE seen.version > %(position)s"
            "  OR (link.id IS NULL AND seen.stable_id <> ALL(%(skipped)s))"
            "  OR (link.id IS NOT NULL AND (link.dn <> seen.dn OR link.fingerprint = ''"
            "   OR (link.values->>'manager_key' IS NOT NULL AND link.values->>'manager' <> COALESCE("
            "    (SELECT min(above.stable_id) FROM directory_seen AS above"
            "      WHERE above.dn_key = link.values->>'manager_key'), ''))"
            "   OR link.leaving_why = 'gone'"
            "   OR (link.leaving_since IS NULL AND link.expires_at <= %(now)s)"
            "   OR (link.leaving_since <= %(due)s AND link.status <> 'dismissed')))",
            {
                "connection": self._connection.pk,
                "position": position,
                "skipped": list(skipped),
                "now": now,
                "due": due,
            },
        )
        news = {stable_id for stable_id, _is_new in rows}
        if any(is_new for _stable_id, is_new in rows):
            # Whoever is new may be a manager who was outside, by another name than was known.
            news |= self._without_manager()
        return [*sorted(news), *self._freed(news)]

    def _without_manager(self) -> set[str]:
        """Who has one in the directory, and none here."""
        rows = self._rows(
            "SELECT link.stable_id FROM directory_link AS link"
            "  JOIN directory_seen AS seen ON seen.stable_id = link.stable_id"
            " WHERE link.connection_id = %(connection)s AND link.kind = 'person'"
            "  AND link.values->>'manager_key' IS NOT NULL AND link.values->>'manager' = ''",
            {"connection": self._connection.pk},
        )
        return {row[0] for row in rows}

    def _freed(self, news: set[str]) -> list[str]:
        """Entries that wait for a name which nobody has any more, or whose holder may be about to give it up;
        and those about whom somebody has decided."""
        rows = self._rows(
            "SELECT waits.stable_id, waits.decision, held.name IS NULL, link.stable_id"
            "  FROM directory_conflict AS waits"
            "  JOIN directory_seen AS seen ON seen.stable_id = waits.stable_id"
            "  LEFT JOIN accounts_signinname AS held ON held.name = waits.wanted"
            "  LEFT JOIN directory_link AS link ON link.connection_id = waits.connection_id"
            "   AND link.kind = 'person' AND link.object_id = held.person_id"
            " WHERE waits.connection_id = %(connection)s AND waits.kind = ANY(%(kinds)s)",
            {"connection": self._connection.pk, "kinds": [LOGIN, EMAIL, AGAIN, CONSOLE, APART]},
        )
        found: set[str] = set()
        is_growing = True
        while is_growing:
            more = {
                stable_id
                for stable_id, decision, is_free, holder in rows
                if decision == "separate" or is_free or holder in news or holder in found
            } - found
            found |= more
            is_growing = bool(more)
        return sorted(found - news)

    def gone(self) -> dict[str, LinkNow]:
        """Links whose entry the directory doesn't show."""
        missing = (
            Link.objects.filter(connection=self._connection, kind=Link.Kind.PERSON)
            .unseen()
            .values_list(*_LINK_COLUMNS)
        )
        return {row[0]: LinkNow(*row[1:]) for row in missing.iterator(chunk_size=500)}

    def former(self, entries: Sequence[PersonEntry]) -> dict[str, tuple[Clash, LinkNow]]:
        """By the id of an entry that has no link who of those whose entry is gone it may be, and by what:
        a name alone is believed of those only who have not been dismissed yet."""
        wanted = {
            "number": {one.number: one for one in entries if one.number},
            "login": {login: one for one in entries if (login := one.fields.get("login"))},
            "email": {email: one for one in entries if (email := one.fields.get("email"))},
            "name": {name: one for one in entries if (name := _called(one.fields))},
        }
        rows = (
            Link.objects.people()
            .filter(connection=self._connection)
            .unseen()
            .filter(
                Q(values__number__in=list(wanted["number"]))
                | Q(values__login__in=list(wanted["login"]))
                | Q(values__email__in=list(wanted["email"]))
                | Q(values__last_name__in=[last for one in entries if (last := one.fields.get("last_name"))])
            )
            .order_by("id")
            .values_list(*_LINK_COLUMNS)
        )
        found: dict[str, tuple[Clash, LinkNow]] = {}
        for rule in ("number", "login", "email", "name"):
            for row in rows:
                link = LinkNow(*row[1:])
                told = _called(link.values) if rule == "name" else link.values.get(rule)
                entry = wanted[rule].get(told) if told else None
                if entry is None or entry.stable_id in found:
                    continue
                if rule == "name" and link.status == User.Status.DISMISSED:
                    continue
                name = entry.fields.get(rule if rule == "email" else "login", "")
                found[entry.stable_id] = Clash(AGAIN, name, link.object_id, rule), link
        return found

    def linked_by_base(self) -> dict[str, int]:
        """How many people of each base work here."""
        working = User.objects.exclude(status=User.Status.DISMISSED).values("pk")
        rows = Link.objects.filter(
            connection=self._connection, kind=Link.Kind.PERSON, object_id__in=working
        ).values_list("base")
        counted: dict[str, int] = defaultdict(int)
        for (base,) in rows.iterator():
            counted[base] += 1
        return dict(counted)

    def with_people(self, keys: Collection[str]) -> set[str]:
        """Of these units, by the keys of their names, those that somebody's own name stands below."""
        rows = self._rows(
            "SELECT key FROM unnest(%(keys)s::text[]) AS key WHERE EXISTS (SELECT 1 FROM directory_seen"
            " WHERE right(dn_key, length(key) + 1) = ',' || key)",
            {"keys": sorted(keys)},
        )
        return {row[0] for row in rows}

    def missing(self, stable_ids: Collection[str]) -> set[str]:
        """Those of these whom the directory doesn't show."""
        rows = self._rows(
            "SELECT asked.id FROM unnest(%(ids)s::text[]) AS asked(id) WHERE NOT EXISTS"
            " (SELECT 1 FROM directory_seen AS seen WHERE seen.stable_id = asked.id)",
            {"ids": sorted(stable_ids)},
        )
        return {row[0] for row in rows}

    def owners_of(self, keys: Sequence[str]) -> dict[str, str]:
        """By the key of a name the stable id behind it, of those who are in the directory."""
        rows = self._rows(
            "SELECT dn_key, stable_id FROM directory_seen WHERE dn_key = ANY(%(keys)s)", {"keys": list(keys)}
        )
        return dict(rows)

    def _value(self, statement: str) -> Any:
        with database.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        return row[0] if row else None

    def _rows(self, statement: str, params: dict[str, Any] | None = None) -> list[Any]:
        with database.cursor() as cursor:
            cursor.execute(statement, params)
            found: list[Any] = cursor.fetchall()
            return found


@contextmanager
def seen(connection: Connection, sightings: Iterable[Sighting]) -> Iterator[Seen]:
    table = Seen(connection)
    table.take(sightings)
    try:
        yield table
    finally:
        table.drop()


def known_for(
    entries: Sequence[PersonEntry],
    connection: Connection,
    *,
    table: Seen,
    units: dict[str, UnitNow],
    console_holders: frozenset[int],
) -> Known:
    """In a query a kind, however many entries."""
    links = {
        row[0]: LinkNow(*row[1:])
        for row in Link.objects.filter(
            connection=connection, kind=Link.Kind.PERSON, stable_id__in=[one.stable_id for one in entries]
        ).values_list(*_LINK_COLUMNS)
    }
    strangers = [one for one in entries if one.stable_id not in links]
    former = table.former(strangers) if strangers else {}
    decided = [one.stable_id for one in entries]
    standing: dict[str, set[Clash]] = defaultdict(set)
    separate = set()
    for row in Conflict.objects.filter(connection=connection, stable_id__in=decided):
        if row.decision == Conflict.Decision.SEPARATE:
            separate.add(row.stable_id)
        standing[row.stable_id].add(Clash(row.kind, row.wanted, row.person_id, row.rule))
    logins = [login for one in entries if (login := one.fields.get("login"))]
    emails = [email for one in entries if (email := one.fields.get("email"))]
    linked_ids = [link.object_id for link in links.values()]
    # A login may be another's e-mail: people sign in with either.
    names = {*logins, *emails}
    # Under a name that only an account has which was merged into another's, that other is meant.
    merged = User.objects.merged().filter(Q(login__in=names) | Q(email__in=names))
    aliases = list(merged.values_list("login", "email", "merged_into"))
    wanted = Q(login__in=names) | Q(email__in=names)
    again_ids = [link.object_id for _clash, link in former.values()]
    number_field = connection.rules.number_field
    if number_field not in {field.key for field in settled_fields()}:
        number_field = ""
    numbers = {one.number for one in strangers if one.number} if number_field else set()
    by_number = people_having(number_field, numbers)
    meant_ids = [meant for _login, _email, meant in aliases]
    wanted |= Q(pk__in=[*linked_ids, *again_ids, *meant_ids, *chain(*by_number.values())])
    people = people_now(wanted & Q(merged_into=None), console_holders)
    linked = Link.objects.filter(kind=Link.Kind.PERSON, object_id__in=people).values_list(
        "object_id", flat=True
    )
    managers = {distinguished_names.key(one.manager) for one in entries if one.manager}
    return Known(
        links=links,
        people=people,
        by_login={login: pk for login, _email, pk in aliases}
        | {one.fields["login"]: pk for pk, one in people.items()},
        by_email={email: pk for _login, email, pk in aliases if email}
        | {one.fields["email"]: pk for pk, one in people.items() if one.fields["email"]},
        number_field=number_field,
        by_number=by_number,
        linked=frozenset(linked),
        units=units,
        managers=table.owners_of(sorted(managers)) if managers else {},
        mapped=frozenset(rule.field for rule in connection.mapping.fields) & frozenset(targets()),
        has_units=bool(connection.mapping.departments),
        again={stable_id: clash for stable_id, (clash, _link) in former.items()},
        former={link.object_id: link for _clash, link in former.values()},
        standing={stable_id: frozenset(told) for stable_id, told in standing.items()},
        separate=frozenset(separate),
    )


_FIELDS = (
    *("login", "email", "last_name", "first_name", "patronymic"),
    *("position", "phone", "city", "birthday_on"),
)


def people_now(wanted: Q, console_holders: frozenset[int] = frozenset()) -> dict[int, LocalPerson]:
    rows = list(User.objects.filter(wanted).values_list("pk", "status", "is_extranet", *_FIELDS))
    own_texts = texts_of_many([row[0] for row in rows])
    places: dict[int, set[int]] = defaultdict(set)
    belongings = Membership.objects.filter(user__in=[row[0] for row in rows]).values_list(
        "user", "department"
    )
    for person, department in belongings:
        places[person].add(department)
    return {
        pk: LocalPerson(
            id=pk,
            fields={
                name: value.isoformat() if hasattr(value, "isoformat") else value or ""
                for name, value in zip(_FIELDS, values, strict=True)
            }
            | own_texts.get(pk, {}),
            status=status,
            is_extranet=is_extranet,
            holds_console=pk in console_holders,
            departments=frozenset(places.get(pk, ())),
        )
        for pk, status, is_extranet, *values in rows
    }


def units_now(connection: Connection) -> dict[str, UnitNow]:
    """The departments of this directory by key; under the empty key the one that they stand under."""
    links = {
        pk: (stable_id, leaving_since is not None)
        for pk, stable_id, leaving_since in connection.links.departments().values_list(
            "object_id", "stable_id", "leaving_since"
        )
    }
    rows = Department.objects.standing().filter(pk__in=links).values_list("pk", "name", "parent")
    found = {links[pk][0]: UnitNow(pk, name, parent, links[pk][1]) for pk, name, parent in rows}
    root = root_of(connection)
    if root is not None:
        found[""] = UnitNow(root.pk, root.name, root.parent_id)
    return found


def root_of(connection: Connection) -> Department | None:
    """What was chosen, or the department at the top; None where there is none at all yet."""
    chosen = connection.mapping.department_root
    standing = Department.objects.standing()
    if chosen is not None and (department := standing.filter(pk=chosen).first()):
        return department
    return standing.filter(parent=None).order_by("id").first()
