"""Two accounts that are one person become one: what each room has to say about that.

Whatever points at a person by a foreign key is found in Django's registry of models and moved, in a statement
a column. Where a constraint allows only one row of a kind, the room says which of two stays: `settlings`,
under the relation's name.

    settlings.add("discussion.Follower.user", OneEach("thread", takes="is_on = kept.is_on OR gone.is_on"))

What is no foreign key (numbers in JSON, counters, links of a directory) is the room's own to follow:
`mergers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connection
from django.db.models import ForeignKey, ManyToOneRel, Model

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User


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


class Settling(Protocol):
    """What becomes of the rows of the account that goes, where they cannot simply be moved."""

    def settle(self, relation: Relation, pair: Pair) -> bool:
        """Returns whether what is left is to be moved then."""


@dataclass(frozen=True)
class Stays:
    """It tells of the account as it was, and goes on doing so."""

    why: str

    def settle(self, relation: Relation, pair: Pair) -> bool:
        return False


@dataclass(frozen=True)
class Dropped:
    """What belongs to the account and not to the person, such as its sessions."""

    def settle(self, relation: Relation, pair: Pair) -> bool:
        relation.model._base_manager.filter(**{relation.field.attname: pair.gone}).delete()
        return False


class OneEach:
    """Where both have a row with the same keys (fields; none: a row a person), one is left.

    It is the remaining account's, unless `better` says that the other's is: SQL over `gone` and `kept`.
    `takes` is what the row that is left takes over first, as SQL's SET has it.
    """

    def __init__(self, *keys: str, takes: str = "", better: str = "", only: str = "true") -> None:
        self.keys, self.takes, self.better, self.only = keys, takes, better, only

    def settle(self, relation: Relation, pair: Pair) -> bool:
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
        return True

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


@dataclass(frozen=True)
class Settled:
    """The room does it by itself, and leaves nothing that could not be moved."""

    by: Callable[[Pair], object]

    def settle(self, relation: Relation, pair: Pair) -> bool:
        self.by(pair)
        return True


@dataclass(frozen=True)
class Merger:
    """A room's share of making two accounts one.

    `moves(gone, kept)` says in words what comes to the one that remains, `refused(gone, kept)` why it cannot
    be and what to do about it (nothing: it can). `before` is done first, with the locks that the room takes
    before those of people; `follow` when everything is moved that foreign keys tell of. All of it in one
    transaction; `follow` may be done again.
    """

    label: _StrOrPromise
    moves: Callable[[User, User], list[str]] = lambda gone, kept: []
    refused: Callable[[User, User], str] = lambda gone, kept: ""
    before: Callable[[Pair], None] = lambda pair: None
    follow: Callable[[Pair], None] = lambda pair: None


settlings: Offers[Settling] = Offers("settlings")
mergers: Offers[Merger] = Offers("mergers")


def relations_to(person: type[Model]) -> Iterator[Relation]:
    """Every foreign key to a person that there is, also of rooms that are yet to be built."""
    for relation in person._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            model = relation.related_model
            if not model._meta.proxy:
                yield Relation(model, relation.field)


def move_relations(person: type[Model], pair: Pair) -> None:
    """In a statement a column, once what is to be settled is."""
    for relation in relations_to(person):
        name = relation.name
        if name in settlings and not settlings[name].settle(relation, pair):
            continue
        rows = relation.model._base_manager.filter(**{relation.field.attname: pair.gone})
        rows.update(**{relation.field.attname: pair.kept})


def run(statement: str, pair: Pair, **given: Any) -> list[Any]:
    """A statement about the two: it may name %(gone)s, %(kept)s, %(gone_code)s and %(kept_code)s."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {**pair.named, **given})
        return cursor.fetchall() if cursor.description else []


def _column_of(model: type[Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)
