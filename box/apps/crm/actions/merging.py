"""Two records are the same: one of them keeps everything, and for thirty days that can be taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.activities import renew_next_steps
from box.apps.crm.actions.audiences import renew_audience
from box.apps.crm.actions.checks import all_currencies, check_kept, counted_over
from box.apps.crm.actions.files import follow_records
from box.apps.crm.actions.locks import locked_records
from box.apps.crm.custom_fields import set_of
from box.apps.crm.events import MergerTakenBack, RecordsMerged
from box.apps.crm.models import (
    ActivityBinding,
    ContactPoint,
    FormAnswer,
    LineItem,
    Link,
    Merger,
    Observer,
    Paper,
    Payment,
    Record,
)
from box.apps.crm.models.types import ANY_RECORD
from box.apps.crm.pricing import totals_of
from box.core.events.outbox import emit
from box.core.fields import values
from box.core.registry.capabilities import Ref
from box.core.relations.actions import hand_on

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import Model

    from box.core.accounts.models import User

MOST_AT_ONCE = 20

_FILLED = (
    "first_name", "patronymic", "last_name", "position", "born_on", "tax_number", "address", "comment",
    "source_id", "source_note", "utm", "company_id", "contact_id", "loss_reason_id", "begins_on",
    "expected_on",
)  # fmt: skip


_SUMS = ("amount", "base_amount", "has_own_amount")
EXTERNAL = ("external_id", "external_source", "external_version")
"""What another program calls it: all of one record, or nothing."""


@dataclass(frozen=True)
class Relation:
    """Rows that name a record in this field; of those with the same `keys` a record has one."""

    model: type[Model]
    field: str
    keys: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.model._meta.model_name}.{self.field}"

    def move(self, gone: Record, kept: Record) -> list[int]:
        """To the one that is kept, without what it has already; the rows that went along."""
        rows = self.model._base_manager.filter(**{self.field: gone})
        if self.keys:
            same = {key: OuterRef(key) for key in self.keys}
            rows = rows.exclude(Exists(self.model._base_manager.filter(**{self.field: kept}, **same)))
        # Nothing is linked with itself.
        if self.model is Link:
            rows = rows.exclude(**{"to" if self.field == "record" else "record": kept})
        if self.model is Record:
            rows = rows.exclude(pk=kept.pk)
        ids = list(rows.values_list("pk", flat=True))
        self.model._base_manager.filter(pk__in=ids).update(**{self.field: kept})
        return ids

    def take_back(self, ids: Collection[int], gone: Record, kept: Record) -> None:
        """Of these rows those that are still there."""
        self.model._base_manager.filter(pk__in=list(ids), **{self.field: kept}).update(**{self.field: gone})


RELATIONS = (
    Relation(ContactPoint, "record", ("kind", "normal")),
    Relation(ActivityBinding, "record", ("activity",)),
    Relation(Observer, "record", ("user",)),
    Relation(Link, "record", ("role", "to")),
    Relation(Link, "to", ("role", "record")),
    Relation(LineItem, "record"),
    Relation(Payment, "record"),
    Relation(Paper, "deal"),
    Relation(FormAnswer, "record"),
    Relation(Record, "company"),
    Relation(Record, "contact"),
)


_LINES = "lineitem.record"
# In `Merger.moved`: what belongs together across rooms, and values of a company's own fields.
_RELATED = "relations"
_OWN = "own fields"
# Whose client the one that has gone was: the columns that named it.
_CLIENT = "client"
# What the amount was, and whether it was somebody's own, before the first lines came along.
_AMOUNT = "amount"


@transaction.atomic
def merge_records(kept: Record, others: Sequence[Record], *, by: User | None) -> Record:
    """The others become a part of the first: what they have goes along, what it lacks they fill in.

    Raises ValidationError, and PermissionDenied where `by` may not change one of them.
    """
    ids = {one.pk for one in others} - {kept.pk}
    if not 0 < len(ids) <= MOST_AT_ONCE:
        said = _("Choose between 1 and %(most)s duplicates.") % {"most": MOST_AT_ONCE}
        raise ValidationError(said, code="number")
    held = locked_records([kept, *others], among=Record.objects.there())
    if held.keys() != {kept.pk, *ids}:
        raise ValidationError(_("One of them is not there any more: reload the page."), code="gone")
    first, rest = held.pop(kept.pk), list(held.values())
    _check(first, rest, by)
    for gone in rest:
        _absorb(first, gone, by)
    _finish(first, rest)
    emit(
        RecordsMerged(
            record_id=first.pk, merged_ids=tuple(one.pk for one in rest), by_id=by.pk if by else None
        )
    )
    return first


@transaction.atomic
def take_back_merger(merger: Merger, *, by: User | None) -> Record:
    """The record that had gone is there again, with what it brought along and is still where it went. What
    was filled in stays where it was changed since. Raises ValidationError after thirty days."""
    records = locked_records([merger.kept, merger.gone])
    kept, gone = records[merger.kept_id], records[merger.gone_id]
    held = Merger.objects.select_for_update().get(pk=merger.pk)
    if not Merger.objects.revocable(timezone.now()).filter(pk=held.pk).exists():
        raise ValidationError(_("A merger can be taken back for thirty days, and once."), code="late")
    if Merger.objects.revocable(timezone.now()).filter(kept=kept, pk__gt=held.pk).exists():
        raise ValidationError(_("Take back first what was merged after it."), code="order")
    if kept.deleted_at is not None:
        raise ValidationError(_("Bring “%(name)s” back from the trash first.") % {"name": kept}, code="trash")
    if by is not None and not access.can_change(by, kept):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": kept})
    Record.objects.filter(pk=gone.pk).update(deleted_at=None, deleted_by=None, merged_into=None)
    for relation in reversed(RELATIONS):
        relation.take_back(held.moved.get(relation.name, ()), gone, kept)
    hand_on(_link(kept), _link(gone), among=held.moved.get(_RELATED, ()))
    values.hand_back(held.moved.get(_OWN, ()), gone.pk, kept.pk)
    _empty_again(kept, gone, held.filled)
    _name_again(kept, gone, held.moved.get(_CLIENT, ()))
    _follow_without(kept, held.moved)
    held.taken_back_at, held.moved, held.filled = timezone.now(), {}, []
    held.save(update_fields=["taken_back_at", "moved", "filled"])
    gone.refresh_from_db()
    for record in (kept, gone):
        renew_audience(record)
        record.save(update_fields=["audience"])
    follow_records([kept.pk, gone.pk])
    renew_next_steps([kept.pk, gone.pk])
    emit(MergerTakenBack(record_id=kept.pk, parted_id=gone.pk, by_id=by.pk if by else None))
    return gone


def forget_expired(now: datetime) -> int:
    """What can be taken back no more needs no list of rows; how many mergers that were."""
    return Merger.objects.expired(now).update(moved={}, filled=[])


def _check(first: Record, rest: Sequence[Record], by: User | None) -> None:
    if any(one.type_id != first.type_id for one in rest):
        raise ValidationError(_("Only records of one kind are merged."), code="type")
    if first.type.is_paper:
        raise ValidationError(_("Papers have numbers: none of them becomes a part of another."), code="type")
    for one in rest:
        if one.currency != first.currency and (one.payments.exists() or one.lines.exists()):
            said = _(
                "“%(name)s” has products or payments in %(code)s, and they would be of another sum here: take"
                " them out of it first."
            )
            raise ValidationError(said % {"name": one, "code": one.currency}, code="currency")
    if by is None:
        return
    if not access.can_change(by, first):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": first})
    if refused := [one for one in rest if not access.can_change(by, one)]:
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": refused[0]})


def _absorb(kept: Record, gone: Record, by: User | None) -> None:
    moved: dict[str, Any] = {}
    follows, before = kept.type.has_amount and kept.follows_lines, [str(kept.amount), kept.has_own_amount]
    for relation in RELATIONS:
        if ids := relation.move(gone, kept):
            moved[relation.name] = ids
    if follows and _LINES in moved:
        lines = list(kept.lines.in_order())
        if len(lines) == len(moved[_LINES]):
            moved[_AMOUNT] = before
        _follow(kept, lines)
    if related := hand_on(_link(gone), _link(kept)):
        moved[_RELATED] = related
    if own := values.hand_on(set_of(kept.type_id), gone.pk, kept.pk):
        moved[_OWN] = own
    if named := [name for name in ("company_id", "contact_id") if getattr(kept, name) == gone.pk]:
        moved[_CLIENT] = named
        for name in named:
            setattr(kept, name, None)
    fillable = _FILLED if any(getattr(kept, name) for name in EXTERNAL) else (*_FILLED, *EXTERNAL)
    filled = [name for name in fillable if not getattr(kept, name) and getattr(gone, name)]
    for name in filled:
        # What was its own client would be itself.
        if getattr(gone, name) != kept.pk:
            setattr(kept, name, getattr(gone, name))
    now = timezone.now()
    Record.objects.filter(pk=gone.pk).update(deleted_at=now, deleted_by=by, merged_into=kept)
    Merger.objects.create(kept=kept, gone=gone, by=by, at=now, moved=moved, filled=filled)
    kept.changed_by, kept.changed_at = by, now


def _link(record: Record) -> Ref:
    """As relations name it, whatever its kind."""
    return Ref(ANY_RECORD, record.pk)


def _finish(kept: Record, rest: Sequence[Record]) -> None:
    renew_audience(kept)
    kept.save(update_fields=[*_FILLED, *EXTERNAL, *_SUMS, "changed_by", "changed_at", "audience"])
    follow_records([kept.pk])
    renew_next_steps([kept.pk, *(one.pk for one in rest)])


def _empty_again(kept: Record, gone: Record, filled: Iterable[str]) -> None:
    """Of the fields that were filled in those that still hold what was filled in."""
    blank = Record()
    names = [name for name in filled if getattr(kept, name) == getattr(gone, name)]
    for name in names:
        setattr(kept, name, getattr(blank, name))
    kept.save(update_fields=names)


def _name_again(kept: Record, gone: Record, named: Iterable[str]) -> None:
    """As its client, where it has had no other since."""
    names = [name for name in named if getattr(kept, name) is None]
    for name in names:
        setattr(kept, name, gone.pk)
    kept.save(update_fields=names)


def _follow(record: Record, lines: Sequence[LineItem]) -> None:
    """Unsaved: its amount is what these lines come to. Raises ValidationError."""
    record.has_own_amount, record.amount = False, totals_of(lines, record.currency).sums.gross
    record.base_amount = counted_over(record.amount, record.currency, all_currencies())
    check_kept(max(record.amount, record.base_amount))


def _follow_without(kept: Record, moved: Mapping[str, Any]) -> None:
    """Its amount without the lines that have gone with another, where it still follows its lines."""
    if _LINES not in moved or kept.has_own_amount:
        return
    if lines := list(kept.lines.in_order()):
        _follow(kept, lines)
    elif _AMOUNT in moved:
        amount, kept.has_own_amount = moved[_AMOUNT]
        kept.amount = Decimal(amount)
        kept.base_amount = counted_over(kept.amount, kept.currency, all_currencies())
    kept.save(update_fields=_SUMS)
