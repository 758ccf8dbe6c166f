"""What belongs to a person, and what becomes of it when people are erased or two accounts become one.

A room says so in a line for each foreign key to a person, under the relation's name:

    BELONGINGS = Belongings(
        _("Feed"),
        {
            "feed.Post.author": Belongs(Stays(MADE), said=POSTS),
            "drafts.Draft.user": Belongs(Deleted(), OneEach("place"), said=DRAFTS),
        },
    )

A foreign key without a line fails a test. What is none (numbers in JSON, counters, a directory's links, names
in tables) is the room's own to follow: `erase`, `follow`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connection
from django.db.models import ForeignKey, ManyToOneRel, Model

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User

BATCH = 1000

MADE = "what they made stays, under no name"
DECIDED = "what they did for others or decided about them stays, under no name"


@dataclass(frozen=True)
class Pair:
    """The ids of two accounts: `gone` becomes `kept`."""

    gone: int
    kept: int

    @property
    def named(self) -> dict[str, int | str]:
        """As statements name them: the ids, and the codes of the two as principals."""
        codes = {"gone_code": f"U{self.gone}", "kept_code": f"U{self.kept}"}
        return {"gone": self.gone, "kept": self.kept, **codes}


@dataclass(frozen=True)
class Relation:
    """A foreign key to a person."""

    model: type[Model]
    field: ForeignKey[Any, Any]

    @property
    def name(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"

    @property
    def table(self) -> str:
        return connection.ops.quote_name(self.model._meta.db_table)

    @property
    def key(self) -> str:
        return connection.ops.quote_name(_column_of(self.model, self.model._meta.pk.name))

    @property
    def column(self) -> str:
        return connection.ops.quote_name(self.field.column)

    def rows_of(self, user_id: int) -> QuerySet[Any]:
        return self.model._base_manager.filter(**{self.field.attname: user_id})


class Merging(Protocol):
    """What becomes of the rows of the account that goes."""

    is_moved: bool
    """Whether the one that remains has them then, and is told so beforehand."""

    def merge(self, relation: Relation, pair: Pair) -> None: ...


@dataclass(frozen=True)
class Moved:
    """They are the other's, in a statement."""

    is_moved = True

    def merge(self, relation: Relation, pair: Pair) -> None:
        relation.rows_of(pair.gone).update(**{relation.field.attname: pair.kept})


@dataclass(frozen=True)
class Stays:
    """They are as they were, for this reason: of who is erased under no name, of an account that goes as what
    tells of it alone."""

    why: str
    is_moved = False

    def merge(self, relation: Relation, pair: Pair) -> None:
        pass


@dataclass(frozen=True)
class Deleted:
    """They go: with who is erased; with an account, where they belong to it and not to the person, such as
    its sessions."""

    is_moved = False

    def merge(self, relation: Relation, pair: Pair) -> None:
        self.erase(relation, pair.gone)

    @staticmethod
    def erase(relation: Relation, user_id: int) -> None:
        """By way of the model, so that what hangs on them goes too; so many at once as fit into memory."""
        manager = relation.model._base_manager
        while keys := list(relation.rows_of(user_id).values_list("pk", flat=True)[:BATCH]):
            manager.filter(pk__in=keys).delete()


class OneEach(Moved):
    """Where both have a row with the same keys (fields; none: a row a person), one is left.

    It is the remaining account's, unless `better` says that the other's is: SQL over `gone` and `kept`.
    `takes` is what the row that is left takes over first, as SQL's SET has it.
    """

    def __init__(self, *keys: str, takes: str = "", better: str = "", only: str = "true") -> None:
        self.keys, self.takes, self.better, self.only = keys, takes, better, only

    def merge(self, relation: Relation, pair: Pair) -> None:
        both = " AND ".join(
            [
                f"gone.{relation.column} = %(gone)s",
                f"kept.{relation.column} = %(kept)s",
                *(f"gone.{name} = kept.{name}" for name in self._columns(relation)),
                f"({self.only})",
            ]
        )
        if self.takes:
            run(
                f"UPDATE {relation.table} AS kept SET {self.takes}"  # noqa: S608 - our own names
                f" FROM {relation.table} AS gone WHERE {both}",
                pair,
            )
        if self.better:
            self._drop("kept", f"{both} AND ({self.better})", relation, pair)
        self._drop("gone", both, relation, pair)
        super().merge(relation, pair)

    def _columns(self, relation: Relation) -> list[str]:
        return [connection.ops.quote_name(_column_of(relation.model, key)) for key in self.keys]

    @staticmethod
    def _drop(which: str, both: str, relation: Relation, pair: Pair) -> None:
        """By way of the model: what hangs on such a row goes with it."""
        rows = run(
            f"SELECT {which}.{relation.key}"  # noqa: S608 - our own names
            f" FROM {relation.table} AS gone, {relation.table} AS kept WHERE {both}",
            pair,
        )
        if rows:
            relation.model._base_manager.filter(pk__in={pk for (pk,) in rows}).delete()


class Settled(Moved):
    """The room first takes away by itself what could not be moved."""

    def __init__(self, by: Callable[[Pair], object]) -> None:
        self.by = by

    def merge(self, relation: Relation, pair: Pair) -> None:
        self.by(pair)
        super().merge(relation, pair)


@dataclass(frozen=True)
class Belongs:
    """A foreign key to a person: what becomes of its rows. `said` names so many of them, by
    `ngettext_lazy(..., "num")`, where people are told beforehand what goes or comes."""

    erased: Deleted | Stays
    merged: Merging = Moved()
    said: Any = None

    def words(self, relation: Relation, person: User) -> list[str]:
        count = relation.rows_of(person.pk).count() if self.said is not None else 0
        return [str(self.said % {"num": count})] if count else []


@dataclass(frozen=True)
class Belongings:
    """All that a room has of people. `rows` are its foreign keys to them; the rest is what these cannot say.

    When somebody is erased: `found(person)` says in words what else there is of them, `erase(person, by)`
    takes it away, before the rows. When two accounts become one: `moves(gone, kept)` says what else comes to
    the one that remains, `refused(gone, kept)` why it cannot be and what to do about it (nothing: it can);
    `before` is done first, with the locks that the room takes before those of people, `follow` when all is
    moved that foreign keys tell of. All of it in one transaction; `erase` and `follow` may be done again.
    """

    label: _StrOrPromise
    rows: Mapping[str, Belongs]
    found: Callable[[User], list[str]] = lambda person: []
    erase: Callable[[User, User], None] = lambda person, by: None
    moves: Callable[[User, User], list[str]] = lambda gone, kept: []
    refused: Callable[[User, User], str] = lambda gone, kept: ""
    before: Callable[[Pair], None] = lambda pair: None
    follow: Callable[[Pair], None] = lambda pair: None


belongings: Offers[Belongings] = Offers("belongings")


@dataclass(frozen=True)
class Share:
    """What of a room goes or comes with a person, in words."""

    label: _StrOrPromise
    things: list[str]


def going(person: User) -> list[Share]:
    """All that would be erased now, room by room."""
    relations = _relations_by_name(type(person))
    return _told(
        Share(
            room.label,
            [
                *room.found(person),
                *(
                    said
                    for name, one in room.rows.items()
                    if isinstance(one.erased, Deleted)
                    for said in one.words(relations[name], person)
                ),
            ],
        )
        for room in belongings
    )


def moving(gone: User, kept: User) -> list[Share]:
    """All that would come to the account that remains, room by room."""
    relations = _relations_by_name(type(gone))
    return _told(
        Share(
            room.label,
            [
                *room.moves(gone, kept),
                *(
                    said
                    for name, one in room.rows.items()
                    if one.merged.is_moved
                    for said in one.words(relations[name], gone)
                ),
            ],
        )
        for room in belongings
    )


def erase(person: User, *, by: User) -> None:
    """From above: the lowest room takes the name away, by which the others find what is of the person."""
    relations = _relations_by_name(type(person))
    for room in reversed(list(belongings)):
        room.erase(person, by)
        for name, one in room.rows.items():
            if isinstance(one.erased, Deleted):
                one.erased.erase(relations[name], person.pk)


def merge(person: type[Model], pair: Pair) -> None:
    """Column by column, then what rooms follow by themselves. Doing it again does no harm.

    What nobody has said a word about is moved: nothing is to be left with an account that is nobody's.
    """
    lines = {name: one.merged for room in belongings for name, one in room.rows.items()}
    for relation in relations_to(person):
        lines.get(relation.name, Moved()).merge(relation, pair)
    for room in belongings:
        room.follow(pair)


def relations_to(person: type[Model]) -> Iterator[Relation]:
    """Every foreign key to a person that there is, also of rooms that are yet to be built."""
    for relation in person._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            model = relation.related_model
            if not model._meta.proxy:
                yield Relation(model, relation.field)


def run(statement: str, pair: Pair, **given: Any) -> list[Any]:
    """A statement about the two: it may name %(gone)s, %(kept)s, %(gone_code)s and %(kept_code)s."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {**pair.named, **given})
        return cursor.fetchall() if cursor.description else []


def follow_in_json(table: str, column: str, pair: Pair) -> None:
    """A column of JSON that names the person by code or as an object."""
    for was, now in (
        (f'"U{pair.gone}"', f'"U{pair.kept}"'),
        (f'"org.person:{pair.gone}"', f'"org.person:{pair.kept}"'),
    ):
        run(
            f"UPDATE {table} SET {column} = replace({column}::text, %(was)s, %(now)s)::jsonb"  # noqa: S608
            f" WHERE {column} IS NOT NULL AND strpos({column}::text, %(was)s) > 0",
            pair,
            was=was,
            now=now,
        )


def _relations_by_name(person: type[Model]) -> dict[str, Relation]:
    return {relation.name: relation for relation in relations_to(person)}


def _told(shares: Iterator[Share]) -> list[Share]:
    return [one for one in shares if one.things]


def _column_of(model: type[Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)
