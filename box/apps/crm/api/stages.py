"""How Bitrix24 names stages and pipelines.

A deal's first pipeline is category 0, and its stages are named by their code alone; those of others carry
the category: `C7:NEW`. Of other types with pipelines both stand before it: `DT1030_7:NEW`.
Source: https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-list.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.crm.catalog import catalog
from box.apps.crm.models import RecordType

if TYPE_CHECKING:
    from box.apps.crm.models import Pipeline, Stage

Id = RecordType.Id
_BY_CODE = frozenset({Id.LEAD, Id.QUOTE})
SEMANTICS = {"open": "P", "won": "S", "lost": "F"}


def category_of(pipeline: Pipeline) -> int:
    if pipeline.type_id == Id.DEAL:
        first = min(one.pk for one in catalog().pipelines.values() if one.type_id == Id.DEAL)
        return 0 if pipeline.pk == first else pipeline.pk
    return 0 if pipeline.type_id in _BY_CODE else pipeline.pk


def name_of(stage: Stage) -> str:
    pipeline = stage.pipeline
    category = category_of(pipeline)
    if category == 0:
        return stage.code
    if pipeline.type_id == Id.DEAL:
        return f"C{category}:{stage.code}"
    return f"DT{pipeline.type_id}_{category}:{stage.code}"


def entity_of(pipeline: Pipeline) -> str:
    """Under which its stages stand among all lists."""
    category = category_of(pipeline)
    match pipeline.type_id:
        case Id.LEAD:
            return "STATUS"
        case Id.QUOTE:
            return "QUOTE_STATUS"
        case Id.DEAL:
            return f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
    return f"DYNAMIC_{pipeline.type_id}_STAGE_{category}"


def stage_named(type_id: int, name: str) -> Stage:
    """Raises ValidationError."""
    known = catalog()
    for stage in known.stages_of_type(known.types[type_id]):
        if name_of(stage) == name:
            return stage
    raise ValidationError(_("There is no stage %(name)s.") % {"name": name[:60]})


def pipeline_numbered(type_id: int, category: int) -> Pipeline:
    """Raises ValidationError."""
    known = catalog()
    for pipeline in known.pipelines_of(known.types[type_id]):
        if category_of(pipeline) == category:
            return pipeline
    raise ValidationError(_("There is no pipeline %(name)s.") % {"name": category})
