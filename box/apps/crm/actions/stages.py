"""Pipelines and stages, once they are there: called otherwise, moved, retired."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import batched
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.actions.audiences import renew_audiences_in
from box.apps.crm.actions.checks import check_fields, id_of
from box.apps.crm.events import PipelineChanged, RecordMoved
from box.apps.crm.field_rights import PART_OF, fields_of
from box.apps.crm.fields import DEMANDABLE
from box.apps.crm.models import Pipeline, Record, Stage, StageVisit, WebForm
from box.apps.crm.models.types import STAGE_NAMES
from box.core.events.outbox import emit, emit_all
from box.core.registry.settings import raise_version
from box.lib.ranks import between

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from box.core.accounts.models import User

MOST_MOVED = 20_000
BATCH = 1000


@transaction.atomic
def change_pipeline(pipeline: Pipeline, name: str, *, by: User | None) -> None:
    """Calls it otherwise; a type's first may be called like the type. Raises ValidationError."""
    held = Pipeline.objects.select_for_update().get(pk=pipeline.pk)
    held.name = " ".join(name.split())
    others = held.type.pipelines.standing().exclude(pk=held.pk)
    if others.filter(name__iexact=held.name).exists():
        raise ValidationError({"name": _("Another pipeline is called so.")})
    check_fields(held, ["name"])
    held.save(update_fields=["name"])
    _changed(held.pk, by)


@transaction.atomic
def place_pipeline(pipeline: Pipeline, place: int, *, by: User | None) -> None:
    """Among those of its type, counted from 0."""
    held = Pipeline.objects.select_for_update().get(pk=pipeline.pk)
    held.rank = rank_at(held.type.pipelines.standing().in_order(), held, place)
    held.save(update_fields=["rank"])
    _changed(held.pk, by)


@transaction.atomic
def retire_pipeline(pipeline: Pipeline, *, by: User | None) -> None:
    """Nothing comes into it any more. Raises ValidationError while something is in it, and for the last."""
    held = Pipeline.objects.select_for_update().get(pk=pipeline.pk)
    if Record.objects.filter(pipeline=held).exists():
        raise ValidationError(
            _("Move what is in “%(pipeline)s” to another pipeline first, also what is in the trash.")
            % {"pipeline": held},
            code="full",
        )
    if not held.type.pipelines.standing().exclude(pk=held.pk).exists():
        raise ValidationError(_("%(type)s need a pipeline.") % {"type": held.type.label}, code="last")
    _refuse_where_forms_lead(held.stages.all())
    held.retired_at = timezone.now()
    held.save(update_fields=["retired_at"])
    _changed(held.pk, by)


@transaction.atomic
def change_stage(stage: Stage, name: str, color: str, *, by: User | None) -> None:
    """Raises ValidationError by field."""
    held = Stage.objects.select_for_update().get(pk=stage.pk)
    name = " ".join(name.split())
    # A stage that the box brings is called in the reader's language until somebody calls it otherwise.
    if name != str(held):
        held.name = name
    held.color = color
    if not name and held.code not in STAGE_NAMES:
        raise ValidationError({"name": _("Give the stage a name.")})
    check_fields(held, ["name", "color"])
    held.save(update_fields=["name", "color"])
    _changed(held.pipeline_id, by)


@transaction.atomic
def place_stage(stage: Stage, place: int, *, by: User | None) -> None:
    """Among those of its kind, counted from 0: what is open comes before what is won, and that before what
    is lost."""
    held = Stage.objects.select_for_update().get(pk=stage.pk)
    siblings = held.pipeline.stages.standing().filter(kind=held.kind).in_order()
    held.rank = rank_at(siblings, held, place)
    held.save(update_fields=["rank"])
    _changed(held.pipeline_id, by)


@transaction.atomic
def retire_stage(stage: Stage, *, into: Stage | None = None, by: User | None) -> None:
    """Nothing comes into it any more; that something was in it stays in the history of records.

    What is in it goes `into` another stage of its type, whatever that demands: the administrator has decided.
    Raises ValidationError while something is in it, and for the last stage of its kind.
    """
    held = Stage.objects.select_for_update().select_related("pipeline").get(pk=stage.pk)
    if not held.pipeline.stages.standing().filter(kind=held.kind).exclude(pk=held.pk).exists():
        raise ValidationError(
            _("A pipeline keeps a stage to begin with, one for what is won and one for what is lost."),
            code="last",
        )
    _refuse_where_forms_lead([held])
    if into is not None:
        _move_all(held, into, by)
    elif Record.objects.there().filter(stage=held).exists():
        raise ValidationError(
            _("Move what is in “%(stage)s” to another stage first.") % {"stage": held}, code="full"
        )
    held.retired_at = timezone.now()
    held.save(update_fields=["retired_at"])
    _changed(held.pipeline_id, by)


def _refuse_where_forms_lead(stages: Iterable[Stage]) -> None:
    """Raises ValidationError where what comes through a form on a website begins in one of them."""
    if (form := WebForm.objects.open().filter(stage__in=stages).order_by("pk").first()) is not None:
        said = _("What comes through the form “%(form)s” begins here: choose another stage in it first.")
        raise ValidationError(said % {"form": form}, code="form")


@transaction.atomic
def set_demands(stage: Stage, names: Collection[str], *, by: User | None) -> None:
    """What must be filled before a record comes here. Raises ValidationError for a name that is no field, and
    for one that records of this type don't show; what was demanded before may stay."""
    if unknown := sorted(set(names) - set(DEMANDABLE)):
        raise ValidationError(_("There is no field %(names)s.") % {"names": ", ".join(unknown)}, code="field")
    kind = stage.pipeline.type
    shown = fields_of(kind)
    hidden = [
        str(label)
        for name, label in DEMANDABLE.items()
        if name in names and name not in stage.demands and PART_OF.get(name, name) not in shown
    ]
    if hidden:
        raise ValidationError(
            _("%(type)s don't show this, so nobody could fill it in: %(names)s. Choose other fields.")
            % {"type": kind.label, "names": ", ".join(hidden)},
            code="hidden",
        )
    stage.demands = sorted(set(names))
    stage.save(update_fields=["demands"])
    _changed(stage.pipeline_id, by)


def rank_at[M: Model](siblings: QuerySet[M, M], row: M, place: int) -> str:
    """Of a row that is to stand at this place among them, counted from 0 without it."""
    ranks = list(siblings.exclude(pk=row.pk).values_list("rank", flat=True))
    place = max(0, min(place, len(ranks)))
    return between(ranks[place - 1] if place else None, ranks[place] if place < len(ranks) else None)


def _move_all(stage: Stage, into: Stage, by: User | None) -> None:
    """Also what is in the trash: it would come back into a stage that is not there."""
    into = Stage.objects.select_for_update(of=("self",)).select_related("pipeline").get(pk=into.pk)
    if into.pk == stage.pk or into.retired_at is not None or into.pipeline.type_id != stage.pipeline.type_id:
        raise ValidationError(_("There is no such stage here: reload the page."), code="stage")
    held = Record.objects.filter(stage=stage).select_for_update(of=("self",)).order_by("pk")
    ids = list(held.values_list("pk", flat=True)[: MOST_MOVED + 1])
    if len(ids) > MOST_MOVED:
        raise ValidationError(
            _("At most %(most)s are moved at once: move a part of them in the list first.")
            % {"most": MOST_MOVED},
            code="most",
        )
    now = timezone.now()
    for some in batched(ids, BATCH, strict=False):
        rows = Record.objects.filter(pk__in=some)
        moved = {
            "stage": into,
            "pipeline": into.pipeline,
            "stage_since": now,
            "changed_by": by,
            "changed_at": now,
        }
        if into.is_open:
            rows.update(**moved, closed_at=None)
        else:
            rows.filter(closed_at=None).update(**moved, closed_at=now)
            rows.filter(stage=stage).update(**moved)
        StageVisit.objects.filter(record__in=some, left_at=None).update(left_at=now)
        StageVisit.objects.bulk_create(
            StageVisit(record_id=pk, stage=into, entered_at=now, by=by) for pk in some
        )
        emit_all(
            [
                RecordMoved(record_id=pk, by_id=id_of(by), stage_before_id=stage.pk, stage_id=into.pk)
                for pk in some
            ]
        )
    if stage.scope != into.scope:
        renew_audiences_in(into)


def _changed(pipeline_id: int, by: User | None) -> None:
    raise_version()
    emit(PipelineChanged(pipeline_id=pipeline_id, by_id=id_of(by)))
