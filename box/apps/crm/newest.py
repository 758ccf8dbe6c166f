"""What lists and boards of records begin with where nothing is chosen, in queries that are composed once.

Which rows those are is `ScopedQuerySet.visible_to`'s rule, in its two forms. Administrators go the long way,
where what they read of others is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, OuterRef, TextField, Window
from django.db.models.functions import RowNumber

from box.apps.crm.models import Record, Stage
from box.apps.crm.permissions import codes_to_read, sees_whole_scope
from box.apps.crm.presenters import as_row
from box.apps.crm.totals import is_of_everything
from box.core.access.audiences import is_ruled_by_codes
from box.core.boards.definition import PAGE
from box.core.lists.keyset import Keyset
from box.core.lists.usual import Usual
from box.lib.prepared import Param, Prepared, PreparedModels

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.apps.crm.models import RecordType
    from box.apps.crm.models.records import RecordQuerySet
    from box.core.accounts.models import User
    from box.core.boards.definition import Column
    from box.core.lists.keyset import Page
    from box.core.lists.query import Query


def usual_list(reader: User, kind: RecordType) -> Callable[[], Page[Record]] | None:
    """The newest of this type."""
    if not is_ruled_by_codes(reader):
        return None
    codes = codes_to_read(reader)
    usual = _list(sees_many=sees_whole_scope(codes), is_paper=kind.is_paper)
    return lambda: usual.page(codes=sorted(codes), type=kind.pk)


def first_cards(
    reader: User, kind: RecordType, columns: Sequence[Column], query: Query
) -> Iterable[Record] | None:
    """What stands first in these stages; None where only some of it was chosen."""
    if not is_ruled_by_codes(reader) or not is_of_everything(query):
        return None
    codes, stages = codes_to_read(reader), [int(one.key) for one in columns]
    if sees_whole_scope(codes):
        ids = [pk for (some,) in _WALKED.rows(codes=sorted(codes), stages=stages) for pk in some]
    else:
        ids = [pk for (pk,) in _GATHERED.rows(codes=sorted(codes), stages=stages)]
    return _cards(is_paper=kind.is_paper).rows(ids=ids)


@cache
def _list(*, sees_many: bool, is_paper: bool) -> Usual[Record]:
    return Usual(
        Keyset(is_descending=True),
        lambda: as_row(
            _seen(sees_many=sees_many).of_type(Param("type", BigIntegerField())), is_paper=is_paper
        ),
    )


def _walked() -> QuerySet[Stage, Any]:
    """By stage, where an index leads to what stands first."""
    cards = _seen(sees_many=True).filter(stage=OuterRef("pk")).on_board().values("pk")[: PAGE + 1]
    return Stage.objects.filter(id__in_array=Param("stages")).values_list(ArraySubquery(cards))


def _gathered() -> QuerySet[Record, Any]:
    """Of all stages at once: what little somebody sees is looked at once, and not once a stage."""
    place = Window(RowNumber(), partition_by="stage", order_by=("rank", "-id"))
    seen = _seen(sees_many=False).filter(stage__id__in_array=Param("stages"))
    return seen.order_by().annotate(place=place).filter(place__lte=PAGE + 1).values_list("pk")


_WALKED, _GATHERED = Prepared(_walked), Prepared(_gathered)


@cache
def _cards(*, is_paper: bool) -> PreparedModels[Record]:
    return PreparedModels(lambda: as_row(Record.objects.filter(id__in_array=Param("ids")), is_paper=is_paper))


def _seen(*, sees_many: bool) -> RecordQuerySet:
    codes = Param("codes", ArrayField(TextField()))
    there = Record.objects.there()
    return there.reachable_by_many(codes) if sees_many else there.reachable_by_few(codes)
