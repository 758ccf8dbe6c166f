"""The types, pipelines, stages and sources there are, as every page of the CRM needs them: read once a
process, and anew when somebody has changed one. Whoever writes one of them calls `raise_version`.

What is retired is in it too: records were in it, and histories name it. Its rows are shared, so never write
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from box.apps.crm.models import LossReason, Pipeline, Record, RecordType, Source, Stage
from box.core.registry.settings import Remembered


# By identity: what is made of it alone is remembered under it.
@dataclass(frozen=True, eq=False)
class Catalog:
    types: Mapping[int, RecordType]
    pipelines: Mapping[int, Pipeline]
    stages: Mapping[int, Stage]
    sources: Mapping[int, Source]
    loss_reasons: Mapping[int, LossReason]

    @cached_property
    def standing_types(self) -> tuple[RecordType, ...]:
        """In the order of the tabs."""
        return tuple(one for one in self.types.values() if one.retired_at is None)

    @cached_property
    def by_slug(self) -> Mapping[str, RecordType]:
        return {one.slug: one for one in self.standing_types}

    @cached_property
    def standing_sources(self) -> tuple[Source, ...]:
        return tuple(one for one in self.sources.values() if one.retired_at is None)

    @cached_property
    def standing_loss_reasons(self) -> tuple[LossReason, ...]:
        return tuple(one for one in self.loss_reasons.values() if one.retired_at is None)

    def pipelines_of(self, kind: RecordType) -> Sequence[Pipeline]:
        return self._standing_pipelines.get(kind.pk, ())

    def stages_of(self, pipeline: Pipeline) -> Sequence[Stage]:
        """As a board shows them: what is open, then won, then lost."""
        return self._standing_stages.get(pipeline.pk, ())

    def stages_of_type(self, kind: RecordType) -> list[Stage]:
        return [stage for pipeline in self.pipelines_of(kind) for stage in self.stages_of(pipeline)]

    def dress[Rows: Iterable[Record]](self, records: Rows) -> Rows:
        """Gives records their type, pipeline, stage and source without a query."""
        for record in records:
            record.type = self.types[record.type_id]
            if record.stage_id is not None:
                record.stage = self.stages[record.stage_id]
                record.pipeline = record.stage.pipeline
            if record.source_id is not None:
                record.source = self.sources[record.source_id]
            if record.loss_reason_id is not None:
                record.loss_reason = self.loss_reasons[record.loss_reason_id]
        return records

    @cached_property
    def _standing_pipelines(self) -> Mapping[int, tuple[Pipeline, ...]]:
        found: dict[int, tuple[Pipeline, ...]] = {}
        for one in self.pipelines.values():
            if one.retired_at is None:
                found[one.type_id] = (*found.get(one.type_id, ()), one)
        return found

    @cached_property
    def _standing_stages(self) -> Mapping[int, tuple[Stage, ...]]:
        found: dict[int, tuple[Stage, ...]] = {}
        for one in self.stages.values():
            if one.retired_at is None:
                found[one.pipeline_id] = (*found.get(one.pipeline_id, ()), one)
        return found


def catalog() -> Catalog:
    """In a request no query unless something has changed since the last one."""
    return _remembered.value


def _read() -> Catalog:
    types = {one.pk: one for one in RecordType.objects.order_by("order", "id")}
    pipelines = {one.pk: one for one in Pipeline.objects.in_order()}
    for pipeline in pipelines.values():
        pipeline.type = types[pipeline.type_id]
    stages = {one.pk: one for one in Stage.objects.in_order()}
    for stage in stages.values():
        stage.pipeline = pipelines[stage.pipeline_id]
    sources = {one.pk: one for one in Source.objects.all()}
    return Catalog(types, pipelines, stages, sources, {one.pk: one for one in LossReason.objects.all()})


_remembered = Remembered(_read)
