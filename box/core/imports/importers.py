"""What an app says of the tables that it takes.

class IdeaImporter(Importer[NewIdea]):
    key, label = "ideas.ideas", _("Ideas")

    def can_import(self, user): return has_right(user, IMPORT)

    def fields(self):
        return [ImportField("title", _("Idea"), "idea идея название", is_required=True), *fields_of(IDEAS)]

    def understand(self, cells, context):
        return NewIdea(cells["title"], values_from(IDEAS, cells, context))

    def take(self, entries, context):
        return [Taken(entry, suggest_idea(entry.row, by=context.by).pk) for entry in entries]

importers.add(IdeaImporter.key, IdeaImporter())
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.core.fields.kinds import kind_of, read
from box.core.fields.values import Values, finder
from box.core.imports.models import ImportRun
from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.fields.kinds import Finder
    from box.core.fields.sets import FieldSet

Duplicates = ImportRun.Duplicates


@dataclass(frozen=True)
class ImportField:
    """What a column may be for. `headings` are words, without spaces and signs, that tables call it by, in
    both languages; its label is one of them anyway."""

    key: str
    label: _StrOrPromise
    headings: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Option:
    """Something that whoever imports may choose."""

    key: str
    label: _StrOrPromise
    is_usual: bool = False


@dataclass
class Context:
    """Of one run: who imports, what they chose, and what is known for all of its rows."""

    run: ImportRun
    by: User
    options: frozenset[str] = frozenset()
    known: dict[str, Any] = field(default_factory=dict)
    """The importer's own, for what it reads once."""

    @cached_property
    def find(self) -> Finder:
        """Whom and what a cell means, each text looked for once."""
        return finder(self.by)


@dataclass(frozen=True)
class Entry[R]:
    """A row that was understood; `same` is the object that is there already and is to be corrected."""

    number: int
    row: R
    same: int | None = None


@dataclass(frozen=True)
class Taken:
    """What became of a row: an object that is new, or was changed and was `before` (JSON) what it is to be
    after an undo; `along` are other objects that came into being with it. Or a `problem`, for which the row
    is refused."""

    number: int
    object_id: int = 0
    along: tuple[int, ...] = ()
    is_new: bool = False
    before: Any = None
    is_changed: bool = False
    problem: str = ""


class Importer[R](ABC):
    """Takes tables of one kind. One object serves all runs: what it learns it keeps in the `Context`."""

    key: ClassVar[str]
    label: ClassVar[_StrOrPromise]
    """Above its pages: what is imported."""
    about: ClassVar[_StrOrPromise] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    duplicates: ClassVar[tuple[Duplicates, ...]] = (Duplicates.MERGE, Duplicates.SKIP, Duplicates.ADD)
    """What one may choose for rows whose objects are there; the first is usual."""
    is_undoable: ClassVar[bool] = False
    back: ClassVar[str] = ""
    """The name of the address where its objects are, and what stands in it."""
    back_arguments: tuple[str, ...] = ()

    @abstractmethod
    def can_import(self, user: User) -> bool: ...

    def can_oversee(self, user: User) -> bool:
        """See what others have imported, and take it back. A table tells more than the right to import one
        lets somebody see, and what is done with it is done in the name of who has brought it."""
        return user.is_administrator

    @abstractmethod
    def fields(self) -> Sequence[ImportField]: ...

    def check(self, columns: Collection[str]) -> None:
        """Raises ValidationError where these columns are not enough."""
        for one in self.fields():
            if one.is_required and one.key not in columns:
                raise ValidationError(_("Say which column is “%(field)s”.") % {"field": one.label})

    @abstractmethod
    def understand(self, cells: Mapping[str, str], context: Context) -> R:
        """One row, by the keys of fields what is not empty; without a query. Raises ValidationError."""

    def keys(self, row: R) -> Collection[str]:
        """What tells its object from others: none, and every row is a new one."""
        return ()

    def known(self, keys: Collection[str], context: Context) -> Mapping[str, int]:
        """Which objects have these keys, for hundreds of rows at once."""
        return {}

    @abstractmethod
    def take(self, entries: Sequence[Entry[R]], context: Context) -> Sequence[Taken]:
        """Makes and corrects the objects of some hundreds of rows, in one transaction that is not its own.
        What it raises stops the import: a row that cannot be is `Taken` with its problem."""

    def shown(self, row: R) -> Mapping[str, str]:
        """How the preview says what was understood, by the keys of fields; other cells stay as they are."""
        return {}

    # Undoing, for importers that are `is_undoable`

    def states(self, ids: Collection[int]) -> Mapping[int, str]:
        """Of objects that are there a text that is another as soon as something of them has changed."""
        raise NotImplementedError

    def remove(self, ids: Sequence[int], context: Context) -> None:
        """Takes away what the import has made, of which nothing has changed since."""
        raise NotImplementedError

    def restore(self, before: Mapping[int, Any], context: Context) -> None:
        """Makes objects what they were: `Taken.before`."""
        raise NotImplementedError


importers: Offers[Importer[Any]] = Offers("importers")

# Of rooms whose kinds of objects companies add themselves: that which has this key, if it is one of theirs.
further_importers: Offers[Callable[[str], Importer[Any] | None]] = Offers("importers that come and go")


def importer_at(key: str) -> Importer[Any] | None:
    if key in importers:
        return importers[key]
    return next((found for find in further_importers if (found := find(key)) is not None), None)


def importer_of(run: ImportRun) -> Importer[Any]:
    """Raises LookupError for a run of what no room takes any more."""
    found = importer_at(run.importer)
    if found is None:
        raise LookupError(f"No room takes {run.importer} any more: bring back what it was imported into.")
    return found


def fields_of(of: FieldSet) -> list[ImportField]:
    """What the company has defined: the name of a field is its heading. Files are in no table."""
    return [
        ImportField(one.key, one.name, one.code)
        for one in of.fields
        if kind_of(one).is_plain or kind_of(one).column != "file"
    ]


def values_from(of: FieldSet, cells: Mapping[str, str], context: Context) -> Values:
    """Of the cells that are for fields of the set. Raises ValidationError."""
    return {one: read(one, cells[one.key], context.find) for one in of.fields if one.key in cells}
