"""Saying that objects belong together, and that they do not any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from box.core.registry.capabilities import Ref, cards_of
from box.core.registry.origin import is_importing, moment
from box.core.relations.models import Relation
from box.core.relations.relatable import relatables

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_RELATIONS = 100
"""Of one object that somebody has said by hand; what it is related to by others has no end."""


@transaction.atomic
def relate(ref: Ref, others: Sequence[Ref], *, by: User) -> list[Ref]:
    """These belong to the object from now on; returns those that did not before. What somebody does not see
    they do not relate. Raises ValidationError, and PermissionDenied for whoever may not."""
    relatables[ref.kind].check(by, ref.id)
    wanted = [one for one in dict.fromkeys(others) if one != ref]
    had = {one.end_beside(ref) for one in Relation.objects.with_any(ref, wanted)}
    new = [one for one in wanted if one not in had]
    if new and Relation.objects.of(ref)[: MOST_RELATIONS + 1].count() + len(new) > MOST_RELATIONS:
        raise ValidationError(
            _("At most %(most)s things are related to one: take some away first.") % {"most": MOST_RELATIONS},
            code="many",
        )
    if not is_importing() and len(cards_of(new, by)) < len(new):
        raise ValidationError(_("You cannot see all of what you want to relate to it."), code="unseen")
    if new:
        # Whoever says the same at once is not in the way.
        Relation.objects.bulk_create((_between(ref, one, by) for one in new), ignore_conflicts=True)
        relatables[ref.kind].told(ref.id, new, True, by)
    return new


@transaction.atomic
def unrelate(ref: Ref, other: Ref, *, by: User) -> None:
    relatables[ref.kind].check(by, ref.id)
    if Relation.objects.between(ref, other).delete()[0]:
        relatables[ref.kind].told(ref.id, [other], False, by)


def hand_on(gone: Ref, kept: Ref, among: Collection[int] | None = None) -> list[int]:
    """What is related to the one is related to the other from now on, but for what is so already and stays:
    the rows that went along. `among` are the rows that may; none given: all. Call within a transaction."""
    rows = Relation.objects.of(gone).order_by("id")
    there = {kept, *(row.end_beside(kept) for row in Relation.objects.of(kept))}
    moved = []
    for row in rows if among is None else rows.filter(pk__in=list(among)):
        other = row.end_beside(gone)
        if other in there:
            continue
        row.put_between(kept, other)
        # Somebody who says the same at once keeps theirs.
        with suppress(IntegrityError), transaction.atomic():
            row.save(update_fields=["kind", "object_id", "other_kind", "other_id"])
            moved.append(row.pk)
    return moved


def forget_relations(refs: Collection[Ref]) -> None:
    """Of what is gone for good, in the transaction that ends it."""
    ids: dict[str, list[int]] = {}
    for ref in refs:
        ids.setdefault(ref.kind, []).append(ref.id)
    for kind, gone in ids.items():
        Relation.objects.filter(kind=kind, object_id__in=gone).delete()
        Relation.objects.filter(other_kind=kind, other_id__in=gone).delete()


def check_relatable(ref: Ref, *, by: User) -> None:
    """Raises PermissionDenied for whoever may not relate anything to it."""
    if ref.kind not in relatables or not relatables[ref.kind].can_relate(by, ref.id):
        raise PermissionDenied(_("You may look at what is related to it, and not change that."))


def _between(ref: Ref, other: Ref, by: User) -> Relation:
    relation = Relation(made_by=by, made_at=moment())
    relation.put_between(ref, other)
    return relation
