"""What happened to tasks.

Handlers read the tasks anew: an event names them, and what only the moment of the write knew.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskAdded:
    """With `template_id` by a template, and then for `times_missed` moments before it, too."""

    task_id: int
    by_id: int
    template_id: int | None = None
    times_missed: int = 0


@dataclass(frozen=True)
class TaskChanged:
    """`changes`: by the field's name what it was and what it became, as texts."""

    task_id: int
    by_id: int
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class TaskRelated:
    """Other objects, `feed.post:12`, belong to it from now on, or not any more."""

    task_id: int
    by_id: int
    others: tuple[str, ...]
    is_added: bool


@dataclass(frozen=True)
class TaskStarted:
    task_id: int
    by_id: int


@dataclass(frozen=True)
class TaskPaused:
    task_id: int
    by_id: int


@dataclass(frozen=True)
class TaskDeferred:
    task_id: int
    by_id: int


@dataclass(frozen=True)
class TaskSubmitted:
    """Done, and whoever gave it is to accept it."""

    task_id: int
    by_id: int


@dataclass(frozen=True)
class TaskCompleted:
    """Over: `is_accepted` where somebody else had done it."""

    task_id: int
    by_id: int
    is_accepted: bool = False


@dataclass(frozen=True)
class TaskReturned:
    """Not accepted, or begun again; `note` says what is missing."""

    task_id: int
    by_id: int
    note: str = ""


@dataclass(frozen=True)
class TaskDelegated:
    """To `user_id`, from `former_id`."""

    task_id: int
    by_id: int
    user_id: int
    former_id: int


@dataclass(frozen=True)
class ParticipantsChanged:
    """`user_ids` help or watch from now on, `former_ids` no more."""

    task_id: int
    by_id: int
    role: str
    user_ids: tuple[int, ...] = ()
    former_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class TasksDeleted:
    """Into the trash: they can be brought back."""

    task_ids: tuple[int, ...]
    by_id: int


@dataclass(frozen=True)
class TasksRestored:
    task_ids: tuple[int, ...]
    by_id: int


@dataclass(frozen=True)
class TasksPurged:
    """For good."""

    task_ids: tuple[int, ...]


@dataclass(frozen=True)
class AudiencesChanged:
    """Who sees these tasks is different now."""

    task_ids: tuple[int, ...]


@dataclass(frozen=True)
class ChecklistChanged:
    """`change` is added, done, undone, renamed, assigned, dated, moved or deleted; `text` is what the item
    said, and `user_id` whose it is, from now on."""

    task_id: int
    by_id: int
    change: str
    text: str = ""
    user_id: int | None = None


@dataclass(frozen=True)
class TaskPlaced:
    """Into a stage of its project, or of somebody's own plan."""

    task_id: int
    by_id: int
    stage: str
    is_own: bool = False


@dataclass(frozen=True)
class StagesChanged:
    """Of a project, or of one's own plan."""

    by_id: int
    group_id: int | None = None


@dataclass(frozen=True)
class DependencyChanged:
    """The task follows another from now on, or does no more."""

    task_id: int
    by_id: int
    before_id: int
    is_added: bool


@dataclass(frozen=True)
class TimerStarted:
    task_id: int
    by_id: int


@dataclass(frozen=True)
class TimeWritten:
    """Somebody has worked on it: `seconds` more than was written down before, or less after a correction, of
    which `reason` says why."""

    task_id: int
    by_id: int
    user_id: int
    seconds: int
    reason: str = ""


@dataclass(frozen=True)
class TemplateChanged:
    """`change` is added, changed, paused, resumed or deleted."""

    template_id: int
    by_id: int
    change: str


@dataclass(frozen=True)
class TemplateStopped:
    """Its task could not be given, and it gives none until somebody mends it: `problem` says why."""

    template_id: int
    problem: str


@dataclass(frozen=True)
class BaselineTaken:
    """The dates of a project were kept under this name."""

    group_id: int
    name: str
    by_id: int


@dataclass(frozen=True)
class BaselineDropped:
    group_id: int
    name: str
    by_id: int
