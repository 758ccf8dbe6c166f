"""What happened in the CRM.

Handlers read the records anew: an event names them, and what only the moment of the write knew.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RecordAdded:
    record_id: int
    by_id: int | None
    is_paper: bool = False


@dataclass(frozen=True)
class RecordChanged:
    """`changes`: by the field's name what it was and what it became, as texts."""

    record_id: int
    by_id: int | None
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class RecordMoved:
    """Into another stage, perhaps of another pipeline."""

    record_id: int
    by_id: int | None
    stage_before_id: int
    stage_id: int


@dataclass(frozen=True)
class ResponsibleChanged:
    """To `user_id`, from `former_id`."""

    record_id: int
    by_id: int | None
    user_id: int
    former_id: int


@dataclass(frozen=True)
class ObserversChanged:
    """`user_ids` see it now, `former_ids` no more."""

    record_id: int
    by_id: int | None
    user_ids: tuple[int, ...] = ()
    former_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class LeadConverted:
    """`made`: the records that came of it."""

    lead_id: int
    by_id: int | None
    made: tuple[int, ...]


@dataclass(frozen=True)
class RecordsDeleted:
    """Into the trash: they can be brought back."""

    record_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class RecordErased:
    """For good, out of the trash. What it was called is said nowhere any more."""

    record_id: int
    by_id: int


@dataclass(frozen=True)
class RecordsBroughtBack:
    record_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class AudiencesChanged:
    """Who sees these records is different now."""

    record_ids: tuple[int, ...]


@dataclass(frozen=True)
class ActivityPlanned:
    """`is_planned` False: what was written down was done by then, and is nobody's next step."""

    activity_id: int
    by_id: int | None
    is_planned: bool = True


@dataclass(frozen=True)
class ActivityDone:
    activity_id: int
    by_id: int | None


@dataclass(frozen=True)
class ActivityChanged:
    """Another moment, another responsible person, other words; or it was taken away."""

    activity_id: int
    record_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class StepMoved:
    """A planned activity of the record, to another moment; both are in ISO 8601."""

    record_id: int
    by_id: int | None
    subject: str
    deadline_before: str
    deadline: str


@dataclass(frozen=True)
class PaperSent:
    """The client has the quote or the invoice."""

    record_id: int
    by_id: int


@dataclass(frozen=True)
class PaperPdfWanted:
    record_id: int
    by_id: int | None


@dataclass(frozen=True)
class PaymentNoted:
    """`amount` with its currency; `is_removed`: it was written down by mistake."""

    record_id: int
    by_id: int | None
    amount: str
    direction: str
    is_removed: bool = False


@dataclass(frozen=True)
class FormAnswered:
    """Somebody has sent a form on a website; the record came of it, or was there already."""

    record_id: int
    form_id: int


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
class RecordsMerged:
    """The others are a part of the first now."""

    record_id: int
    merged_ids: tuple[int, ...]
    by_id: int | None


@dataclass(frozen=True)
class MergerTakenBack:
    record_id: int
    parted_id: int
    by_id: int | None


@dataclass(frozen=True)
class DictionaryChanged:
    """Of sources, currencies, units, rates of VAT or products one was added, changed, retired, restored or
    removed; `name` is what it is called."""

    dictionary: str
    change: str
    name: str
    by_id: int | None
