"""The board of a pipeline: a column a stage, with what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.lists import record_list
from box.apps.crm.models import Record
from box.apps.crm.moves import Asked, move_asking
from box.apps.crm.newest import first_cards
from box.apps.crm.permissions import Operation, reaches_into
from box.apps.crm.presenters import RecordRow, base_currency, money, rows_of
from box.apps.crm.totals import is_of_everything, kept_totals
from box.core.boards.definition import Asks, Board, Column, Move
from box.core.lists.presenters import macro

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.apps.crm.models import Pipeline, RecordType, Stage
    from box.apps.crm.totals import Totals
    from box.core.accounts.models import User
    from box.core.lists.query import Query

UI = "crm/inputs.html"


def record_board(user: User, kind: RecordType, pipeline: Pipeline) -> Board[Record, RecordRow]:
    fields = fields_for(user, kind.pk)
    return Board(
        listed=record_list(user, kind),
        columns=_columns_of(user, kind, pipeline),
        rows_in=lambda rows, column: rows.filter(stage=int(column.key)),
        column_of=lambda record: str(record.stage_id),
        card=macro("crm/ui.html", "card_of"),
        move=_move_of(user),
        add=_add_of(user, kind) if reaches_into(user, Operation.ADD, kind) else None,
        add_label=gettext_lazy("Add"),
        can_move=lambda row: row.may_change and fields.changes("stage"),
        usual=lambda columns, query: first_cards(user, kind, columns, query),
        present=lambda records: rows_of(records, user),
        told=("crm", "record"),
    )


def _columns_of(
    user: User, kind: RecordType, pipeline: Pipeline
) -> Callable[[QuerySet[Record, Record], Query], Sequence[Column]]:
    stages = catalog().stages_of(pipeline)
    may_add = reaches_into(user, Operation.ADD, kind)

    def columns(rows: QuerySet[Record, Record], query: Query) -> list[Column]:
        totals = kept_totals(user, stages) if is_of_everything(query) else _counted(rows, stages)
        has_sums = kind.has_amount and fields_for(user, kind.pk).sees("amount")
        return [
            _column(stage, totals, has_sums=has_sums, can_add=may_add and stage.is_open) for stage in stages
        ]

    return columns


def _column(stage: Stage, totals: Totals, *, has_sums: bool, can_add: bool) -> Column:
    count, amount = totals.get(stage.pk, (0, Decimal(0)))
    said = money(amount, base_currency()) if has_sums and amount else ""
    return Column(str(stage.pk), str(stage), stage.color, count, said, can_add)


def _counted(rows: QuerySet[Record, Record], stages: Sequence[Stage]) -> Totals:
    chosen = rows.filter(stage__in=[one.pk for one in stages]).select_related(None)
    sums = chosen.order_by().values_list("stage").annotate(Count("pk"), Sum("base_amount"))
    return {stage: (count, amount or Decimal(0)) for stage, count, amount in sums}


def _move_of(user: User) -> Callable[[Record, Move], object]:
    def move(record: Record, to: Move) -> object:
        stage = catalog().stages[int(to.column.key)]
        near = Record.objects.visible_to(user).in_bulk([pk for pk in (to.after, to.before) if pk])
        after, before = (near.get(pk or 0) for pk in (to.after, to.before))
        try:
            return move_asking(record, stage, to.given, after=after, before=before, by=user)
        except Asked as asked:
            raise Asks(macro(UI, "asked_form")(asked.form)) from None

    return move


def _add_of(user: User, kind: RecordType) -> Callable[[Column, QueryDict], Record]:
    def add(column: Column, given: QueryDict) -> Record:
        stage = catalog().stages[int(column.key)]
        title = given.get("title", "").strip()
        if not title:
            raise ValidationError(_("Say in a few words what it is about."))
        return add_record(NewRecord(type=kind, responsible=user, stage=stage, title=title), by=user)

    return add
