"""What happened in the CRM.

Handlers read the items anew: an event names them, and what only the moment of the write knew.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ItemAdded:
    item_id: int
    by_id: int | None


@dataclass(frozen=True)
class ItemChanged:
    """`changes`: by the field's name what it was and what it became, as texts."""

    item_id: int
    by_id: int | None
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class ItemMoved:
    """Into another stage, perhaps of another pipeline."""

    item_id: int
    by_id: int | None
    stage_before_id: int
    stage_id: int


@dataclass(frozen=True)
class ResponsibleChanged:
    item_id: int
    by_id: int | None
    before_id: int
    responsible_id: int


@dataclass(frozen=True)
class ObserversChanged:
    item_id: int
    by_id: int | None
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()


@dataclass(frozen=True)
class LeadConverted:
    """`made`: the items that came of it."""

    lead_id: int
    by_id: int | None
    made: tuple[int, ...]


@dataclass(frozen=True)
class ItemsDeleted:
    """Into the trash: they can be brought back."""

    item_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class ItemsBroughtBack:
    item_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class AudiencesChanged:
    """Who sees these items is different now."""

    item_ids: tuple[int, ...]


@dataclass(frozen=True)
class ActivityPlanned:
    activity_id: int
    by_id: int | None


@dataclass(frozen=True)
class ActivityDone:
    activity_id: int
    by_id: int | None


@dataclass(frozen=True)
class ActivityChanged:
    """Another moment, another responsible person, other words; or it was taken away."""

    activity_id: int
    item_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class PermissionChanged:
    role_id: int
    role: str
    scope: str
    operation: str
    level: str
    by_id: int | None


@dataclass(frozen=True)
class PipelineChanged:
    """It, or a stage of it, was made, called or ordered otherwise, or retired."""

    pipeline_id: int
    by_id: int | None


@dataclass(frozen=True)
class ItemsMerged:
    """The others are a part of the first now."""

    item_id: int
    gone_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class MergerTakenBack:
    item_id: int
    back_id: int
    by_id: int | None
