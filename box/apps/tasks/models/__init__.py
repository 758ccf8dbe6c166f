"""Tasks, who is in them, and what belongs to them."""

from box.apps.tasks.models.baselines import LONGEST_BASELINE, Baseline, BaselineBar
from box.apps.tasks.models.checklists import LONGEST_ITEM, ChecklistItem, ChecklistItemQuerySet
from box.apps.tasks.models.dependencies import Dependency, bar_of
from box.apps.tasks.models.names import ProgramName
from box.apps.tasks.models.stages import LONGEST_STAGE, Placement, TaskStage, stage_labels
from box.apps.tasks.models.tasks import (
    KEPT_IN_TRASH_DAYS,
    KIND,
    OPEN,
    Participant,
    Task,
    TaskFile,
    TaskQuerySet,
    address_of,
    found_tasks,
    new_address,
    task_cards,
    task_named,
)
from box.apps.tasks.models.templates import (
    TEMPLATE,
    Template,
    TemplateFile,
    TemplateParticipant,
    template_cards,
    values_key,
)
from box.apps.tasks.models.time import LONGEST_NOTE, TimeEntry

__all__ = [
    "KEPT_IN_TRASH_DAYS",
    "KIND",
    "LONGEST_BASELINE",
    "LONGEST_ITEM",
    "LONGEST_NOTE",
    "LONGEST_STAGE",
    "OPEN",
    "TEMPLATE",
    "Baseline",
    "BaselineBar",
    "ChecklistItem",
    "ChecklistItemQuerySet",
    "Dependency",
    "Participant",
    "Placement",
    "ProgramName",
    "Task",
    "TaskFile",
    "TaskQuerySet",
    "TaskStage",
    "Template",
    "TemplateFile",
    "TemplateParticipant",
    "TimeEntry",
    "address_of",
    "bar_of",
    "found_tasks",
    "new_address",
    "stage_labels",
    "task_cards",
    "task_named",
    "template_cards",
    "values_key",
]
