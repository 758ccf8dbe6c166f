"""Tasks from tables, see `box.core.imports`: a row for each task, and a list that was saved as a file.

Whoever imports gives them. A row with an identifier that a task has already adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.tasks.access import can_create
from box.apps.tasks.actions.checklists import lines_of
from box.apps.tasks.actions.tasks import TaskDraft, add_task, delete_tasks
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Task
from box.apps.tasks.quick_add import END_OF_DAY
from box.core.accounts.models import User
from box.core.fields.kinds import day_of
from box.core.fields.values import Values
from box.core.groups.models import KIND as GROUP_KIND
from box.core.groups.models import Group
from box.core.imports.importers import (
    Context,
    Duplicates,
    Entry,
    Importer,
    ImportField,
    Taken,
    fields_of,
    values_from,
)
from box.core.lists.filters import PERSON_KIND
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.lib.durations import minutes_of
from box.lib.moments import refuse_distant

KEY = "tasks.tasks"
MOST_NAMED = 50

_FIELDS = (
    ImportField(
        "title", gettext_lazy("Title"), "task title name subject задача название заголовок тема",
        is_required=True,
    ),
    ImportField("text", gettext_lazy("Description"), "description text notes описание текст"),
    ImportField(
        "responsible", pgettext_lazy("task", "Responsible"),
        "responsible assignee owner ответственный исполнитель",
    ),
    ImportField(
        "accomplices", gettext_lazy("Help with it"), "accomplices helpers participants соисполнители помогают"
    ),
    ImportField("observers", gettext_lazy("Watch it"), "observers watchers auditors наблюдатели наблюдают"),
    ImportField("deadline", gettext_lazy("Deadline"), "deadline due duedate крайнийсрок срок дедлайн"),
    ImportField("starts", gettext_lazy("Planned start"), "plannedstart start startdate началоплан начало"),
    ImportField("ends", gettext_lazy("Planned end"), "plannedend end enddate завершениеплан окончание"),
    ImportField("estimate", gettext_lazy("Estimate"), "estimate оценка плановыетрудозатраты трудозатраты"),
    ImportField("priority", pgettext_lazy("of a task", "Priority"), "priority приоритет важность"),
    ImportField("tags", gettext_lazy("Tags"), "tags labels теги метки"),
    ImportField("project", gettext_lazy("Project"), "project group проект группа"),
    ImportField("items", gettext_lazy("Checklist"), "checklist чеклист чек-лист"),
    ImportField("external", gettext_lazy("Identifier"), "id externalid xmlid идентификатор код"),
)  # fmt: skip
_PRIORITIES = {
    **dict.fromkeys(
        ("high", "important", "yes", "2", "высокий", "важная", "важно", "да"), Task.Priority.HIGH
    ),
    **dict.fromkeys(("normal", "medium", "no", "1", "средний", "обычный", "нет"), Task.Priority.NORMAL),
    **dict.fromkeys(("low", "0", "низкий"), Task.Priority.LOW),
}


@dataclass(frozen=True)
class TaskRow:
    """A row, understood; people and the project by their ids, nobody is whoever imports."""

    title: str
    text: str
    responsible: int | None
    accomplices: tuple[int, ...]
    observers: tuple[int, ...]
    deadline_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    estimate_minutes: int | None
    priority: int
    tags: tuple[str, ...]
    project: int | None
    items: tuple[str, ...]
    external_id: str
    own: Values


class TaskImporter(Importer[TaskRow]):
    key = KEY
    label = gettext_lazy("Tasks")
    about = gettext_lazy(
        "A row for each task, such as of a list that was saved as a file. You give them; those who are to do"
        " them are told."
    )
    duplicates = (Duplicates.SKIP,)
    is_undoable = True
    back = "tasks:list"

    def can_import(self, user: User) -> bool:
        return can_create(user)

    def fields(self) -> Sequence[ImportField]:
        return [*_FIELDS, *fields_of(TASK_FIELDS)]

    def understand(self, cells: Mapping[str, str], context: Context) -> TaskRow:
        title = " ".join(cells.get("title", "").split())
        if not title:
            raise ValidationError(_("There is no title."))
        projects = _meant(cells, "project", GROUP_KIND, context)
        responsible = _meant(cells, "responsible", PERSON_KIND, context)
        if len(responsible) > 1 or len(projects) > 1:
            raise ValidationError(_("A task has one person who is responsible, and one project."))
        return TaskRow(
            title=title,
            text=cells.get("text", ""),
            responsible=next(iter(responsible), None),
            accomplices=_meant(cells, "accomplices", PERSON_KIND, context),
            observers=_meant(cells, "observers", PERSON_KIND, context),
            deadline_at=_moment(cells, "deadline"),
            starts_at=_moment(cells, "starts"),
            ends_at=_moment(cells, "ends"),
            estimate_minutes=_estimate(cells.get("estimate", "")),
            priority=_priority(cells.get("priority", "")),
            tags=tuple(one.lstrip("#") for one in _parts(cells.get("tags", ""))),
            project=next(iter(projects), None),
            items=tuple(lines_of(cells.get("items", "").replace(";", "\n"))),
            external_id=cells.get("external", "").strip()[:LONGEST_EXTERNAL_ID],
            own=values_from(TASK_FIELDS, cells, context),
        )

    def shown(self, row: TaskRow) -> Mapping[str, str]:
        moments = {"deadline": row.deadline_at, "starts": row.starts_at, "ends": row.ends_at}
        return {
            "title": row.title,
            **{key: f"{timezone.localtime(at):%d.%m.%Y %H:%M}" for key, at in moments.items() if at},
        }

    def keys(self, row: TaskRow) -> Collection[str]:
        return {row.external_id.upper()} if row.external_id else ()

    def known(self, keys: Collection[str], context: Context) -> Mapping[str, int]:
        """Of the tasks that whoever imports sees: of others they learn nothing."""
        seen = Task.objects.each_visible_to(context.by).there().exclude(external_id="")
        upper = seen.annotate(upper=Upper("external_id")).filter(upper__in=keys)
        return dict(upper.order_by("-pk").values_list("upper", "pk"))

    def take(self, entries: Sequence[Entry[TaskRow]], context: Context) -> Sequence[Taken]:
        rows = [one.row for one in entries]
        people = {pk for row in rows for pk in (row.responsible,) if pk is not None}
        users = User.objects.in_bulk(people)
        groups = Group.objects.in_bulk({row.project for row in rows if row.project is not None})
        return [self._taken(one, users, groups, context.by) for one in entries]

    def _taken(
        self, entry: Entry[TaskRow], users: Mapping[int, User], groups: Mapping[int, Group], by: User
    ) -> Taken:
        row = entry.row
        draft = TaskDraft(
            title=row.title, text=row.text, responsible=users[row.responsible] if row.responsible else by,
            accomplice_ids=row.accomplices, observer_ids=row.observers, deadline_at=row.deadline_at,
            starts_at=row.starts_at, ends_at=row.ends_at, estimate_minutes=row.estimate_minutes,
            priority=row.priority, tags=row.tags, project=groups[row.project] if row.project else None,
            items=row.items, external_id=row.external_id, fields=row.own,
        )  # fmt: skip
        try:
            with transaction.atomic():
                made = add_task(draft, by=by)
        except (ValidationError, PermissionDenied) as error:
            said = error.messages if isinstance(error, ValidationError) else [str(error)]
            return Taken(entry.number, problem=" ".join(said))
        return Taken(entry.number, made.pk, is_new=True)

    def states(self, ids: Collection[int]) -> Mapping[int, str]:
        facts = (
            "pk", "changed_at", "state", "responsible", "items_count", "items_done", "spent_seconds",
            "thread__comments_count",
        )  # fmt: skip
        # Held, so that nobody changes between the look at it and its end what an undo takes away.
        held = Task.objects.there().select_for_update(of=("self",), no_key=True).order_by("pk")
        rows = held.filter(pk__in=ids).values_list(*facts)
        return {pk: " ".join(map(str, (at.astimezone(UTC), *more))) for pk, at, *more in rows}

    def remove(self, ids: Sequence[int], context: Context) -> None:
        """Into the trash."""
        delete_tasks(list(Task.objects.filter(pk__in=ids)), by=context.by)


def _parts(text: str) -> list[str]:
    parts = [one.strip() for one in text.replace("\n", ";").replace(",", ";").split(";")]
    return list(dict.fromkeys(filter(None, parts)))[:MOST_NAMED]


def _meant(cells: Mapping[str, str], key: str, kind: str, context: Context) -> tuple[int, ...]:
    """Whom or what the parts of a cell name: a name with a comma in it would be two."""
    found = []
    for text in _parts(cells.get(key, "")):
        try:
            found.append(context.find(kind, text))
        except ValueError:
            raise ValidationError(_("Nothing here is called “%(text)s”.") % {"text": text[:80]}) from None
    return tuple(found)


def _moment(cells: Mapping[str, str], key: str) -> datetime | None:
    """A day alone is the end of its working hours."""
    text = " ".join(cells.get(key, "").split())
    if not text:
        return None
    try:
        found = _read_moment(text)
    except ValueError:
        said = _("“%(text)s” is no day and time: write 24.11.2026 14:30.")
        raise ValidationError(said % {"text": text[:40]}) from None
    refuse_distant(found)
    return found


def _read_moment(text: str) -> datetime:
    day, _space, hour = text.partition(" ")
    try:
        on = day_of(day)
    except ValueError:
        found = datetime.fromisoformat(text)
    else:
        found = datetime.combine(on, time.fromisoformat(hour) if hour else END_OF_DAY)
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def _estimate(text: str) -> int | None:
    try:
        return minutes_of(text) if text.strip() else None
    except ValueError:
        raise ValidationError(_("Write hours and minutes such as 2:30.")) from None


def _priority(text: str) -> int:
    word = text.strip().casefold()
    if not word:
        return Task.Priority.NORMAL
    if word not in _PRIORITIES:
        raise ValidationError(
            _("“%(text)s” is no priority: write high, normal or low.") % {"text": word[:40]}
        )
    return _PRIORITIES[word]
